/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "merge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

/* UIDs and tags above 2^31 are no negative numbers: compared, never subtracted. */
static int compare_u32(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

static int compare_rows(const void *a, const void *b)
{
    const struct tctl_detail_row *x = a, *y = b;
    int order = strcmp(x->iface, y->iface);
    if (order == 0)
        order = compare_u32(x->uid, y->uid);
    if (order == 0)
        order = compare_u32(x->tag, y->tag);
    if (order == 0)
        order = compare_u32(x->set, y->set);
    return order;
}

static void add_counters(struct tctl_counters *sum, const struct tctl_counters *counters)
{
    sum->rx_bytes += counters->rx_bytes;
    sum->rx_packets += counters->rx_packets;
    sum->tx_bytes += counters->tx_bytes;
    sum->tx_packets += counters->tx_packets;
}

/* Sort rows, sum those of equal names into one. Returns how many are left. */
static size_t sort_and_sum(struct tctl_detail_row *rows, size_t count)
{
    if (count == 0)
        return 0;
    qsort(rows, count, sizeof(*rows), compare_rows);
    size_t last = 0;
    for (size_t i = 1; i < count; i++) {
        if (compare_rows(&rows[last], &rows[i]) == 0)
            add_counters(&rows[last].counters, &rows[i].counters);
        else
            rows[++last] = rows[i];
    }
    return last + 1;
}

static bool wanted(const struct tctl_filter *filter, const struct tctl_detail_row *row)
{
    if (!filter)
        return true;
    return (!filter->iface || strcmp(filter->iface, row->iface) == 0) &&
           (!filter->has_uid || filter->uid == row->uid) && (!filter->has_tag || filter->tag == row->tag) &&
           (!filter->has_set || filter->set == row->set);
}

struct tctl_counters merge_counters(const struct tctl_stats_value *value)
{
    return (struct tctl_counters){
        .rx_bytes = value->rx_bytes,
        .rx_packets = value->rx_packets,
        .tx_bytes = value->tx_bytes,
        .tx_packets = value->tx_packets,
    };
}

/* name NULL: rows have no interface. */
static struct tctl_detail_row named(const struct stats_row *row, merge_name_fn name, void *context)
{
    struct tctl_detail_row out = {
        .uid = row->key.uid,
        .tag = row->key.tag,
        .set = row->key.counter_set,
        .counters = merge_counters(&row->value),
    };
    if (name)
        strncat(out.iface, name(context, row->key.iface_index), sizeof(out.iface) - 1);
    return out;
}

int merge_details(const struct stats_row *rows, size_t count, const struct tctl_filter *filter, merge_name_fn name,
                  void *context, struct tctl_detail_row **ret_rows, size_t *ret_count)
{
    _cleanup_free_ struct tctl_detail_row *out = calloc(count + 1, sizeof(*out));
    if (!out)
        return -ENOMEM;

    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct tctl_detail_row row = named(&rows[i], name, context);
        if (wanted(filter, &row))
            out[kept++] = row;
    }
    *ret_count = sort_and_sum(out, kept);
    *ret_rows = *ret_count ? TAKE_PTR(out) : NULL;
    return 0;
}

int merge_uids(const struct stats_row *rows, size_t count, struct tctl_uid_row **ret_rows, size_t *ret_count)
{
    _cleanup_free_ struct tctl_detail_row *merged = NULL;
    size_t merged_count;
    int r = merge_details(rows, count, NULL, NULL, NULL, &merged, &merged_count);
    if (r < 0)
        return r;

    struct tctl_uid_row *out = NULL;
    if (merged_count && !(out = calloc(merged_count, sizeof(*out))))
        return -ENOMEM;
    for (size_t i = 0; i < merged_count; i++)
        out[i] = (struct tctl_uid_row){.uid = merged[i].uid, .counters = merged[i].counters};
    *ret_rows = out;
    *ret_count = merged_count;
    return 0;
}

int merge_ifaces(const struct stats_row *rows, size_t count, merge_name_fn name, void *context,
                 struct tctl_iface_row **ret_rows, size_t *ret_count)
{
    _cleanup_free_ struct tctl_detail_row *merged = NULL;
    size_t merged_count;
    int r = merge_details(rows, count, NULL, name, context, &merged, &merged_count);
    if (r < 0)
        return r;

    struct tctl_iface_row *out = NULL;
    if (merged_count && !(out = calloc(merged_count, sizeof(*out))))
        return -ENOMEM;
    for (size_t i = 0; i < merged_count; i++) {
        memcpy(out[i].iface, merged[i].iface, sizeof(out[i].iface));
        out[i].counters = merged[i].counters;
    }
    *ret_rows = out;
    *ret_count = merged_count;
    return 0;
}
