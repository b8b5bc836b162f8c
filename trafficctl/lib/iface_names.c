/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "iface_names.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "fd.h"
#include "pins.h"
#include "read.h"

static int by_index(const void *a, const void *b)
{
    const uint32_t x = ((const struct iface_name *)a)->index, y = ((const struct iface_name *)b)->index;
    return (x > y) - (x < y);
}

static int reserve_one(struct iface_names *names)
{
    if (names->count < names->room)
        return 0;
    const size_t room = names->room ? 2 * names->room : 64;
    struct iface_name *known = reallocarray(names->known, room, sizeof(*known));
    if (!known)
        return -ENOMEM;
    names->known = known;
    names->room = room;
    return 0;
}

static int take(void *context, const void *key, const void *value)
{
    struct iface_names *names = context;
    int r = reserve_one(names);
    if (r < 0)
        return r;
    struct iface_name *name = &names->known[names->count++];
    memcpy(&name->index, key, sizeof(name->index));
    memcpy(name->name, value, sizeof(name->name));
    name->name[sizeof(name->name) - 1] = '\0'; /* a peer may have filled all of it */
    return 0;
}

int iface_names_open(const char *bpffs, struct iface_names *names)
{
    struct read_shape shape = {0};
    *names = (struct iface_names){.map = -1};
    int r = iface_rows_open(bpffs, &names->rows);
    if (r == 0)
        r = pins_open_map(bpffs, PIN_IFACE_INDEX_NAME, true, &names->map);
    if (r == 0)
        r = read_shape_of(names->map, &shape);
    if (r == 0)
        r = read_map(&read_kernel, names->map, &shape, take, names);
    if (r < 0)
        return r;
    names->max_entries = shape.max_entries;
    if (names->count > 0)
        qsort(names->known, names->count, sizeof(*names->known), by_index);
    return 0;
}

void iface_names_done(struct iface_names *names)
{
    iface_rows_done(&names->rows);
    names->map = fd_close(names->map);
    free(names->known);
    names->known = NULL;
}

/* Where it is, or would be. */
static size_t place_of(const struct iface_names *names, uint32_t index)
{
    size_t low = 0, high = names->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (names->known[middle].index < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct iface_name *find(const struct iface_names *names, uint32_t index)
{
    const size_t place = place_of(names, index);
    return place < names->count && names->known[place].index == index ? &names->known[place] : NULL;
}

const char *iface_names_get(const struct iface_names *names, uint32_t index)
{
    const struct iface_name *name = find(names, index);
    return name ? name->name : NULL;
}

static int put_name(struct iface_names *names, uint32_t index, const char *text)
{
    struct iface_name new = {.index = index}, *old = find(names, index);
    snprintf(new.name, sizeof(new.name), "%s", text);
    if (old && strcmp(old->name, new.name) == 0)
        return 0;
    int r = reserve_one(names);
    if (r == 0)
        r = bpf_map_update_elem(names->map, &index, new.name, BPF_ANY);
    if (r < 0)
        return r;
    if (old) {
        *old = new;
        return 0;
    }
    struct iface_name *at = names->known + place_of(names, index);
    memmove(at + 1, at, (names->count - (size_t)(at - names->known)) * sizeof(*at));
    *at = new;
    names->count++;
    return 0;
}

static int delete_name(struct iface_names *names, uint32_t index)
{
    struct iface_name *at = find(names, index);
    int r = bpf_map_delete_elem(names->map, &index);
    if (r < 0 && r != -ENOENT)
        return r;
    if (at) {
        names->count--;
        memmove(at, at + 1, (names->count - (size_t)(at - names->known)) * sizeof(*at));
    }
    return 0;
}

int iface_names_set(struct iface_names *names, uint32_t index, const char *name)
{
    int r = put_name(names, index, name);
    if (r != -E2BIG)
        return r;
    r = iface_names_fold(names);
    if (r == 0)
        r = put_name(names, index, name);
    names->full |= r == -E2BIG;
    return r == -E2BIG ? 0 : r;
}

/* A number above those of all that were removed; TCTL_REMOVED_ALL after 2^31 of them. */
static uint32_t next_removed(const struct iface_names *names)
{
    const size_t count = place_of(names, TCTL_REMOVED_ALL);
    const uint32_t last = count ? names->known[count - 1].index : 0;
    return last < TCTL_REMOVED_FIRST ? TCTL_REMOVED_FIRST : last + 1;
}

/* A place of its own where a name is, else where none is needed. */
static int place_removed(struct iface_names *names, const char *name, uint32_t *ret_index)
{
    const uint32_t index = next_removed(names);
    int r = index == TCTL_REMOVED_ALL ? -E2BIG : put_name(names, index, name);
    if (r < 0 && r != -E2BIG)
        return r;
    *ret_index = r < 0 ? TCTL_REMOVED_ALL : index;
    if (r < 0)
        names->folded++;
    return 0;
}

/* Interfaces of one name go to one number. */
static int place_all(struct iface_names *names, struct iface_move *moves, size_t count)
{
    int r = 0;
    for (size_t i = 0; i < count && r == 0; i++) {
        uint32_t to = 0;
        if (moves[i].from >= TCTL_REMOVED_FIRST || !moves[i].has_rows || moves[i].to)
            continue;
        r = place_removed(names, moves[i].name, &to);
        for (size_t j = 0; j < count; j++) {
            if (strcmp(moves[i].name, moves[j].name) == 0)
                moves[j].to = to;
        }
    }
    return r;
}

static int by_from(const void *a, const void *b)
{
    const uint32_t x = ((const struct iface_move *)a)->from, y = ((const struct iface_move *)b)->from;
    return (x > y) - (x < y);
}

static bool is_among(const struct iface_move *moves, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(moves[i].name, name) == 0)
            return true;
    }
    return false;
}

