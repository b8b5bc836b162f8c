/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What a struct tctl is inside the library. */
#pragma once

#include <traffic_abi.h>
#include <trafficctl/traffic.h>

#include "names.h"

struct tctl {
    char *bpffs;
    int stats[TCTL_STATS_MAPS]; /* by enum tctl_stats_map */
    int names;
    bool percpu; /* there is a spill map, also while it could not be opened */
    int spill;
    int state;
    int moves;      /* for moves_read(); -1: this layout has none */
    uint64_t moved; /* what it said when the maps were opened */
};

/* What tctl_open() opens, but maps of counters and names: those stay -1. End with tctl_close(). Its errors. */
int handle_open(const char *bpffs, struct tctl **ret_traffic);

/*
 * Before maps of counters are read: open those that are pinned now. -EBUSY: they are on their way to larger maps, and
 * have been for 5 seconds; errors of pins_open_map().
 */
int handle_settle(struct tctl *traffic);

/* Did they begin to move since, so that what was read may lack some? 1, 0, errno of bpf(2). */
int handle_has_moved(const struct tctl *traffic);

/* For names_get(); end with names_done(). The handle lives longer. */
struct names handle_names(const struct tctl *traffic);
