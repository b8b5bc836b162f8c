/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "series.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "counters.h"

/* For interfaces of others: an eighth, one at least beside SERIES_OTHER's, and not more than there are of them. */
#define SPARED_PART 8
#define SPARED_MIN 2
#define SPARED_MAX 1024

int series_init(struct series *series, uint32_t max)
{
    size_t room = max / SERIES_OF_PAIR, spared = room / SPARED_PART;

    if (spared < SPARED_MIN || spared > SPARED_MAX)
        spared = spared < SPARED_MIN ? SPARED_MIN : SPARED_MAX;
    *series = (struct series){.room = room, .spared = spared};
    series->others.rows = calloc(spared, sizeof(*series->others.rows));
    return series->others.rows ? 0 : -ENOMEM;
}

void series_done(struct series *series)
{
    free(series->members);
    free(series->others.rows);
}

static int compare(const struct collect_row *a, const struct collect_row *b)
{
    if (a->uid != b->uid)
        return a->uid < b->uid ? -1 : 1;
    return strcmp(a->device, b->device);
}

/* In struct series_member: series of its own; no place yet. */
#define OWN (-1)
#define NEW (-2)

/* Both are in the same order: who was a member already, and what it had. */
static void find_members(const struct series *series, const struct collect_rows *rows, struct series_member *members,
                         struct tctl_counters *before)
{
    size_t at = 0;

    for (size_t i = 0; i < rows->count; i++) {
        members[i] = (struct series_member){rows->rows[i], NEW};
        while (at < series->member_count && compare(&series->members[at].row, &rows->rows[i]) < 0)
            at++;
        if (at < series->member_count && compare(&series->members[at].row, &rows->rows[i]) == 0) {
            members[i].other = series->members[at].other;
            before[i] = series->members[at].row.counters;
        }
    }
}

static ssize_t place_of(const struct collect_rows *others, const char *device)
{
    for (size_t i = 0; i < others->count; i++)
        if (strcmp(others->rows[i].device, device) == 0)
            return (ssize_t)i;
    return -1;
}

/* The place of an interface among others, its own while there is room. */
static ssize_t take_place(struct series *series, const char *device)
{
    struct collect_rows *others = &series->others;
    ssize_t place = place_of(others, device);

    if (place < 0 && others->count + 1 >= series->spared) {
        device = SERIES_OTHER;
        place = place_of(others, device);
    }
    if (place >= 0)
        return place;
    strcpy(others->rows[others->count].device, device);
    return (ssize_t)others->count++;
}

static void add_growth(struct tctl_counters *sum, const struct tctl_counters *before, const struct tctl_counters *now)
{
    const struct tctl_counters growth = {
        .rx_bytes = counters_growth(before->rx_bytes, now->rx_bytes),
        .rx_packets = counters_growth(before->rx_packets, now->rx_packets),
        .tx_bytes = counters_growth(before->tx_bytes, now->tx_bytes),
        .tx_packets = counters_growth(before->tx_packets, now->tx_packets),
    };

    counters_add(sum, &growth);
}

static void place_members(struct series *series, const struct tctl_counters *before)
{
    size_t own = 0;

    series->collapsed = 0;
    for (size_t i = 0; i < series->member_count; i++)
        own += series->members[i].other == OWN;
    for (size_t i = 0; i < series->member_count; i++) {
        struct series_member *member = &series->members[i];
        if (member->other == NEW && own < series->room - series->spared) {
            member->other = OWN;
            own++;
        } else if (member->other == NEW) {
            member->other = take_place(series, member->row.device);
        }
        if (member->other == OWN)
            continue;
        series->collapsed++;
        add_growth(&series->others.rows[member->other].counters, &before[i], &member->row.counters);
    }
}

int series_update(struct series *series, const struct collect_rows *rows)
{
    _cleanup_free_ struct tctl_counters *before = calloc(rows->count + 1, sizeof(*before));
    struct series_member *members = calloc(rows->count + 1, sizeof(*members));

    if (!before || !members) {
        free(members);
        return -ENOMEM;
    }
    find_members(series, rows, members, before);
    free(series->members);
    series->members = members;
    series->member_count = rows->count;
    place_members(series, before);
    return 0;
}