/* Those that are gone, and who had one of their names before. moves: room for all. */
static size_t list_moves(const struct iface_names *names, const struct iface_name *gone, size_t count,
                         struct iface_move *moves)
{
    size_t listed = 0;
    for (size_t i = 0; i < count; i++) {
        moves[listed] = (struct iface_move){.from = gone[i].index};
        memcpy(moves[listed++].name, gone[i].name, sizeof(gone[i].name));
    }
    for (size_t i = place_of(names, TCTL_REMOVED_FIRST); i < names->count; i++) {
        const struct iface_name *before = &names->known[i];
        if (before->index == TCTL_REMOVED_ALL || !is_among(moves, count, before->name))
            continue;
        moves[listed] = (struct iface_move){.from = before->index};
        memcpy(moves[listed++].name, before->name, sizeof(before->name));
    }
    qsort(moves, listed, sizeof(*moves), by_from);
    return listed;
}

static int forget(struct iface_names *names, const struct iface_move *moves, size_t count)
{
    int r = 0;
    for (size_t i = 0; i < count && r == 0; i++) {
        if (moves[i].to == 0 && moves[i].from >= TCTL_REMOVED_FIRST)
            continue;
        if (moves[i].to == 0)
            r = iface_rows_forget_base(&names->rows, moves[i].from);
        if (r == 0)
            r = delete_name(names, moves[i].from);
    }
    return r;
}

int iface_names_remove(struct iface_names *names, const struct iface_name *gone, size_t count)
{
    _cleanup_(iface_found_done) struct iface_found found = {0};
    _cleanup_free_ struct iface_move *moves = reallocarray(NULL, count + names->count + 1, sizeof(*moves));
    if (!moves)
        return -ENOMEM;
    const size_t listed = list_moves(names, gone, count, moves);
    int r = iface_rows_find(&names->rows, moves, listed, &found);
    if (r == 0)
        r = place_all(names, moves, listed);
    if (r == 0)
        r = iface_rows_move(&names->rows, moves, listed, &found);
    return r < 0 ? r : forget(names, moves, listed);
}

int iface_names_to_removed(struct iface_names *names, struct iface_move *moves, size_t count)
{
    _cleanup_(iface_found_done) struct iface_found found = {0};
    int r = iface_rows_find(&names->rows, moves, count, &found);
    for (size_t i = 0; i < count; i++)
        moves[i].to = TCTL_REMOVED_ALL;
    if (r == 0)
        r = put_name(names, TCTL_REMOVED_ALL, IFACE_NAMES_REMOVED);
    if (r == 0 || r == -E2BIG) /* readers know this name without the map */
        r = iface_rows_move(&names->rows, moves, count, &found);
    if (r == 0)
        r = forget(names, moves, count);
    if (r == 0)
        names->folded += count;
    return r;
}
