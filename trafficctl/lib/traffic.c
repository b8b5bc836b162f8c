/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "cleanup.h"
#include "merge.h"
#include "place.h"

static void tctl_closep(struct tctl **traffic)
{
    *traffic = tctl_close(*traffic);
}

struct tctl *tctl_close(struct tctl *traffic)
{
    if (!traffic)
        return NULL;
    if (traffic->reader)
        traffic->backend->done(traffic->reader);
    stats_rows_done(&traffic->rows);
    free(traffic->place);
    free(traffic);
    return NULL;
}

int tctl_open(const char *bpffs, struct tctl **ret_traffic)
{
    _cleanup_(tctl_closep) struct tctl *traffic = calloc(1, sizeof(*traffic));
    if (!traffic)
        return -ENOMEM;
    traffic->place = strdup(place_find(bpffs));
    if (!traffic->place)
        return -ENOMEM;
    traffic->backend = backend_of(traffic->place);
    int r = traffic->backend->open(traffic->place, &traffic->reader);
    if (r < 0)
        return r;
    *ret_traffic = TAKE_PTR(traffic);
    return 0;
}

/* The rows of maps, 1 << enum tctl_stats_map. */
static int read_stats(struct tctl *traffic, uint32_t maps)
{
    int r;
    do {
        traffic->rows.count = 0;
        r = traffic->backend->rows(traffic->reader, maps, &traffic->rows);
        if (r == 0)
            r = traffic->backend->again(traffic->reader);
    } while (r > 0);
    return r;
}

/* With the names of the interfaces in them; names_done() in any case. */
static int read_named(struct tctl *traffic, uint32_t maps, struct names *ret_names)
{
    int r = read_stats(traffic, maps);
    return r < 0 ? r : traffic->backend->names(traffic->reader, ret_names);
}

int tctl_read_uids(struct tctl *traffic, struct tctl_uid_row **ret_rows, size_t *ret_count)
{
    int r = read_stats(traffic, 1u << TCTL_APP_UID_STATS);
    return r < 0 ? r : merge_uids(traffic->rows.rows, traffic->rows.count, ret_rows, ret_count);
}

int tctl_read_uid(struct tctl *traffic, uint32_t uid, struct tctl_counters *ret_counters)
{
    struct tctl_stats_value value;
    int r;
    do {
        r = traffic->backend->uid(traffic->reader, uid, &value);
        if (r == 0)
            r = traffic->backend->again(traffic->reader);
    } while (r > 0);
    if (r < 0)
        return r;
    *ret_counters = merge_counters(&value);
    return 0;
}

int tctl_read_ifaces(struct tctl *traffic, struct tctl_iface_row **ret_rows, size_t *ret_count)
{
    _cleanup_(names_done) struct names names = {0};
    int r = read_named(traffic, 1u << TCTL_IFACE_STATS, &names);
    return r < 0 ? r : merge_ifaces(traffic->rows.rows, traffic->rows.count, names_get, &names, ret_rows, ret_count);
}

int tctl_read_iface(struct tctl *traffic, const char *name, struct tctl_counters *ret_counters)
{
    _cleanup_free_ struct tctl_iface_row *rows = NULL;
    size_t count;
    int r = tctl_read_ifaces(traffic, &rows, &count);
    if (r < 0)
        return r;
    *ret_counters = merge_iface(rows, count, name);
    return 0;
}

int tctl_read_details(struct tctl *traffic, const struct tctl_filter *filter, struct tctl_detail_row **ret_rows,
                      size_t *ret_count)
{
    _cleanup_(names_done) struct names names = {0};
    int r = read_named(traffic, 1u << TCTL_UID_STATS | 1u << TCTL_TAG_STATS, &names);
    if (r < 0)
        return r;
    return merge_details(traffic->rows.rows, traffic->rows.count, filter, names_get, &names, ret_rows, ret_count);
}
