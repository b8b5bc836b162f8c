/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A veth pair straight from A to B of a world, and how much goes over it. IPv4. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "world.h"

#define VETH_UID 10000          /* whose sockets are A's */
#define VETH_OURS "192.0.2.129" /* beside the addresses that the world has given to A */
#define VETH_THEIRS "192.0.2.130"
#define VETH_IFACE "d0"   /* in A */
#define VETH_BURST 64     /* packets that wait in the other's socket at most */
#define VETH_UDP_BYTES 18 /* of data: the smallest frame of Ethernet */

struct veth_sockets {
    int ours, theirs; /* connected to each other; -1 or open */
};

/* The pair. Better before trafficd than after it: as most interfaces. Negative errno. */
int veth_new(struct world *world);

/* UDP. Negative errno; what is open goes with veth_close(). */
int veth_open(struct world *world, struct veth_sockets *ret_sockets);
void veth_close(struct veth_sockets *sockets);

/* Send and take a burst of small packets, out of A or into it. Negative errno; -EAGAIN: a packet was lost. */
int veth_udp_pass(const struct veth_sockets *sockets, bool out);

/*
 * Packets per second of that in a tenth of a second: one thread on one CPU sends a burst and then takes it, so that the
 * whole way of a packet is in it, and nothing waits or is lost. Negative errno.
 */
int64_t veth_udp_rate(const struct veth_sockets *sockets, bool out);
