/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What trafficctl/tag_count has to say, from what is there: values only. -ENOMEM is the only error. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <traffic_abi.h>

struct tally_entry {
    struct tctl_tag key;
    struct tctl_tag_count count;
};

/* A zeroed one is empty; end it with tally_done(). */
struct tally {
    struct tally_entry *entries;
    size_t count;
    size_t room;
};

/* This many rows of the cookie map charge uid under tag; with 0 rows only the tag is in use. */
int tally_add(struct tally *tally, uint32_t uid, uint32_t tag, uint64_t rows);

/* Make it a sorted list, each key once, and count the tags of each UID. Nothing may be added afterwards. */
void tally_finish(struct tally *tally);

/* NULL: no such key. Only after tally_finish(). */
struct tally_entry *tally_find(const struct tally *tally, const struct tctl_tag *key);

void tally_done(struct tally *tally);
