/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "deletion.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>

#include "charge.h"
#include "cleanup.h"
#include "fd.h"
#include "gather.h"
#include "grace.h"
#include "hot_change.h"
#include "pins.h"
#include "window.h"

/* A process that is stopped for longer than the window lasts has to begin again. */
#define MAX_TRIES 8

struct deletion {
    const struct tags *tags;
    struct tctl_tag what;
    struct window window;
    int stats[TCTL_STATS_MAPS]; /* but iface_stats: interfaces belong to nobody */
    int spill;                  /* -1: there is none */
    struct hot_pages hot;
    int drops, config, row_count, deletions;
};

static void deletion_done(struct deletion *deletion)
{
    for (size_t i = 0; i < TCTL_STATS_MAPS; i++)
        fd_close(deletion->stats[i]);
    fd_close(deletion->spill);
    hot_unmap(&deletion->hot);
    fd_close(deletion->drops);
    fd_close(deletion->config);
    fd_close(deletion->row_count);
    fd_close(deletion->deletions);
}

static int open_maps(const char *bpffs, struct deletion *deletion)
{
    const struct {
        enum pin_id id;
        int *fd;
    } maps[] = {
        {PIN_APP_UID_STATS, &deletion->stats[TCTL_APP_UID_STATS]},
        {PIN_UID_STATS, &deletion->stats[TCTL_UID_STATS]},
        {PIN_TAG_STATS, &deletion->stats[TCTL_TAG_STATS]},
        {PIN_DROPS, &deletion->drops},
        {PIN_CONFIG, &deletion->config},
        {PIN_ROW_COUNT, &deletion->row_count},
        {PIN_DELETIONS, &deletion->deletions},
    };
    int r = 0;
    for (size_t i = 0; i < ARRAY_SIZE(maps) && r == 0; i++)
        r = pins_open_map(bpffs, maps[i].id, true, maps[i].fd);
    if (r < 0)
        return r;
    r = pins_open_map(bpffs, PIN_SPILL, true, &deletion->spill);
    return r < 0 && r != -ENOENT ? r : hot_map(bpffs, &deletion->hot);
}

/* Does what is deleted include this? */
static bool includes(const struct deletion *deletion, uint32_t uid, uint32_t tag)
{
    return uid == deletion->what.uid && (deletion->what.tag == 0 || tag == deletion->what.tag);
}

/* The answer to gather_keys() for a row, and the window is held over a long map. */
static int is_wanted(struct deletion *deletion, uint32_t uid, uint32_t tag)
{
    int r = window_hold(&deletion->window);
    return r < 0 ? r : includes(deletion, uid, tag);
}

static int is_socket(void *deletion, const void *cookie, const void *value)
{
    const struct tctl_tag *tag = value;
    (void)cookie;
    return is_wanted(deletion, tag->uid, tag->tag);
}

static int is_total(void *deletion, const void *key, const void *value)
{
    (void)value;
    return is_wanted(deletion, *(const uint32_t *)key, 0);
}

static int is_detail(void *deletion, const void *key, const void *value)
{
    const struct tctl_stats_key *stats = key;
    (void)value;
    return is_wanted(deletion, stats->uid, stats->tag);
}

static int is_spilt(void *deletion, const void *key, const void *value)
{
    const struct tctl_spill_key *spill = key;
    (void)value;
    return spill->map == TCTL_IFACE_STATS ? 0 : is_wanted(deletion, spill->key.uid, spill->key.tag);
}

/* Also after a failure *ret_deleted says how many rows are gone. */
static int delete_rows(struct deletion *deletion, int fd, gather_fn wanted, uint32_t *ret_deleted)
{
    _cleanup_(gather_done) struct gather rows;
    *ret_deleted = 0;
    int r = gather_keys(fd, wanted, deletion, &rows);
    for (size_t i = 0; i < rows.count && r == 0; i++) {
        r = window_hold(&deletion->window);
        if (r < 0)
            return r;
        r = bpf_map_delete_elem(fd, gather_key(&rows, i));
        if (r == 0)
            ++*ret_deleted;
        else if (r == -ENOENT)
            r = 0; /* a socket was closed, or somebody deletes raw */
    }
    return r;
}

static int delete_sockets(struct deletion *deletion)
{
    uint32_t deleted;
    int r = delete_rows(deletion, deletion->tags->cookie_tag, is_socket, &deleted);
    int dropped = charge_drop_rows(deletion->tags, deletion->what.uid, deleted);
    return r < 0 ? r : dropped;
}

/*
 * Give rows back to a UID's share. Programs may take one at this very moment, for another tag: then the share is one
 * row larger than it should be until trafficd starts again.
 */
static int give_back(const struct deletion *deletion, uint32_t uid, enum tctl_stats_map map, uint32_t rows)
{
    struct tctl_row_count count;
    if (rows == 0)
        return 0;
    int r = bpf_map_lookup_elem(deletion->row_count, &uid, &count);
    if (r < 0)
        return r == -ENOENT ? 0 : r; /* somebody else paid for the rows */
    count.rows[map] -= rows < count.rows[map] ? rows : count.rows[map];
    return bpf_map_update_elem(deletion->row_count, &uid, &count, BPF_ANY);
}

