/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* One look at the counters: each user's sum over what a filter wants, and what the firewall dropped of it. */
#pragma once

#include "trafficctl/traffic.h"

/* Whose traffic, and which; zeroed: all. */
struct reading_filter {
    const char *iface; /* NULL: all */
    bool has_uid, has_tag;
    uint32_t uid, tag;
};

struct reading_row {
    uint32_t uid;
    struct tctl_counters counters;
    uint64_t blocked; /* packets */
};

struct reading {
    struct reading_row *rows; /* ascending by UID, each once */
    size_t count;
    bool has_blocked; /* false: all are 0, since drops could not be read, or are counted by user alone */
    uint64_t ns;      /* CLOCK_MONOTONIC */
};

/*
 * Users that were only ever dropped have a row too. Drops have no interface and no tag: with such a filter there are
 * none. End with reading_done(). Errors as tctl_read_details().
 */
int reading_take(struct tctl *traffic, const struct reading_filter *filter, struct reading *ret_reading);

void reading_done(struct reading *reading);
