/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "fd.h"
#include "handle.h"
#include "ifaces.h"
#include "merge.h"
#include "pins.h"
#include "state.h"
#include "stats.h"

static void tctl_closep(struct tctl **traffic)
{
    *traffic = tctl_close(*traffic);
}

struct tctl *tctl_close(struct tctl *traffic)
{
    if (!traffic)
        return NULL;
    for (size_t i = 0; i < TCTL_STATS_MAPS; i++)
        fd_close(traffic->stats[i]);
    fd_close(traffic->names);
    fd_close(traffic->spill);
    fd_close(traffic->state);
    free(traffic->bpffs);
    free(traffic);
    return NULL;
}

static struct tctl *tctl_new(const char *bpffs)
{
    _cleanup_(tctl_closep) struct tctl *traffic = malloc(sizeof(*traffic));
    if (!traffic)
        return NULL;
    *traffic = (struct tctl){.stats = {-1, -1, -1, -1}, .names = -1, .spill = -1, .state = -1, .bpffs = strdup(bpffs)};
    return traffic->bpffs ? TAKE_PTR(traffic) : NULL;
}

/* *ret_percpu: there is a spill map. */
static int open_state(struct tctl *traffic, bool *ret_percpu)
{
    struct tctl_state state = {0};
    int r = pins_open_map(traffic->bpffs, PIN_STATE, false, &traffic->state);
    if (r == 0)
        r = state_read(traffic->state, &state);
    if (r < 0)
        return r;
    if (state.abi_version != TCTL_ABI_VERSION)
        return -EPROTO;
    *ret_percpu = state.percpu;
    return 0;
}

static int open_maps(struct tctl *traffic, bool percpu)
{
    for (size_t i = 0; i < TCTL_STATS_MAPS; i++) {
        int r = pins_open_map(traffic->bpffs, pins_stats[i], false, &traffic->stats[i]);
        if (r < 0)
            return r;
    }
    if (percpu) {
        int r = pins_open_map(traffic->bpffs, PIN_SPILL, false, &traffic->spill);
        if (r < 0)
            return r;
    }
    return pins_open_map(traffic->bpffs, PIN_IFACE_INDEX_NAME, false, &traffic->names);
}

int tctl_open(const char *bpffs, struct tctl **ret_traffic)
{
    _cleanup_(tctl_closep) struct tctl *traffic = tctl_new(bpffs ? bpffs : TCTL_BPFFS);
    if (!traffic)
        return -ENOMEM;
    bool percpu = false;
    int r = open_state(traffic, &percpu);
    if (r == 0)
        r = open_maps(traffic, percpu);
    if (r < 0)
        return r;
    *ret_traffic = TAKE_PTR(traffic);
    return 0;
}

/* In another network namespace than trafficd's the kernel would name other interfaces. */
static bool in_counted_namespace(const struct tctl *traffic)
{
    struct tctl_state state;
    bool here = false;
    return state_read(traffic->state, &state) == 0 && ifaces_are_of(state.netns_inum, &here) == 0 && here;
}

struct names handle_names(const struct tctl *traffic)
{
    return (struct names){.map_fd = traffic->names, .ask_kernel = in_counted_namespace(traffic)};
}

static int read_stats(const struct tctl *traffic, enum tctl_stats_map map, struct stats_rows *rows)
{
    return stats_read(&read_kernel, traffic->stats[map], traffic->spill, map, rows);
}

int tctl_read_uids(struct tctl *traffic, struct tctl_uid_row **ret_rows, size_t *ret_count)
{
    _cleanup_(stats_rows_done) struct stats_rows rows = {0};
    int r = read_stats(traffic, TCTL_APP_UID_STATS, &rows);
    return r < 0 ? r : merge_uids(rows.rows, rows.count, ret_rows, ret_count);
}

int tctl_read_uid(struct tctl *traffic, uint32_t uid, struct tctl_counters *ret_counters)
{
    struct tctl_stats_value value;
    int r = stats_read_uid(&read_kernel, traffic->stats[TCTL_APP_UID_STATS], traffic->spill, uid, &value);
    if (r < 0)
        return r;
    *ret_counters = merge_counters(&value);
    return 0;
}

int tctl_read_ifaces(struct tctl *traffic, struct tctl_iface_row **ret_rows, size_t *ret_count)
{
    _cleanup_(stats_rows_done) struct stats_rows rows = {0};
    _cleanup_(names_done) struct names names = handle_names(traffic);
    int r = read_stats(traffic, TCTL_IFACE_STATS, &rows);
    return r < 0 ? r : merge_ifaces(rows.rows, rows.count, names_get, &names, ret_rows, ret_count);
}

int tctl_read_details(struct tctl *traffic, const struct tctl_filter *filter, struct tctl_detail_row **ret_rows,
                      size_t *ret_count)
{
    _cleanup_(stats_rows_done) struct stats_rows rows = {0};
    _cleanup_(names_done) struct names names = handle_names(traffic);
    int r = read_stats(traffic, TCTL_UID_STATS, &rows);
    if (r == 0)
        r = read_stats(traffic, TCTL_TAG_STATS, &rows);
    if (r < 0)
        return r;
    return merge_details(rows.rows, rows.count, filter, names_get, &names, ret_rows, ret_count);
}
