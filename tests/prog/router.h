/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * A further host behind place A of a world: C (192.0.2.200, fd00:a::c8, veth c0) - A (veth a1), and A forwards between
 * C and B. No packet waits for a neighbour. Asserts with cmocka.
 */
#pragma once

#include <traffic_abi.h>

#include "flow.h"
#include "world.h"

struct router {
    struct world *world;
    int netns;   /* of C */
    uint32_t a1; /* number of A's second interface */
};

/* C ends with router_free() or with the process. */
struct router router_new(struct world *world);
void router_free(struct router *router);

/* Run a command in C; words are separated by blanks. */
__attribute__((format(printf, 2, 3))) void router_run(const struct router *router, const char *format, ...);

/* UDP between C (a) and root in B (b); DF is never set. */
struct udp router_udp(const struct router *router, int family);
/* A TCP connection that C (a) makes to B (b). */
struct tcp router_tcp(const struct router *router, int family);

/* What C's device has sent (rx: received), packets and L3 bytes, if its offloads are off. */
struct tctl_stats_value router_device(const struct router *router);
