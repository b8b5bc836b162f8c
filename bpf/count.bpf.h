/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Facts to counters of UIDs. Decides nothing.
 */
#pragma once

#include "add.bpf.h"
#include "maps.bpf.h"
#include "resolve.bpf.h"

/*
 * More than there can be: user space corrects counters by replacing them, and the one that a program raised and lowers
 * again may be another by then, which goes below 0.
 */
#define MOST_ROWS 0x7FFFFFFFu

/* The UID's counter of rows in a map, if it may make one more; NULL: it has its share, or there is no room to count. */
static __always_inline __u32 *share_of(__u32 payer, __u32 map)
{
    __u32 zero = 0;
    struct tctl_row_count none = {}, *count;
    const struct tctl_config *config = bpf_map_lookup_elem(&config_map, &zero);

    if (!config || map >= TCTL_COUNTED_MAPS)
        return NULL;
    count = bpf_map_lookup_elem(&row_count_map, &payer);
    if (!count) {
        bpf_map_update_elem(&row_count_map, &payer, &none, BPF_NOEXIST);
        count = bpf_map_lookup_elem(&row_count_map, &payer);
    }
    if (!count || (count->rows[map] >= config->row_limit[map] && count->rows[map] <= MOST_ROWS))
        return NULL;
    return &count->rows[map];
}

/* A new row, taken from payer's share. NULL: no share left, no room, no memory. */
static __noinline struct tctl_stats_value *make_row(void *stats, const void *key, enum tctl_stats_map map, __u32 payer)
{
    struct tctl_stats_value none = {};
    __u32 *share = share_of(payer, map);

    if (!share)
        return NULL;
    __sync_fetch_and_add(share, 1);
    if (bpf_map_update_elem(stats, key, &none, BPF_NOEXIST))
        __sync_fetch_and_add(share, -1); /* another CPU made it first, or the map is full */
    return bpf_map_lookup_elem(stats, key);
}

#define ROW(stats, key, map, payer)                                                                                    \
    ({                                                                                                                 \
        struct tctl_stats_value *row_ = bpf_map_lookup_elem(&(stats), (key));                                          \
        row_ ? row_ : make_row(&(stats), (key), (map), (payer));                                                       \
    })

/* Count a packet of a UID: its total, its row, and its tag's row if it has one. */
static __always_inline void count_uid(const struct answer *answer, __u32 ifindex, const struct wire *wire, bool out)
{
    struct tctl_stats_key whole = {
        .uid = answer->uid,
        .counter_set = answer->set,
        .iface_index = answer->flags & ANSWER_HERE ? ifindex : 0,
    };
    struct tctl_stats_key tagged = whole;
    struct tctl_stats_value *app, *uid, *tag = NULL;
    volatile __u64 *busy;
    bool alone;

    tagged.tag = answer->tag;
    app = ROW(app_uid_stats_map, &whole.uid, TCTL_APP_UID_STATS, answer->payer);
    uid = ROW(uid_stats_map, &whole, TCTL_UID_STATS, answer->payer);
    if (answer->tag)
        tag = ROW(tag_stats_map, &tagged, TCTL_TAG_STATS, answer->payer);
    busy = busy_here();
    alone = enter(busy);
    add_to(app, &whole, TCTL_APP_UID_STATS, wire, out, alone);
    add_to(uid, &whole, TCTL_UID_STATS, wire, out, alone);
    if (answer->tag)
        add_to(tag, &tagged, TCTL_TAG_STATS, wire, out, alone);
    leave(busy);
}
