/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Rows of a stats map in one form, whichever map and whichever kind of counters it has. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <traffic_abi.h>

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

/*
 * Add the rows of a stats map to rows, the CPUs summed. Where there is a spill map its rows of this map are added too,
 * as rows of their own: a key may be there twice, and whoever merges sums them. On failure rows may hold a part.
 * Errors as read_map().
 */
int stats_read(const struct read_calls *calls, const struct stats_map *map, const struct stats_map *spill,
               enum tctl_stats_map which, struct stats_rows *rows);

/* Sort by interface number, UID, tag and set; rows of one key become one, their sum. */
void stats_rows_sum(struct stats_rows *rows);

/* One UID of app_uid_stats, spill included; zeroes if it has no row. Errors as read_map(). */
int stats_read_uid(const struct read_calls *calls, const struct stats_map *map, const struct stats_map *spill,
                   uint32_t uid, struct tctl_stats_value *ret_value);
