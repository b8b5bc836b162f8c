/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "collect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cli.h"
#include "counters.h"
#include "format.h"

static int compare_rows(const void *a, const void *b)
{
    const struct collect_row *one = a, *other = b;

    if (one->uid != other->uid)
        return one->uid < other->uid ? -1 : 1;
    return strcmp(one->device, other->device);
}

static int append(struct collect_rows *rows, const char *iface, uint32_t uid, const struct tctl_counters *counters)
{
    struct collect_row *row = &rows->rows[rows->count];
    _cleanup_free_ char *device = format_utf8(iface);

    if (!device)
        return -ENOMEM;
    *row = (struct collect_row){.uid = uid, .counters = *counters};
    strncpy(row->device, device, sizeof(row->device) - 1);
    rows->count++;
    return 0;
}

/* Names that differ may be the same once they are UTF-8, and no two series may be called alike. */
static void merge(struct collect_rows *rows)
{
    size_t kept = 0;

    if (!rows->count)
        return;
    qsort(rows->rows, rows->count, sizeof(*rows->rows), compare_rows);
    for (size_t i = 1; i < rows->count; i++) {
        if (compare_rows(&rows->rows[kept], &rows->rows[i]) == 0)
            counters_add(&rows->rows[kept].counters, &rows->rows[i].counters);
        else
            rows->rows[++kept] = rows->rows[i];
    }
    rows->count = kept + 1;
}

static int make_room(struct collect_rows *rows, size_t count)
{
    rows->rows = calloc(count + 1, sizeof(*rows->rows));
    return rows->rows ? 0 : -ENOMEM;
}

static int read_devices(struct tctl *traffic, struct collect_rows *rows)
{
    _cleanup_free_ struct tctl_iface_row *read = NULL;
    size_t count = 0;
    int r = tctl_read_ifaces(traffic, &read, &count);

    if (r == 0)
        r = make_room(rows, count);
    for (size_t i = 0; i < count && r == 0; i++)
        r = append(rows, read[i].iface, 0, &read[i].counters);
    merge(rows);
    return r;
}

/* Rows of a user and an interface: of both sets, tagged traffic included. */
static int read_users(struct tctl *traffic, struct collect_rows *rows)
{
    const struct tctl_filter filter = {.has_tag = true};
    _cleanup_free_ struct tctl_detail_row *read = NULL;
    size_t count = 0;
    int r = tctl_read_details(traffic, &filter, &read, &count);

    if (r == 0)
        r = make_room(rows, count);
    for (size_t i = 0; i < count && r == 0; i++)
        r = append(rows, read[i].iface, read[i].uid, &read[i].counters);
    merge(rows);
    return r;
}

static int append_reason(struct collected *collected, const char *reason)
{
    struct collect_drop *drops = reallocarray(collected->drops, collected->drop_count + 1, sizeof(*drops));

    if (!drops)
        return -ENOMEM;
    drops[collected->drop_count++] = (struct collect_drop){.reason = reason};
    collected->drops = drops;
    return 0;
}

static void add_drop(struct collected *collected, const struct tctl_drop_row *row)
{
    for (size_t i = 0; i < collected->drop_count; i++) {
        struct collect_drop *drop = &collected->drops[i];
        if (strcmp(drop->reason, row->reason) == 0) {
            drop->rx_packets = counters_plus(drop->rx_packets, row->counters.rx_packets);
            drop->tx_packets = counters_plus(drop->tx_packets, row->counters.tx_packets);
        }
    }
}

/* Every reason is there from the beginning: a series that comes with its first drop hides that one. */
static int read_drops(struct tctl *traffic, struct collected *collected)
{
    _cleanup_free_ struct tctl_drop_row *rows = NULL;
    size_t count = 0;
    int r = tctl_read_drops(traffic, &rows, &count);

    for (const char *reason = NULL; r == 0 && (reason = tctl_drop_reason((unsigned int)collected->drop_count + 1));)
        r = append_reason(collected, reason);
    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++)
        add_drop(collected, &rows[i]);
    return 0;
}

static int read_backend(struct tctl *traffic, struct collected *collected)
{
    struct tctl_backend backend;
    int r = tctl_backend(traffic, &backend);

    if (r == 0)
        collected->backend = backend.name;
    return r;
}

static int read_all(const char *bpffs, struct collected *collected)
{
    _cleanup_(cli_closep) struct tctl *traffic = NULL;
    int r = tctl_open(bpffs, &traffic);

    if (r == 0)
        r = tctl_status(traffic, &collected->status);
    if (r == 0)
        r = read_backend(traffic, collected);
    if (r == 0)
        r = read_devices(traffic, &collected->devices);
    if (r == 0)
        r = read_users(traffic, &collected->users);
    return r < 0 ? r : read_drops(traffic, collected);
}

void collect_read(const char *bpffs, struct collected *ret_collected)
{
    *ret_collected = (struct collected){0};
    ret_collected->error = read_all(bpffs, ret_collected);
}

void collect_done(struct collected *collected)
{
    free(collected->devices.rows);
    free(collected->users.rows);
    free(collected->drops);
}