static int delete_stats(struct deletion *deletion, enum tctl_stats_map map)
{
    uint32_t deleted;
    int r = delete_rows(deletion, deletion->stats[map], map == TCTL_APP_UID_STATS ? is_total : is_detail, &deleted);
    int given = give_back(deletion, deletion->what.uid, map, deleted);
    return r < 0 ? r : given;
}

/* What was counted under the tag alone is its UID's still. */
static int end_hot(void *context, const struct hot_seen *seen)
{
    struct deletion *deletion = context;
    int r = is_wanted(deletion, seen->key.uid, seen->key.tag);
    if (r == 1 && deletion->what.tag == 0)
        hot_end(seen);
    else if (r == 1)
        hot_untag(seen);
    return r;
}

static int delete_counters(struct deletion *deletion)
{
    uint32_t ignored;
    int r = hot_change(&deletion->hot, end_hot, deletion);
    if (r == 0)
        r = delete_stats(deletion, TCTL_TAG_STATS);
    if (r == 0 && deletion->what.tag == 0)
        r = delete_stats(deletion, TCTL_UID_STATS);
    if (r == 0 && deletion->what.tag == 0)
        r = delete_stats(deletion, TCTL_APP_UID_STATS);
    if (r == 0 && deletion->spill >= 0)
        r = delete_rows(deletion, deletion->spill, is_spilt, &ignored);
    return r;
}

static int is_dropped(void *deletion, const void *key, const void *value)
{
    const struct tctl_drop_key *drop = key;
    (void)value;
    return is_wanted(deletion, drop->uid, 0);
}

/* Its share goes back to who paid: whose rule it was is not always who sent. */
static int delete_drop(const struct deletion *deletion, const void *key)
{
    struct tctl_drop drop;
    int r = bpf_map_lookup_elem(deletion->drops, key, &drop);
    if (r == 0)
        r = bpf_map_delete_elem(deletion->drops, key);
    if (r < 0)
        return r == -ENOENT ? 0 : r; /* somebody deletes raw */
    return give_back(deletion, drop.payer, TCTL_DROPS, 1);
}

static int delete_drops(struct deletion *deletion)
{
    _cleanup_(gather_done) struct gather rows;
    int r = gather_keys(deletion->drops, is_dropped, deletion, &rows);
    for (size_t i = 0; i < rows.count && r == 0; i++) {
        r = window_hold(&deletion->window);
        if (r == 0)
            r = delete_drop(deletion, gather_key(&rows, i));
    }
    return r;
}

static int delete_counter_set(const struct deletion *deletion)
{
    int r = bpf_map_delete_elem(deletion->tags->counter_set, &deletion->what.uid);
    return r == -ENOENT ? 0 : r;
}

/* Sockets that were closed before this keep no tag of it, those that are tagged anew afterwards do. */
static int note(const struct deletion *deletion)
{
    const uint32_t zero = 0;
    uint64_t generation;
    int r = bpf_map_lookup_elem(deletion->tags->generation, &zero, &generation);
    return r < 0 ? r : bpf_map_update_elem(deletion->deletions, &deletion->what, &generation, BPF_ANY);
}

static int delete_all(struct deletion *deletion)
{
    int r = delete_sockets(deletion);
    if (r < 0)
        return r;
    grace_wait(); /* for those who hold rows, and those who end a socket whose row was there */
    r = delete_counters(deletion);
    if (r == 0 && deletion->what.tag == 0)
        r = delete_drops(deletion);
    if (r == 0 && deletion->what.tag == 0)
        r = delete_counter_set(deletion);
    if (r == 0)
        r = charge_forget(deletion->tags, &deletion->what);
    if (r == 0)
        r = note(deletion);
    return r < 0 ? r : window_hold(&deletion->window);
}

static int delete_once(struct deletion *deletion)
{
    int r = window_open(deletion->config, deletion->tags->generation, &deletion->what, &deletion->window);
    if (r == 0)
        r = delete_all(deletion);
    int closed = window_close(&deletion->window);
    return r < 0 ? r : closed;
}

int deletion_run(const char *bpffs, struct tags *tags, uint32_t uid, uint32_t tag)
{
    _cleanup_(deletion_done) struct deletion deletion = {
        .tags = tags,
        .what = {.uid = uid, .tag = tag},
        .stats = {-1, -1, -1, -1},
        .spill = -1,
        .drops = -1,
        .config = -1,
        .row_count = -1,
        .deletions = -1,
    };
    if (uid == TCTL_NOBODY)
        return -EINVAL;
    int r = open_maps(bpffs, &deletion);
    if (r == 0)
        r = writer_lock(&tags->writer);
    if (r < 0)
        return r;
    r = -ETIME;
    for (int i = 0; i < MAX_TRIES && r == -ETIME; i++)
        r = delete_once(&deletion);
    writer_unlock(&tags->writer);
    return r;
}
