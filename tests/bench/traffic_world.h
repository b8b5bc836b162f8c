/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Several worlds at a time, which a process can have but one of: each in a process of its own, which has nothing to do
 * while it is another's turn.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "attached.h"
#include "traffic_rules.h"

#define TRAFFIC_DENIED 11000u /* first of those who are on deny lists, and on no allow list */

/* What stands between an app and the network; one of programs, trafficd and rules. */
struct traffic_way {
    const char *name;
    bool attached; /* programs: */
    enum who who;
    bool trafficd;
    const char *backend, *netfilter; /* trafficd's options */
    enum traffic_rules rules;
    unsigned users; /* of the rules; with trafficd: on the list of each chain, 0: chains are off */
    bool tcp;       /* iperf3 is run too */
};

enum traffic_measure {
    TRAFFIC_UDP_LOOPBACK, /* packets per second */
    TRAFFIC_UDP_OUT,
    TRAFFIC_UDP_IN,
    TRAFFIC_TCP, /* bits per second */
    TRAFFIC_TCP_EIGHT,
    TRAFFIC_CONNECTIONS, /* connections per second */
    TRAFFIC_TIME_OUT,    /* picoseconds per run of a program */
    TRAFFIC_TIME_IN,
    TRAFFIC_MEASURES,
};

struct traffic_world {
    pid_t pid;   /* 0: there is none */
    int channel; /* to it */
};

/*
 * All is there when this returns, has counted a burst of each direction, and dropped where it judges. -ENODATA: it has
 * not; another negative errno: it cannot be had here.
 */
int traffic_world_start(const struct traffic_way *way, struct traffic_world *ret_world);

/* One run; negative errno. */
int64_t traffic_world_measure(struct traffic_world *world, enum traffic_measure measure);

/* Several are told to end before the first of them is waited for. None is fine. */
void traffic_worlds_end(struct traffic_world *worlds, size_t count);
