/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What lines of xt_qtaguid's texts tell of: interfaces of one name, as their readers see it, are one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <trafficctl/maps.h>

#include "cleanup.h"

/* Bytes of an interface's name that readers have room for ("%31s"). */
#define ENTRY_NAME 31

struct entry {
    char iface[ENTRY_NAME + 1]; /* one word */
    uint32_t uid, tag, set;
    struct tctl_counters counters;
    bool present;              /* the interface is there now ... */
    struct tctl_counters live; /* ... and this, beside counters, was counted since it came */
};

struct entries {
    struct entry *all; /* owned; free by entries_done() */
    size_t count;
};

void entries_done(struct entries *entries);
#define _cleanup_entries_ _cleanup_(entries_done)

/* One of each row, sorted; those that are named alike are summed. -ENOMEM. */
int entries_of_details(const struct tctl_detail_row *rows, size_t count, struct entries *entries);
/* Interfaces that are there have one too, before they counted anything. */
int entries_of_ifaces(const struct tctl_stats_row *rows, size_t count, const struct tctl_name_row *names,
                      size_t name_count, struct entries *entries);

/* Do they differ in the set alone? */
bool entries_same_key(const struct entry *a, const struct entry *b);
