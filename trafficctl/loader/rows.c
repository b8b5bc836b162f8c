/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "rows.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <pins.h>
#include <read.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "fd.h"

struct uid_rows {
    uint32_t uid;
    struct tctl_row_count count;
};

struct recount {
    struct uid_rows *uids;
    size_t used, room;
    uint32_t map;
};

/* A UID is listed once per row and merged afterwards. */
static int add(struct recount *recount, uint32_t uid)
{
    if (recount->used == recount->room) {
        size_t room = recount->room ? 2 * recount->room : 1024;
        struct uid_rows *larger = reallocarray(recount->uids, room, sizeof(*larger));
        if (!larger)
            return -ENOMEM;
        recount->uids = larger;
        recount->room = room;
    }
    struct uid_rows *row = &recount->uids[recount->used++];
    *row = (struct uid_rows){.uid = uid};
    row->count.rows[recount->map] = 1;
    return 0;
}

/* Keys of all these maps begin with the UID. */
static int note(void *context, const void *key, const void *value)
{
    uint32_t uid;
    (void)value;
    memcpy(&uid, key, sizeof(uid));
    return add(context, uid);
}

/* Whose rule it was need not be who sent. */
static int note_drop(void *context, const void *key, const void *value)
{
    const struct tctl_drop *drop = value;
    (void)key;
    return add(context, drop->payer);
}

static int by_uid(const void *a, const void *b)
{
    uint32_t left = ((const struct uid_rows *)a)->uid, right = ((const struct uid_rows *)b)->uid;
    return (left > right) - (left < right);
}

static void merge(struct recount *recount)
{
    size_t used = 0;
    if (recount->used > 0)
        qsort(recount->uids, recount->used, sizeof(*recount->uids), by_uid);
    for (size_t i = 0; i < recount->used; i++) {
        struct uid_rows *row = &recount->uids[i];
        if (used > 0 && recount->uids[used - 1].uid == row->uid) {
            for (int map = 0; map < TCTL_COUNTED_MAPS; map++)
                recount->uids[used - 1].count.rows[map] += row->count.rows[map];
        } else {
            recount->uids[used++] = *row;
        }
    }
    recount->used = used;
}

static int scan(const char *bpffs, enum pin_id id, read_row_fn row, void *context)
{
    _cleanup_fd_ int fd = -1;
    struct read_shape shape;
    int r = pins_open_map(bpffs, id, false, &fd);
    if (r == 0)
        r = read_shape_of(fd, &shape);
    return r < 0 ? r : read_map(&read_kernel, fd, &shape, row, context);
}

/* UIDs that have a count and no row any more have 0. */
static int note_counted(void *context, const void *key, const void *value)
{
    struct recount *recount = context;
    int r = note(recount, key, value);
    if (r == 0)
        recount->uids[recount->used - 1].count = (struct tctl_row_count){0};
    return r;
}

static int scan_all(const char *bpffs, struct recount *recount)
{
    static const struct {
        enum pin_id pin;
        uint32_t map;
        read_row_fn note;
    } sources[] = {
        {PIN_APP_UID_STATS, TCTL_APP_UID_STATS, note},
        {PIN_UID_STATS, TCTL_UID_STATS, note},
        {PIN_TAG_STATS, TCTL_TAG_STATS, note},
        {PIN_DROPS, TCTL_DROPS, note_drop},
    };
    int r = scan(bpffs, PIN_ROW_COUNT, note_counted, recount);
    for (size_t i = 0; i < ARRAY_SIZE(sources) && r == 0; i++) {
        recount->map = sources[i].map;
        r = scan(bpffs, sources[i].pin, sources[i].note, recount);
    }
    return r;
}

/* What is right is left alone: writing replaces the element under programs that are adding to it. */
static int correct(int fd, const struct uid_rows *row)
{
    struct tctl_row_count now = {0};
    int r = bpf_map_lookup_elem(fd, &row->uid, &now);
    if (r < 0 && r != -ENOENT)
        return r;
    if (r == 0 && memcmp(&now, &row->count, sizeof(now)) == 0)
        return 0;
    const struct tctl_row_count none = {0};
    if (memcmp(&row->count, &none, sizeof(none)) == 0) {
        r = bpf_map_delete_elem(fd, &row->uid);
        return r == -ENOENT ? 0 : r;
    }
    return bpf_map_update_elem(fd, &row->uid, &row->count, BPF_ANY);
}

int rows_recount(const char *bpffs)
{
    struct recount recount = {0};
    int r = scan_all(bpffs, &recount);
    _cleanup_free_ struct uid_rows *uids = recount.uids;
    _cleanup_fd_ int fd = -1;
    if (r == 0)
        r = pins_open_map(bpffs, PIN_ROW_COUNT, true, &fd);
    if (r < 0)
        return r;

    merge(&recount);
    for (size_t i = 0; i < recount.used && r == 0; i++)
        r = correct(fd, &uids[i]);
    return r;
}
