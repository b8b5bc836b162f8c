/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Which users' series are exported, and which are summed into those of uid "other".
 *
 * A counter must not go back, so who has series keeps them as long as there is a row, and who is in "other" stays
 * there: one that moved out of it would make it fall. Those of "other" grow by what its members grow, so that a member
 * that is deleted takes nothing away either. Rows that are new come in ascending order, users with low numbers first:
 * the same rows are chosen after a restart, and by each of the processes that write a file.
 */
#pragma once

#include <sys/types.h>

#include "collect.h"

/* Series of a user at an interface: bytes and packets, both ways. */
#define SERIES_OF_PAIR 4
#define SERIES_MIN (2 * SERIES_OF_PAIR)

/* What stands for everything else, as a uid and as a device. */
#define SERIES_OTHER "other"

/* A row of the last reading. */
struct series_member {
    struct collect_row row;
    ssize_t other; /* its place in others; -1: it has series of its own */
};

struct series {
    size_t room;   /* pairs in all */
    size_t spared; /* of these for others */
    struct series_member *members;
    size_t member_count, collapsed;
    struct collect_rows others; /* by device, in the order they came in; the last there is room for is SERIES_OTHER's */
};

/* At most max series, SERIES_MIN or more. End with series_done(). */
int series_init(struct series *series, uint32_t max);
void series_done(struct series *series);

/* Take in another reading. -ENOMEM: nothing is changed. */
int series_update(struct series *series, const struct collect_rows *rows);
