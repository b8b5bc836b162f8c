/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Facts to counters of UIDs. Decides nothing.
 */
#pragma once

#include "hot.bpf.h"
#include "rows.bpf.h"

static __always_inline void count_in_rows(const struct tctl_stats_key *key, __u32 payer, const struct wire *wire,
                                          bool out, bool alone)
{
    struct tctl_stats_key whole = *key;
    struct rows rows;

    whole.tag = 0;
    find_rows(key, payer, &rows);
    add_to(rows.app, &whole, TCTL_APP_UID_STATS, wire, out, alone);
    add_to(rows.uid, &whole, TCTL_UID_STATS, wire, out, alone);
    if (key->tag)
        add_to(rows.tag, key, TCTL_TAG_STATS, wire, out, alone);
    if (alone && rows.app && rows.uid && (rows.tag || !key->tag))
        make_hot(key);
}

/* Count a packet of a UID: its total, its row, and its tag's row if it has one. */
static __always_inline void count_uid(const struct answer *answer, __u32 ifindex, const struct wire *wire, bool out)
{
    const struct tctl_stats_key key = {
        .uid = answer->uid,
        .tag = answer->tag,
        .counter_set = answer->set,
        .iface_index = answer->flags & ANSWER_HERE ? ifindex : 0,
    };
    volatile __u64 *busy = busy_here();
    bool alone = enter(busy);

    if (!alone || !count_hot(&key, wire, out))
        count_in_rows(&key, answer->payer, wire, out, alone);
    leave(busy);
}
