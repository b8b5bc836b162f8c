/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "merge.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "order.h"

static void add_counters(struct tctl_counters *sum, const struct tctl_counters *counters)
{
    sum->rx_bytes += counters->rx_bytes;
    sum->rx_packets += counters->rx_packets;
    sum->tx_bytes += counters->tx_bytes;
    sum->tx_packets += counters->tx_packets;
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

/* The name of an interface; equal names have one place in the order of names. */
struct label {
    char iface[TCTL_IFACE_LEN];
    uint32_t place;
};

/* Rows that are wanted; the mark of an item is the number of its label. */
struct merging {
    const struct stats_row *rows;
    struct order_item *memory;
    struct order order;
    struct label *labels; /* NULL: rows have no interface */
    size_t labels_count;
};

static void merging_done(struct merging *merging)
{
    free(merging->memory);
    free(merging->labels);
}

static bool wanted(const struct tctl_filter *filter, const struct tctl_stats_key *key)
{
    return !filter || ((!filter->has_uid || filter->uid == key->uid) && (!filter->has_tag || filter->tag == key->tag) &&
                       (!filter->has_set || filter->set == key->counter_set));
}

static bool wanted_iface(const struct tctl_filter *filter, const char *name)
{
    bool listed = !filter || filter->iface_count == 0;
    for (size_t i = 0; !listed && i < filter->iface_count; i++)
        listed = strcmp(filter->ifaces[i], name) == 0;
    return listed;
}

static int take_wanted(struct merging *merging, size_t count, const struct tctl_filter *filter)
{
    struct order *order = &merging->order;
    merging->memory = calloc(2 * count + 1, sizeof(*merging->memory));
    if (!merging->memory)
        return -ENOMEM;
    *order = (struct order){.items = merging->memory, .spare = merging->memory + count};
    for (size_t i = 0; i < count; i++) {
        if (wanted(filter, &merging->rows[i].key))
            order->items[order->count++].row = (uint32_t)i;
    }
    return 0;
}

static void order_by(struct merging *merging, size_t member)
{
    for (size_t i = 0; i < merging->order.count; i++) {
        struct order_item *item = &merging->order.items[i];
        memcpy(&item->key, (const char *)&merging->rows[item->row].key + member, sizeof(item->key));
    }
    order_by_key(&merging->order);
}
#define ORDER_BY(merging, member) order_by(merging, offsetof(struct tctl_stats_key, member))

/* Items are in the order of their keys. */
static size_t different_keys(const struct order *order)
{
    size_t count = order->count != 0;
    for (size_t i = 1; i < order->count; i++)
        count += order->items[i - 1].key != order->items[i].key;
    return count;
}

static struct label *label_add(struct merging *merging, const char *iface)
{
    struct label *label = &merging->labels[merging->labels_count++];
    strncat(label->iface, iface, sizeof(label->iface) - 1);
    return label;
}

/* Items come by interface: each is asked for once, and what is not wanted by its name goes. */
static void label_items(struct merging *merging, const struct tctl_filter *filter, merge_name_fn name, void *context)
{
    struct order *order = &merging->order;
    const struct label *label = NULL;
    bool keep = false;
    uint32_t last = 0;
    size_t kept = 0;
    for (size_t i = 0; i < order->count; i++) {
        struct order_item item = order->items[i];
        if (!label || item.key != last) {
            label = label_add(merging, name(context, item.key));
            keep = wanted_iface(filter, label->iface);
        }
        last = item.key;
        item.mark = (uint32_t)(label - merging->labels);
        if (keep)
            order->items[kept++] = item;
    }
    order->count = kept;
}

static int label(struct merging *merging, const struct tctl_filter *filter, merge_name_fn name, void *context)
{
    ORDER_BY(merging, iface_index);
    merging->labels = calloc(different_keys(&merging->order) + 1, sizeof(*merging->labels));
    if (!merging->labels)
        return -ENOMEM;
    label_items(merging, filter, name, context);
    return 0;
}

static int compare_labels(const void *a, const void *b)
{
    return strcmp((*(const struct label *const *)a)->iface, (*(const struct label *const *)b)->iface);
}

static int order_by_label(struct merging *merging)
{
    _cleanup_free_ struct label **sorted = calloc(merging->labels_count + 1, sizeof(struct label *));
    if (!sorted)
        return -ENOMEM;
    for (size_t i = 0; i < merging->labels_count; i++)
        sorted[i] = &merging->labels[i];
    qsort(sorted, merging->labels_count, sizeof(struct label *), compare_labels);
    for (size_t i = 1; i < merging->labels_count; i++)
        sorted[i]->place = sorted[i - 1]->place + (compare_labels(&sorted[i - 1], &sorted[i]) != 0);

    for (size_t i = 0; i < merging->order.count; i++) {
        struct order_item *item = &merging->order.items[i];
        item->key = merging->labels[item->mark].place;
    }
    order_by_key(&merging->order);
    return 0;
}

/* By interface name, UID, tag, set: what matters least comes first. */
static int order_all(struct merging *merging)
{
    ORDER_BY(merging, counter_set);
    ORDER_BY(merging, tag);
    ORDER_BY(merging, uid);
    return merging->labels ? order_by_label(merging) : 0;
}

static struct tctl_detail_row row_of(const struct merging *merging, const struct order_item *item)
{
    const struct stats_row *from = &merging->rows[item->row];
    struct tctl_detail_row row = {
        .uid = from->key.uid,
        .tag = from->key.tag,
        .set = from->key.counter_set,
        .counters = merge_counters(&from->value),
    };
    if (merging->labels)
        memcpy(row.iface, merging->labels[item->mark].iface, sizeof(row.iface));
    return row;
}

static bool same_names(const struct tctl_detail_row *a, const struct tctl_detail_row *b)
{
    return a->uid == b->uid && a->tag == b->tag && a->set == b->set && strcmp(a->iface, b->iface) == 0;
}

/* Of rows in order those of equal names become one. Returns how many there are then. */
static size_t sum(const struct merging *merging, struct tctl_detail_row *ret_rows)
{
    size_t count = 0;
    for (size_t i = 0; i < merging->order.count; i++) {
        const struct tctl_detail_row row = row_of(merging, &merging->order.items[i]);
        if (count && same_names(&ret_rows[count - 1], &row))
            add_counters(&ret_rows[count - 1].counters, &row.counters);
        else
            ret_rows[count++] = row;
    }
    return count;
}

int merge_details(const struct stats_row *rows, size_t count, const struct tctl_filter *filter, merge_name_fn name,
                  void *context, struct tctl_detail_row **ret_rows, size_t *ret_count)
{
    _cleanup_(merging_done) struct merging merging = {.rows = rows};
    int r = take_wanted(&merging, count, filter);
    if (r == 0 && name)
        r = label(&merging, filter, name, context);
    if (r == 0)
        r = order_all(&merging);
    if (r < 0)
        return r;

    _cleanup_free_ struct tctl_detail_row *out = calloc(merging.order.count + 1, sizeof(*out));
    if (!out)
        return -ENOMEM;
    *ret_count = sum(&merging, out);
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

struct tctl_counters merge_iface(const struct tctl_iface_row *rows, size_t count, const char *name)
{
    struct tctl_counters sum = {0};
    for (size_t i = 0; i < count; i++) {
        if (!name || strcmp(name, rows[i].iface) == 0)
            add_counters(&sum, &rows[i].counters);
    }
    return sum;
}
