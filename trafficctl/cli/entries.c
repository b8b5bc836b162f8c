/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "entries.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counters.h"
#include "format.h"

void entries_done(struct entries *entries)
{
    free(entries->all);
}

static int reserve(struct entries *entries, size_t count)
{
    entries->all = calloc(count + 1, sizeof(*entries->all));
    return entries->all ? 0 : -ENOMEM;
}

/* All zeroes but the name. NULL: no memory. */
static struct entry *append(struct entries *entries, const char *iface)
{
    _cleanup_free_ char *word = format_word(iface, ENTRY_NAME);
    struct entry *entry = &entries->all[entries->count];

    if (!word)
        return NULL;
    strcpy(entry->iface, word);
    entries->count++;
    return entry;
}

static int compare_u32(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

static int compare_keys(const struct entry *a, const struct entry *b)
{
    int order = strcmp(a->iface, b->iface);

    if (order == 0)
        order = compare_u32(a->uid, b->uid);
    return order ?: compare_u32(a->tag, b->tag);
}

bool entries_same_key(const struct entry *a, const struct entry *b)
{
    return compare_keys(a, b) == 0;
}

static int compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    return compare_keys(x, y) ?: compare_u32(x->set, y->set);
}

static void add(struct entry *sum, const struct entry *entry)
{
    counters_add(&sum->counters, &entry->counters);
    counters_add(&sum->live, &entry->live);
    sum->present |= entry->present;
}

static void sort_and_sum(struct entries *entries)
{
    size_t last = 0;

    if (!entries->count)
        return;
    qsort(entries->all, entries->count, sizeof(*entries->all), compare);
    for (size_t i = 1; i < entries->count; i++) {
        if (compare(&entries->all[last], &entries->all[i]) == 0)
            add(&entries->all[last], &entries->all[i]);
        else
            entries->all[++last] = entries->all[i];
    }
    entries->count = last + 1;
}

int entries_of_details(const struct tctl_detail_row *rows, size_t count, struct entries *entries)
{
    int r = reserve(entries, count);

    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++) {
        struct entry *entry = append(entries, rows[i].iface);
        if (!entry)
            return -ENOMEM;
        entry->uid = rows[i].uid;
        entry->tag = rows[i].tag;
        entry->set = rows[i].set;
        entry->counters = rows[i].counters;
    }
    sort_and_sum(entries);
    return 0;
}

static int append_counted(const struct tctl_stats_row *row, struct entries *entries)
{
    char number[TCTL_IFACE_LEN];

    snprintf(number, sizeof(number), "%u", row->iface_index);
    struct entry *entry = append(entries, *row->iface ? row->iface : number);
    if (!entry)
        return -ENOMEM;
    entry->present = row->present;
    *(row->present ? &entry->live : &entry->counters) = row->counters;
    return 0;
}

static int append_present(const char *iface, struct entries *entries)
{
    struct entry *entry = append(entries, iface);

    if (!entry)
        return -ENOMEM;
    entry->present = true;
    return 0;
}

int entries_of_ifaces(const struct tctl_stats_row *rows, size_t count, const struct tctl_name_row *names,
                      size_t name_count, struct entries *entries)
{
    int r = reserve(entries, count + name_count);

    for (size_t i = 0; i < count && r == 0; i++)
        r = append_counted(&rows[i], entries);
    for (size_t i = 0; i < name_count && r == 0; i++)
        if (names[i].present)
            r = append_present(names[i].iface, entries);
    sort_and_sum(entries);
    return r;
}
