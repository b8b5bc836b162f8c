/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The programs that are compared: loaded, with their maps filled. Nothing is attached or pinned by this. Functions
 * return 0 or a negative errno.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "traffic_abi.h"

struct netd_like;
struct traffic;

enum who {
    EMPTY,
    NETD_9,
    NETD_15,
    SHARED,
    PERCPU,
    COMPARED, /* the first ones are compared everywhere, these where it is told: */
    SHARED_ASKED = COMPARED,
    PERCPU_ASKED,
    SHARED_AGELESS, /* its stored answers do not age: what is left are the caches of the CPU */
    WHO,
};

extern const char *const candidate_names[WHO];

#define APP 10000u /* first of the UIDs that are listed, and charged */
#define APP_TAG 42u
#define OTHERS 1000000u /* first of those that are on deny lists, and send nothing */

struct candidate {
    enum who who;
    uint32_t chains; /* TCTL_BIT() of those that are on; netd's: always its three */
    uint32_t listed; /* UIDs on the list of each chain: APP and so on where listing lets pass, others elsewhere */
    bool rows;       /* counters for so many UIDs, and for tags of theirs, are there already */
};

/* Maps are descriptors; -1: it has none. What BPF_PROG_TEST_RUN sends, UID 0, passes as a listed one. */
struct competitor {
    enum who who;
    int egress, ingress;
    int cookie_tag, storage, generation, app_stats, uid_stats, tag_stats;
    int hot;         /* where the programs count beside those three */
    int allowed;     /* the map where 0 is listed to pass ... */
    bool owner_rows; /* ... as a struct netd_owner, not a byte */
    struct netd_like *netd;
    struct traffic *ours;
};
#define NO_COMPETITOR                                                                                                  \
    {                                                                                                                  \
        .egress = -1, .ingress = -1, .cookie_tag = -1, .storage = -1, .generation = -1, .app_stats = -1,               \
        .uid_stats = -1, .tag_stats = -1, .hot = -1, .allowed = -1                                                     \
    }

/* Fails with a message. End it by competitor_done(), for which NO_COMPETITOR is fine too. */
int competitor_load(const struct candidate *how, struct competitor *ret_competitor);
void competitor_done(struct competitor *competitor);

/* All of COMPARED with three chains on, and so many UIDs on each list, with rows or not; to be ended in any case. */
int competitors_load(uint32_t listed, bool rows, struct competitor competitors[COMPARED]);
void competitors_done(struct competitor competitors[COMPARED]);

/* Packets that were counted for the UID, both ways; and under a tag of its, whatever the interface (packets alone). */
uint64_t competitor_counted(const struct competitor *competitor, uint32_t uid);
struct tctl_stats_value competitor_counted_tag(const struct competitor *competitor, uint32_t uid, uint32_t tag);
