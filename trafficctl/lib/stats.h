/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Rows of a stats map in one form, whichever map and whichever kind of counters it has. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <traffic_abi.h>

#include "hot.h"
#include "pins.h"
#include "read.h"

/* What does not name a row in its map is 0: app_uid_stats has key.uid only, iface_stats key.iface_index only. */
struct stats_row {
    struct tctl_stats_key key;
    struct tctl_stats_value value;
};

struct stats_rows {
    struct stats_row *rows; /* owned; free by stats_rows_done() */
    size_t count;
    size_t room;
    struct read_memory memory; /* kept for the next reading */
};

void stats_rows_done(struct stats_rows *rows);

/* A map of counters, or the spill map, open for reading; what it is like is asked once. */
struct stats_map {
    int fd; /* -1: there is none */
    struct read_shape shape;
};

/* The caller closes. Errors of pins_open_map() and read_shape_of(). */
int stats_map_open(const char *bpffs, enum pin_id id, struct stats_map *ret_map);
void stats_map_close(struct stats_map *map);

/* Where programs count beside the maps: with --counters percpu. */
struct stats_beside {
    struct stats_map spill;
    struct hot hot;
};
#define STATS_BESIDE_NONE                                                                                              \
    {                                                                                                                  \
        .spill.fd = -1, .hot = HOT_NONE                                                                                \
    }

/* The caller closes, also after a failure. Errors of stats_map_open() and hot_open(). */
int stats_beside_open(const char *bpffs, struct stats_beside *beside);
void stats_beside_close(struct stats_beside *beside);

/*
 * Add the rows of a stats map to rows, the CPUs summed. What is counted beside the map is added too, as rows of their
 * own: a key may be there many times, and whoever merges sums them. On failure rows may hold a part. Errors as
 * read_map().
 */
int stats_read(const struct read_calls *calls, const struct stats_map *map, const struct stats_beside *beside,
               enum tctl_stats_map which, struct stats_rows *rows);

/* Sort by interface number, UID, tag and set; rows of one key become one, their sum. */
void stats_rows_sum(struct stats_rows *rows);

/* One UID of app_uid_stats, with what is beside it; zeroes if it has no row. Errors as read_map(). */
int stats_read_uid(const struct read_calls *calls, const struct stats_map *map, const struct stats_beside *beside,
                   uint32_t uid, struct tctl_stats_value *ret_value);
