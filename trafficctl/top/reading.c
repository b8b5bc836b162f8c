/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "reading.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include <trafficctl/firewall.h>

#include "cleanup.h"
#include "counters.h"

void reading_done(struct reading *reading)
{
    free(reading->rows);
    *reading = (struct reading){0};
}

static int make_room(struct reading *reading, size_t more)
{
    struct reading_row *rows = reallocarray(reading->rows, reading->count + more + 1, sizeof(*rows));

    if (!rows)
        return -ENOMEM;
    reading->rows = rows;
    return 0;
}

static void add(struct reading *reading, const struct reading_filter *filter, const struct reading_row *row)
{
    if (!filter->has_uid || filter->uid == row->uid)
        reading->rows[reading->count++] = *row;
}

static int read_totals(struct tctl *traffic, const struct reading_filter *filter, struct reading *reading)
{
    _cleanup_free_ struct tctl_uid_row *rows = NULL;
    size_t count = 0;
    int r = tctl_read_uids(traffic, &rows, &count);

    if (r == 0)
        r = make_room(reading, count);
    for (size_t i = 0; r == 0 && i < count; i++)
        add(reading, filter, &(struct reading_row){.uid = rows[i].uid, .counters = rows[i].counters});
    return r;
}

static int read_part(struct tctl *traffic, const struct reading_filter *filter, struct reading *reading)
{
    /* rows of tag 0 hold tagged traffic too: without a tag they alone are the sum */
    const struct tctl_filter part = {
        .ifaces = &filter->iface,
        .iface_count = filter->iface != NULL,
        .has_tag = true,
        .tag = filter->has_tag ? filter->tag : 0,
    };
    _cleanup_free_ struct tctl_detail_row *rows = NULL;
    size_t count = 0;
    int r = tctl_read_details(traffic, &part, &rows, &count);

    if (r == 0)
        r = make_room(reading, count);
    for (size_t i = 0; r == 0 && i < count; i++)
        add(reading, filter, &(struct reading_row){.uid = rows[i].uid, .counters = rows[i].counters});
    return r;
}

/* A drop that cannot be read leaves the counters as they are. */
static int read_blocked(struct tctl *traffic, const struct reading_filter *filter, struct reading *reading)
{
    _cleanup_free_ struct tctl_drop_row *rows = NULL;
    size_t count = 0;

    reading->has_blocked = tctl_read_drops(traffic, &rows, &count) == 0;
    int r = make_room(reading, count);
    for (size_t i = 0; r == 0 && i < count; i++)
        add(reading, filter,
            &(struct reading_row){.uid = rows[i].uid,
                                  .blocked = counters_plus(rows[i].counters.rx_packets, rows[i].counters.tx_packets)});
    return r;
}

static int compare(const void *a, const void *b)
{
    const struct reading_row *one = a, *other = b;

    return (one->uid > other->uid) - (one->uid < other->uid);
}

static void merge(struct reading *reading)
{
    struct reading_row *rows = reading->rows;
    size_t kept = 0;

    if (reading->count)
        qsort(rows, reading->count, sizeof(*rows), compare);
    for (size_t i = 0; i < reading->count; i++) {
        if (!kept || rows[kept - 1].uid != rows[i].uid) {
            rows[kept++] = rows[i];
            continue;
        }
        counters_add(&rows[kept - 1].counters, &rows[i].counters);
        rows[kept - 1].blocked = counters_plus(rows[kept - 1].blocked, rows[i].blocked);
    }
    reading->count = kept;
}

int reading_take(struct tctl *traffic, const struct reading_filter *filter, struct reading *ret_reading)
{
    _cleanup_(reading_done) struct reading reading = {0};
    bool partial = filter->iface || filter->has_tag;
    struct timespec now;
    int r = partial ? read_part(traffic, filter, &reading) : read_totals(traffic, filter, &reading);

    if (r < 0)
        return r;
    clock_gettime(CLOCK_MONOTONIC, &now);
    reading.ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    if (!partial)
        r = read_blocked(traffic, filter, &reading);
    if (r < 0)
        return r;
    merge(&reading);
    *ret_reading = reading;
    reading.rows = NULL;
    return 0;
}
