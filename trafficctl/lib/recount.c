/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "recount.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "fd.h"
#include "gather.h"
#include "grace.h"
#include "pins.h"
#include "read.h"
#include "tally.h"

/* Nobody can tag meanwhile, but who has many sockets may be closing them. */
#define MAX_ROUNDS 16

static int scan(int fd, read_row_fn row, struct tally *tally)
{
    struct read_shape shape;
    int r = read_shape_of(fd, &shape);
    return r < 0 ? r : read_map(&read_kernel, fd, &shape, row, tally);
}

static int add_row(void *tally, const void *cookie, const void *value)
{
    const struct tctl_tag *tag = value;
    (void)cookie;
    return tally_add(tally, tag->uid, tag->tag, 1);
}

static int add_ended(void *tally, const void *uid, const void *ended)
{
    return tally_add(tally, *(const uint32_t *)uid, 0, *(const uint64_t *)ended);
}

static int add_counted(void *tally, const void *key, const void *value)
{
    const struct tctl_stats_key *stats = key;
    (void)value;
    return tally_add(tally, stats->uid, stats->tag, 0);
}

static void reset(struct tally *tally)
{
    tally_done(tally);
    *tally = (struct tally){0};
}

static int read_ended(const struct tags *tags, struct tally *ended)
{
    reset(ended);
    int r = scan(tags->tags_ended, add_ended, ended);
    tally_finish(ended);
    return r;
}

static bool are_equal(const struct tally *a, const struct tally *b)
{
    const size_t size = a->count * sizeof(*a->entries);
    return a->count == b->count && (size == 0 || memcmp(a->entries, b->entries, size) == 0);
}

/*
 * Rows of the cookie map, and how many the programs had taken away before; again while they take any. If they never
 * rest, UIDs get away with the few rows that were closed during the last round: never is too much counted.
 */
static int read_rows(const struct tags *tags, struct tally *rows, struct tally *ended)
{
    _cleanup_(tally_done) struct tally after = {0};
    bool settled = false;
    int r = 0;
    for (int i = 0; i < MAX_ROUNDS && r == 0 && !settled; i++) {
        r = read_ended(tags, ended);
        if (r < 0)
            return r;
        reset(rows);
        r = scan(tags->cookie_tag, add_row, rows);
        if (r < 0)
            return r;
        r = read_ended(tags, &after);
        settled = are_equal(ended, &after);
    }
    return r;
}

static int add_tags_with_data(const char *bpffs, struct tally *tally)
{
    _cleanup_fd_ int fd = -1;
    int r = pins_open_map(bpffs, PIN_TAG_STATS, false, &fd);
    return r < 0 ? r : scan(fd, add_counted, tally);
}

static int is_unwanted(void *tally, const void *key, const void *value)
{
    (void)value;
    return tally_find(tally, key) ? 0 : 1;
}

static int delete_unwanted(int fd, struct tally *wanted)
{
    _cleanup_(gather_done) struct gather old;
    int r = gather_keys(fd, is_unwanted, wanted, &old);
    for (size_t i = 0; i < old.count && r == 0; i++)
        r = bpf_map_delete_elem(fd, gather_key(&old, i));
    return r;
}

static int write_wanted(int fd, const struct tally_entry *entry)
{
    struct tctl_tag_count now;
    int r = bpf_map_lookup_elem(fd, &entry->key, &now);
    if (r < 0 && r != -ENOENT)
        return r;
    if (r == 0 && memcmp(&now, &entry->count, sizeof(now)) == 0)
        return 0;
    return bpf_map_update_elem(fd, &entry->key, &entry->count, BPF_ANY);
}

static bool has_rows(const struct tally_entry *entry)
{
    return entry && entry->count.rows > 0;
}

/* A UID without a row begins anew, that the map of what the programs count stays small. None is at it after a wait. */
static int forget_ended(const struct tags *tags, const struct tally *tally, const struct tally *ended)
{
    bool waited = false;
    for (size_t i = 0; i < ended->count; i++) {
        const struct tctl_tag *key = &ended->entries[i].key;
        if (has_rows(tally_find(tally, key)))
            continue;
        if (!waited)
            grace_wait();
        waited = true;
        int r = bpf_map_delete_elem(tags->tags_ended, &key->uid);
        if (r < 0 && r != -ENOENT)
            return r;
    }
    return 0;
}

static void add_ended_to_rows(struct tally *tally, const struct tally *ended)
{
    for (size_t i = 0; i < ended->count; i++) {
        struct tally_entry *entry = tally_find(tally, &ended->entries[i].key);
        if (has_rows(entry))
            entry->count.rows += ended->entries[i].count.rows;
    }
}

int recount_run(const char *bpffs, const struct tags *tags)
{
    _cleanup_(tally_done) struct tally tally = {0};
    _cleanup_(tally_done) struct tally ended = {0};
    int r = read_rows(tags, &tally, &ended);
    if (r == 0)
        r = add_tags_with_data(bpffs, &tally);
    if (r < 0)
        return r;

    tally_finish(&tally);
    r = forget_ended(tags, &tally, &ended);
    add_ended_to_rows(&tally, &ended);
    if (r == 0)
        r = delete_unwanted(tags->tag_count, &tally);
    for (size_t i = 0; i < tally.count && r == 0; i++)
        r = write_wanted(tags->tag_count, &tally.entries[i]);
    return r;
}
