/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Small packets of APP's: over a veth pair straight from A to B of a world, and over A's loopback. IPv4. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lo_traffic.h"
#include "world.h"

#define BURST_PACKETS LO_BURST
#define BURST_OURS "192.0.2.129" /* of the pair in A, beside the addresses that the world has given to A */
#define BURST_THEIRS "192.0.2.130"
#define BURST_IFACE "d0" /* in A */

struct burst_pair {
    int ours, theirs; /* connected to each other; -1 or open */
};

/* The veth pair. Better before trafficd than after it: as most interfaces. Negative errno. */
int burst_new_veth(struct world *world);

/* ours is APP's and in A; theirs is in B and root's, or on loopback APP's too. Negative errno; what is open goes with
 * burst_close(). */
int burst_open_veth(struct world *world, struct burst_pair *ret_pair);
int burst_open_loopback(struct world *world, struct burst_pair *ret_pair);
void burst_close(struct burst_pair *pair);

/* Send and take a burst of small packets, out of ours or into it. Negative errno; -EAGAIN: a packet was lost. */
int burst_pass(const struct burst_pair *pair, bool out);

/*
 * Packets per second of that: one thread sends a burst and then takes it, so that the whole way of a packet is in it,
 * and nothing waits or is lost. Negative errno.
 */
int64_t burst_rate(const struct burst_pair *pair, bool out);

/* uid, in A, may not send to B: 0. -ENODATA: it may. */
int burst_is_refused(struct world *world, uid_t uid);
