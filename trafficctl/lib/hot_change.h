/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Changes to what each CPU counts often (hot.h), by who deletes or renames what no program counts for meanwhile.
 * Programs count for other rows beside it all the time. The writers' lock is the caller's.
 */
#pragma once

#include <stdint.h>

#include <traffic_abi.h>

/* Mapped for writing, which takes root. */
struct hot_pages {
    struct tctl_hot *entry; /* of all CPUs; NULL: there are none */
    uint32_t entries;
};

/* None with --counters shared. End with hot_unmap(). -errno of mmap, errors of pins_open_map() but -ENOENT. */
int hot_map(const char *bpffs, struct hot_pages *ret_pages);
void hot_unmap(struct hot_pages *pages);

/* A row as it was when it was looked at. */
struct hot_seen {
    struct tctl_hot_row *row;
    struct tctl_stats_key key;
    uint64_t used;
};

/* A negative return ends it. */
typedef int (*hot_change_fn)(void *context, const struct hot_seen *seen);

/* Every row that counts. What fn returned. */
int hot_change(const struct hot_pages *pages, hot_change_fn fn, void *context);

/*
 * Three changes, each to the row as it was seen: a place that has gone to another key is left alone, however long who
 * changes it was stopped.
 */
/* What it has counted is gone. */
void hot_end(const struct hot_seen *seen);
/* What it has counted stays its UID's, and is no tag's any more. */
void hot_untag(const struct hot_seen *seen);
/* What it has counted on its interface was counted on another. */
void hot_rename(const struct hot_seen *seen, uint32_t iface_index);
