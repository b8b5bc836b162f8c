/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The rows of the maps that a packet is counted in, and who pays for new ones.
 */
#pragma once

#include "add.bpf.h"
#include "maps.bpf.h"

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

/* NULL: none could be made. */
struct rows {
    struct tctl_stats_value *app, *uid;
    struct tctl_stats_value *tag; /* only with a tag */
};

/* key: of the tag's row, or with tag 0 of the UID's. */
static __always_inline void find_rows(const struct tctl_stats_key *key, __u32 payer, struct rows *ret)
{
    struct tctl_stats_key whole = *key;

    whole.tag = 0;
    ret->app = ROW(app_uid_stats_map, &whole.uid, TCTL_APP_UID_STATS, payer);
    ret->uid = ROW(uid_stats_map, &whole, TCTL_UID_STATS, payer);
    ret->tag = key->tag ? ROW(tag_stats_map, key, TCTL_TAG_STATS, payer) : NULL;
}
