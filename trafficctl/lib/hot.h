/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * What each CPU counts often, beside the maps of counters: only with --counters percpu. A row's traffic belongs to its
 * UID's total, to the row of its key with tag 0, and with a tag to the tag's row; and goes there when its place is
 * given to another key.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <traffic_abi.h>

/* Open for reading. */
struct hot {
    int fd, moves; /* -1: there is none */
    uint32_t entries;
};
#define HOT_NONE                                                                                                       \
    {                                                                                                                  \
        .fd = -1, .moves = -1                                                                                          \
    }

/* Close it by hot_close(), which takes HOT_NONE too. Errors of pins_open_map(). */
int hot_open(const char *bpffs, struct hot *ret_hot);
void hot_close(struct hot *hot);

struct hot_row {
    struct tctl_stats_key key;
    struct tctl_stats_value value;
    uint32_t place; /* of all CPUs' */
    uint64_t turn;  /* another one: the place was given to a key again */
};

/* By place. */
struct hot_rows {
    struct hot_row *rows; /* owned; free by hot_rows_done() */
    size_t count, room;
};
void hot_rows_done(struct hot_rows *rows);

/* Wait until no place is on its way to another key. A number for hot_has_moved(); 0 where there are none. Errno of
 * bpf(2). */
int hot_begin(const struct hot *hot, uint64_t *ret_begun);

/* 1: since then a place went to another key; 0. Errno of bpf(2). */
int hot_has_moved(const struct hot *hot, uint64_t begun);

/*
 * Every row that counts, each whole, in the place of what was in rows. *ret_begun: of hot_begin(), before the first.
 * -ENOMEM, errno of bpf(2).
 */
int hot_read(const struct hot *hot, struct hot_rows *rows, uint64_t *ret_begun);

/* Is what counted at a place still counting there? after: a later reading, of which *at is the next row to look at. */
bool hot_is_still(const struct hot_row *row, const struct hot_rows *after, size_t *at);
