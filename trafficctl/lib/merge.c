/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "merge.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "order.h"

#define FIRST_LABELS 16

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

/* An interface; equal names have one place in the order of names. */
struct label {
    uint32_t iface_index;
    uint32_t place;
    bool keep;
    char iface[TCTL_IFACE_LEN];
};

/* Interfaces by their numbers: slots hold 1 + the number of a label, 0 for none, and are a power of two. */
struct labels {
    struct label *all;
    size_t count, room;
    uint32_t *slots;
};

/* Rows that are wanted; the mark of an item is the number of its label. */
struct merging {
    const struct stats_row *rows;
    const struct tctl_filter *filter;
    merge_name_fn name; /* NULL: rows have no interface */
    void *context;
    struct order_item *memory;
    struct order order;
    struct labels labels;
};

static void merging_done(struct merging *merging)
{
    free(merging->memory);
    free(merging->labels.all);
    free(merging->labels.slots);
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

static uint32_t *slot_of(const struct labels *labels, uint32_t iface_index)
{
    const uint32_t slots = (uint32_t)(2 * labels->room), spread = iface_index * 0x9e3779b1u;
    uint32_t slot = (spread ^ spread >> 16) & (slots - 1);
    while (labels->slots[slot] && labels->all[labels->slots[slot] - 1].iface_index != iface_index)
        slot = (slot + 1) & (slots - 1);
    return &labels->slots[slot];
}

static int labels_grow(struct labels *labels)
{
    const size_t room = labels->room ? 2 * labels->room : FIRST_LABELS;
    struct label *all = reallocarray(labels->all, room, sizeof(*all));
    if (!all)
        return -ENOMEM;
    labels->all = all;
    uint32_t *slots = calloc(2 * room, sizeof(*slots));
    if (!slots)
        return -ENOMEM;
    free(labels->slots);
    labels->slots = slots;
    labels->room = room;
    for (size_t i = 0; i < labels->count; i++)
        *slot_of(labels, all[i].iface_index) = (uint32_t)i + 1;
    return 0;
}

static int label_add(struct merging *merging, uint32_t iface_index, uint32_t *ret_number)
{
    struct labels *labels = &merging->labels;
    int r = labels->count == labels->room ? labels_grow(labels) : 0;
    if (r < 0)
        return r;
    struct label *label = &labels->all[labels->count];
    *label = (struct label){.iface_index = iface_index};
    strncat(label->iface, merging->name(merging->context, iface_index), sizeof(label->iface) - 1);
    label->keep = wanted_iface(merging->filter, label->iface);
    *slot_of(labels, iface_index) = (uint32_t)++labels->count;
    *ret_number = (uint32_t)labels->count - 1;
    return 0;
}

/* Each interface is asked for its name once. */
static int find_label(struct merging *merging, uint32_t iface_index, uint32_t *ret_number)
{
    const struct labels *labels = &merging->labels;
    const uint32_t slot = labels->count ? *slot_of(labels, iface_index) : 0;
    if (slot == 0)
        return label_add(merging, iface_index, ret_number);
    *ret_number = slot - 1;
    return 0;
}

/* 1 and a mark: the row is wanted. */
static int take(struct merging *merging, const struct tctl_stats_key *key, uint32_t *ret_mark)
{
    *ret_mark = 0;
    if (!wanted(merging->filter, key))
        return 0;
    if (!merging->name)
        return 1;
    int r = find_label(merging, key->iface_index, ret_mark);
    return r < 0 ? r : merging->labels.all[*ret_mark].keep;
}

static int take_wanted(struct merging *merging, size_t count)
{
    struct order *order = &merging->order;
    merging->memory = reallocarray(NULL, 2 * count + 1, sizeof(*merging->memory));
    if (!merging->memory)
        return -ENOMEM;
    *order = (struct order){.items = merging->memory, .spare = merging->memory + count};
    for (size_t i = 0; i < count; i++) {
        uint32_t mark;
        int r = take(merging, &merging->rows[i].key, &mark);
        if (r < 0)
            return r;
        if (r)
            order->items[order->count++] = (struct order_item){.row = (uint32_t)i, .mark = mark};
    }
    return 0;
}

static int compare_labels(const void *a, const void *b)
{
    return strcmp((*(const struct label *const *)a)->iface, (*(const struct label *const *)b)->iface);
}

static int place_labels(const struct labels *labels)
{
    _cleanup_free_ struct label **sorted = calloc(labels->count + 1, sizeof(struct label *));
    if (!sorted)
        return -ENOMEM;
    for (size_t i = 0; i < labels->count; i++)
        sorted[i] = &labels->all[i];
    qsort(sorted, labels->count, sizeof(struct label *), compare_labels);
    for (size_t i = 1; i < labels->count; i++)
        sorted[i]->place = sorted[i - 1]->place + (compare_labels(&sorted[i - 1], &sorted[i]) != 0);
    return 0;
}

/* What rows are ordered by; what matters least comes first. */
static inline void numbers_of(const struct merging *merging, const struct order_item *item,
                              uint32_t numbers[ORDER_NUMBERS])
{
    const struct tctl_stats_key *key = &merging->rows[item->row].key;
    numbers[0] = key->counter_set;
    numbers[1] = key->tag;
    numbers[2] = key->uid;
    numbers[3] = merging->name ? merging->labels.all[item->mark].place : 0;
}

static void find_differences(const struct merging *merging, uint32_t differ[ORDER_NUMBERS])
{
    const struct order *order = &merging->order;
    uint32_t first[ORDER_NUMBERS] = {0}, numbers[ORDER_NUMBERS];
    for (size_t i = 0; i < order->count; i++) {
        numbers_of(merging, &order->items[i], i ? numbers : first);
        for (size_t n = 0; n < ORDER_NUMBERS && i > 0; n++)
            differ[n] |= numbers[n] ^ first[n];
    }
}

/* By interface name, UID, tag, set. */
static void order_all(struct merging *merging)
{
    struct order *order = &merging->order;
    uint32_t differ[ORDER_NUMBERS] = {0}, numbers[ORDER_NUMBERS];
    struct order_plan plan;
    find_differences(merging, differ);
    order_plan(&plan, differ);
    while (order_next_key(&plan)) {
        for (size_t i = 0; i < order->count; i++) {
            numbers_of(merging, &order->items[i], numbers);
            order->items[i].key = order_key(&plan, numbers);
        }
        order_by_key(order, &plan);
    }
}

static void put_row(const struct merging *merging, const struct order_item *item, struct tctl_detail_row *ret_row)
{
    const struct stats_row *from = &merging->rows[item->row];
    *ret_row = (struct tctl_detail_row){
        .uid = from->key.uid,
        .tag = from->key.tag,
        .set = from->key.counter_set,
        .counters = merge_counters(&from->value),
    };
    if (merging->name)
        memcpy(ret_row->iface, merging->labels.all[item->mark].iface, sizeof(ret_row->iface));
}

static bool same_names(const struct merging *merging, const struct order_item *a, const struct order_item *b)
{
    uint32_t of_a[ORDER_NUMBERS], of_b[ORDER_NUMBERS];
    numbers_of(merging, a, of_a);
    numbers_of(merging, b, of_b);
    return memcmp(of_a, of_b, sizeof(of_a)) == 0;
}

/* Of rows in order those of equal names become one. Returns how many there are then. */
static size_t sum(const struct merging *merging, struct tctl_detail_row *ret_rows)
{
    const struct order_item *items = merging->order.items;
    size_t count = 0;
    for (size_t i = 0; i < merging->order.count; i++) {
        if (i > 0 && items[i].key == items[i - 1].key && same_names(merging, &items[i - 1], &items[i])) {
            const struct tctl_counters more = merge_counters(&merging->rows[items[i].row].value);
            add_counters(&ret_rows[count - 1].counters, &more);
        } else {
            put_row(merging, &items[i], &ret_rows[count++]);
        }
    }
    return count;
}

int merge_details(const struct stats_row *rows, size_t count, const struct tctl_filter *filter, merge_name_fn name,
                  void *context, struct tctl_detail_row **ret_rows, size_t *ret_count)
{
    _cleanup_(merging_done) struct merging merging = {.rows = rows, .filter = filter, .name = name, .context = context};
    int r = take_wanted(&merging, count);
    if (r == 0)
        r = place_labels(&merging.labels);
    if (r < 0)
        return r;
    order_all(&merging);

    _cleanup_free_ struct tctl_detail_row *out = reallocarray(NULL, merging.order.count + 1, sizeof(*out));
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
