/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What a struct tctl is inside the library. */
#pragma once

#include <traffic_abi.h>
#include <trafficctl/traffic.h>

#include "names.h"
#include "stats.h"

struct tctl {
    char *bpffs;
    struct stats_map stats[TCTL_STATS_MAPS]; /* by enum tctl_stats_map */
    struct stats_map drops;                  /* opened when it is first read */
    int names;
    bool percpu; /* programs count beside the maps, also while it could not be opened */
    struct stats_beside beside;
    int state;
    int folder;             /* of ours, that pins were in: gone after an unload */
    int moves;              /* for moves_read(); -1: this layout has none */
    uint64_t moved;         /* what it said when the maps were opened */
    struct stats_rows rows; /* of the last reading: its memory is there for the next */
};

/* What tctl_open() opens, but maps of counters and names: those stay -1. End with tctl_close(). Its errors. */
int handle_open(const char *bpffs, struct tctl **ret_traffic);

/*
 * Did counters begin to move to larger maps since the maps were opened, so that what was read may lack some? 1, 0;
 * errors of pins_check_loaded(), errno of bpf(2).
 */
int handle_has_moved(const struct tctl *traffic);

/*
 * The same, and then wait for the larger maps and open those: 1 says that what was read is to be read again. -EBUSY:
 * they have been on their way for 5 seconds; errors of handle_has_moved() and of pins_open_map().
 */
int handle_read_again(struct tctl *traffic);

/* For names_get(); end with names_done(). The handle lives longer. */
struct names handle_names(const struct tctl *traffic);
