/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "cleanup.h"
#include "fd.h"
#include "handle.h"
#include "ifaces.h"
#include "merge.h"
#include "moves.h"
#include "pins.h"
#include "state.h"
#include "stats.h"

static void tctl_closep(struct tctl **traffic)
{
    *traffic = tctl_close(*traffic);
}

static void no_maps(struct tctl *traffic)
{
    for (size_t i = 0; i < TCTL_STATS_MAPS; i++)
        traffic->stats[i].fd = -1;
    traffic->beside = (struct stats_beside)STATS_BESIDE_NONE;
    traffic->drops.fd = traffic->names = -1;
}

static void close_maps(struct tctl *traffic)
{
    for (size_t i = 0; i < TCTL_STATS_MAPS; i++)
        stats_map_close(&traffic->stats[i]);
    stats_beside_close(&traffic->beside);
    stats_map_close(&traffic->drops);
    traffic->names = fd_close(traffic->names);
}

struct tctl *tctl_close(struct tctl *traffic)
{
    if (!traffic)
        return NULL;
    close_maps(traffic);
    stats_rows_done(&traffic->rows);
    fd_close(traffic->state);
    fd_close(traffic->moves);
    fd_close(traffic->folder);
    free(traffic->bpffs);
    free(traffic);
    return NULL;
}

static struct tctl *tctl_new(const char *bpffs)
{
    _cleanup_(tctl_closep) struct tctl *traffic = malloc(sizeof(*traffic));
    if (!traffic)
        return NULL;
    *traffic = (struct tctl){.state = -1, .moves = -1, .folder = -1, .bpffs = strdup(bpffs)};
    no_maps(traffic);
    return traffic->bpffs ? TAKE_PTR(traffic) : NULL;
}

static int open_state(struct tctl *traffic)
{
    struct tctl_state state = {0};
    int r = pins_open_map(traffic->bpffs, PIN_STATE, false, &traffic->state);
    if (r == 0)
        r = state_read(traffic->state, &state);
    if (r < 0)
        return r;
    if (state.abi_version != state_version(state.percpu))
        return -EPROTO;
    traffic->percpu = state.percpu;
    return 0;
}

static int open_maps(struct tctl *traffic)
{
    for (size_t i = 0; i < TCTL_STATS_MAPS; i++) {
        int r = stats_map_open(traffic->bpffs, pins_stats[i], &traffic->stats[i]);
        if (r < 0)
            return r;
    }
    if (traffic->percpu) {
        int r = stats_beside_open(traffic->bpffs, &traffic->beside);
        if (r < 0)
            return r;
    }
    return pins_open_map(traffic->bpffs, PIN_IFACE_INDEX_NAME, false, &traffic->names);
}

int handle_open(const char *bpffs, struct tctl **ret_traffic)
{
    _cleanup_(tctl_closep) struct tctl *traffic = tctl_new(bpffs ? bpffs : TCTL_BPFFS);
    if (!traffic)
        return -ENOMEM;
    int r = pins_open_folder(traffic->bpffs, O_PATH, &traffic->folder);
    if (r == 0)
        r = open_state(traffic);
    if (r == 0)
        r = moves_open(traffic->bpffs, &traffic->moves);
    if (r == 0)
        r = moves_read(traffic->moves, &traffic->moved); /* before the maps: they may be replaced now */
    if (r < 0)
        return r;
    *ret_traffic = TAKE_PTR(traffic);
    return 0;
}

int tctl_open(const char *bpffs, struct tctl **ret_traffic)
{
    _cleanup_(tctl_closep) struct tctl *traffic = NULL;
    int r = handle_open(bpffs, &traffic);
    if (r == 0)
        r = open_maps(traffic);
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

int handle_has_moved(const struct tctl *traffic)
{
    uint64_t moves = 0;
    int r = pins_check_loaded(traffic->folder);
    if (r == 0)
        r = moves_read(traffic->moves, &moves);
    return r < 0 ? r : moves != traffic->moved || moves % 2 == 1;
}

/* After a failure the old maps are there still, and known to be old. */
static int open_anew(struct tctl *traffic, uint64_t moves)
{
    struct tctl anew = *traffic;
    no_maps(&anew);
    anew.moved = moves;
    int r = open_maps(&anew);
    if (r < 0) {
        close_maps(&anew);
        return r;
    }
    close_maps(traffic);
    *traffic = anew;
    return 1;
}

int handle_read_again(struct tctl *traffic)
{
    uint64_t moves;
    int r = handle_has_moved(traffic);
    if (r <= 0)
        return r;
    r = moves_wait(traffic->moves, &moves);
    return r < 0 ? r : open_anew(traffic, moves);
}

/* The rows of maps, 1 << enum tctl_stats_map. */
static int read_once(struct tctl *traffic, uint32_t maps)
{
    int r = 0;
    traffic->rows.count = 0;
    for (uint32_t map = 0; map < TCTL_STATS_MAPS && r == 0; map++)
        if (maps & 1u << map)
            r = stats_read(&read_kernel, &traffic->stats[map], &traffic->beside, map, &traffic->rows);
    return r;
}

static int read_stats(struct tctl *traffic, uint32_t maps)
{
    int r;
    do {
        r = read_once(traffic, maps);
        if (r == 0)
            r = handle_read_again(traffic);
    } while (r > 0);
    return r;
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
        r = stats_read_uid(&read_kernel, &traffic->stats[TCTL_APP_UID_STATS], &traffic->beside, uid, &value);
        if (r == 0)
            r = handle_read_again(traffic);
    } while (r > 0);
    if (r < 0)
        return r;
    *ret_counters = merge_counters(&value);
    return 0;
}

int tctl_read_ifaces(struct tctl *traffic, struct tctl_iface_row **ret_rows, size_t *ret_count)
{
    int r = read_stats(traffic, 1u << TCTL_IFACE_STATS);
    _cleanup_(names_done) struct names names = handle_names(traffic); /* of the maps that were read */
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
    int r = read_stats(traffic, 1u << TCTL_UID_STATS | 1u << TCTL_TAG_STATS);
    _cleanup_(names_done) struct names names = handle_names(traffic);
    if (r < 0)
        return r;
    return merge_details(traffic->rows.rows, traffic->rows.count, filter, names_get, &names, ret_rows, ret_count);
}
