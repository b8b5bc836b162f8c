/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "iface_names.h"
#include "read.h"

/* Rows of removed interfaces in one map. */
struct removed_row {
    uint32_t uid, index;
};

struct removed_rows {
    struct removed_row *rows;
    size_t count, room;
};

struct removed {
    struct removed_rows maps[IFACE_ROW_MAPS];
};

static void removed_done(struct removed *removed)
{
    for (size_t i = 0; i < IFACE_ROW_MAPS; i++)
        free(removed->maps[i].rows);
}

static int take(void *context, enum iface_row_map map, uint32_t index, uint32_t uid)
{
    struct removed_rows *rows = &((struct removed *)context)->maps[map];
    if (index < TCTL_REMOVED_FIRST || index == TCTL_REMOVED_ALL)
        return 0;
    if (rows->count == rows->room) {
        const size_t room = rows->room ? 2 * rows->room : 256;
        struct removed_row *larger = reallocarray(rows->rows, room, sizeof(*larger));
        if (!larger)
            return -ENOMEM;
        rows->rows = larger;
        rows->room = room;
    }
    rows->rows[rows->count++] = (struct removed_row){.uid = uid, .index = index};
    return 0;
}

/* The latest first. */
static int by_index(const void *a, const void *b)
{
    const uint32_t x = ((const struct removed_row *)a)->index, y = ((const struct removed_row *)b)->index;
    return (x < y) - (x > y);
}

static int by_uid(const void *a, const void *b)
{
    const uint32_t x = ((const struct removed_row *)a)->uid, y = ((const struct removed_row *)b)->uid;
    return x != y ? (x > y) - (x < y) : by_index(a, b);
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* The last number that has to go so that at most this many rows stay; 0: none. */
static uint32_t excess(struct removed_rows *rows, uint32_t most)
{
    if (rows->count <= most)
        return 0;
    qsort(rows->rows, rows->count, sizeof(*rows->rows), by_index);
    return rows->rows[most].index;
}

static uint32_t excess_of_uids(struct removed_rows *rows, uint32_t most)
{
    uint32_t last = 0;
    if (rows->count == 0)
        return 0;
    qsort(rows->rows, rows->count, sizeof(*rows->rows), by_uid);
    for (size_t i = most; i < rows->count; i++) {
        if (rows->rows[i].uid == rows->rows[i - most].uid)
            last = larger(last, rows->rows[i].index);
    }
    return last;
}

static int excess_of_map(const struct iface_names *names, struct removed *removed, enum iface_row_map map,
                         uint32_t *last)
{
    struct read_shape shape;
    uint32_t share;
    if (names->rows.fd[map] < 0)
        return 0;
    int r = read_shape_of(names->rows.fd[map], &shape);
    if (r < 0)
        return r;
    *last = larger(*last, excess(&removed->maps[map], shape.max_entries / 2));
    r = iface_rows_share(&names->rows, map, &share);
    if (r == 0 && share > 0)
        *last = larger(*last, excess_of_uids(&removed->maps[map], share / 2));
    return r;
}

static int excess_of_rows(const struct iface_names *names, uint32_t *last)
{
    _cleanup_(removed_done) struct removed removed = {0};
    int r = iface_rows_each(&names->rows, take, &removed);
    for (size_t i = 0; i < IFACE_ROW_BASE && r == 0; i++)
        r = excess_of_map(names, &removed, (enum iface_row_map)i, last);
    return r;
}

/* The first that was removed and still has its name; names->count: there is none. */
static size_t first_removed(const struct iface_names *names)
{
    size_t i = 0;
    while (i < names->count && names->known[i].index < TCTL_REMOVED_FIRST)
        i++;
    return i < names->count && names->known[i].index == TCTL_REMOVED_ALL ? names->count : i;
}

static uint32_t excess_of_names(const struct iface_names *names)
{
    const size_t most = names->max_entries / 2, first = first_removed(names);
    const bool has_all = iface_names_get(names, TCTL_REMOVED_ALL);
    if (names->count <= most || first == names->count)
        return 0;
    const size_t too_many = names->count - most + !has_all, removed = names->count - first - has_all;
    return names->known[first + (too_many < removed ? too_many : removed) - 1].index;
}

static int fold(struct iface_names *names, uint32_t last)
{
    const size_t first = first_removed(names);
    _cleanup_free_ struct iface_move *moves = calloc(names->count + 1, sizeof(*moves));
    size_t count = 0;
    if (!moves)
        return -ENOMEM;
    for (size_t i = first; i < names->count && names->known[i].index <= last; i++)
        moves[count++].from = names->known[i].index;
    return count ? iface_names_to_removed(names, moves, count) : 0;
}

int iface_names_fold(struct iface_names *names)
{
    uint32_t last = excess_of_names(names);
    if (first_removed(names) == names->count)
        return 0;
    int r = excess_of_rows(names, &last);
    return r < 0 || last == 0 ? r : fold(names, last);
}
