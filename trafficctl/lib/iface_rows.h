/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Rows of all maps that are keyed by interface, from one number to another: traffic of UIDs, tags and interfaces, what
 * was spilled, parts and bases; and what CPUs count beside them. Only of numbers that no packet is counted under any
 * more. The writers' lock is the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <traffic_abi.h>

#include "gather.h"
#include "hot_change.h"

enum iface_row_map {
    IFACE_ROW_UID,
    IFACE_ROW_TAG,
    IFACE_ROW_IFACE,
    IFACE_ROW_PARTS,
    IFACE_ROW_SPILL,
    IFACE_ROW_BASE, /* last: it says nothing of traffic */
    IFACE_ROW_MAPS,
};

struct iface_rows {
    int fd[IFACE_ROW_MAPS]; /* -1: there is none (spill) */
    int row_count, config, generation;
    struct hot_pages hot;
};

/* End with iface_rows_done(), also after a failure. Errors of pins_open_map(). */
int iface_rows_open(const char *bpffs, struct iface_rows *rows);
void iface_rows_done(struct iface_rows *rows);

struct iface_move {
    uint32_t from, to; /* to 0: stays where it is */
    bool has_rows;     /* of traffic */
    char name[TCTL_IFNAME_LEN];
};

/* What was found to be moved; kept between looking and moving. */
struct iface_found {
    struct gather keys[IFACE_ROW_MAPS];
};

/*
 * Look for rows of the moves' numbers and say which have some; moves come sorted by from. End with iface_found_done(),
 * also after a failure. -ENOMEM, errors of read_map().
 */
int iface_rows_find(const struct iface_rows *rows, struct iface_move *moves, size_t count, struct iface_found *found);
void iface_found_done(struct iface_found *found);

/*
 * Move what was found; what is there already is added to. The target is written before the source goes: who is killed
 * in between loses nothing, and one row is there twice then. In a full map the source goes first. After -ENOMEM, -ETIME
 * (this process was stopped for a second) and errno of bpf(2) what was moved stays moved, and the rest can be moved
 * later.
 */
int iface_rows_move(const struct iface_rows *rows, const struct iface_move *moves, size_t count,
                    struct iface_found *found);

/* Forget the base of an interface that leaves nothing else. Errno of bpf(2). */
int iface_rows_forget_base(const struct iface_rows *rows, uint32_t index);

/* How many rows of this map one UID may make; 0: interfaces' own rows are nobody's. Errno of bpf(2). */
int iface_rows_share(const struct iface_rows *rows, enum iface_row_map map, uint32_t *ret_share);

/* A row of traffic. uid 0 in the maps that have none. A negative return ends the reading. */
typedef int (*iface_row_fn)(void *context, enum iface_row_map map, uint32_t index, uint32_t uid);

/* Every row of traffic, in no order. Errors of read_map(), what fn returned. */
int iface_rows_each(const struct iface_rows *rows, iface_row_fn fn, void *context);
