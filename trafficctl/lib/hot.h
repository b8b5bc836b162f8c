/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * What each CPU counts often, beside the maps of counters: only with --counters percpu. A row's traffic belongs to its
 * UID's total, to the row of its key with tag 0, and with a tag to the tag's row.
 */
#pragma once

#include <stdint.h>

#include <traffic_abi.h>

/* Open for reading. */
struct hot {
    int fd, moves; /* -1: there is none */
    uint32_t cpus;
    struct tctl_hot *copy; /* of one CPU; owned */
};
#define HOT_NONE                                                                                                       \
    {                                                                                                                  \
        .fd = -1, .moves = -1                                                                                          \
    }

/* Close it by hot_close(), which takes HOT_NONE too. -ENOMEM, errors of pins_open_map(). */
int hot_open(const char *bpffs, struct hot *ret_hot);
void hot_close(struct hot *hot);

/*
 * Before maps and hot rows are read: a number for hot_has_moved(), 0 where there are none. It waits until no row is on
 * its way into the maps. Errno of bpf(2).
 */
int hot_begin(const struct hot *hot, uint64_t *ret_begun);

/* 1: since then a row went into the maps, and what was read may have it twice, or not; 0. Errno of bpf(2). */
int hot_has_moved(const struct hot *hot, uint64_t begun);

/* Takes a row; it is valid during the call only. A negative return ends the reading. */
typedef int (*hot_row_fn)(void *context, const struct tctl_hot_row *row);

/* Every row that counts, of all CPUs. Errno of bpf(2), what fn returned. */
int hot_each(const struct hot *hot, hot_row_fn fn, void *context);
