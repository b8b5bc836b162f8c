/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "iface_rows.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "fd.h"
#include "grace.h"
#include "pins.h"
#include "read.h"
#include "window.h"

#define NO_UID SIZE_MAX
#define MAX_TRIES 1000

/* Values are counters of 64 bits from end to end, so that one sum serves all. */
static const struct {
    enum pin_id pin;
    size_t index, uid; /* offsets in the key */
    enum tctl_stats_map counted;
} maps[IFACE_ROW_MAPS] = {
    [IFACE_ROW_UID] = {PIN_UID_STATS, offsetof(struct tctl_stats_key, iface_index),
                       offsetof(struct tctl_stats_key, uid), TCTL_UID_STATS},
    [IFACE_ROW_TAG] = {PIN_TAG_STATS, offsetof(struct tctl_stats_key, iface_index),
                       offsetof(struct tctl_stats_key, uid), TCTL_TAG_STATS},
    [IFACE_ROW_IFACE] = {PIN_IFACE_STATS, 0, NO_UID, TCTL_COUNTED_MAPS},
    [IFACE_ROW_PARTS] = {PIN_IFACE_PARTS, 0, NO_UID, TCTL_COUNTED_MAPS},
    [IFACE_ROW_SPILL] = {PIN_SPILL, offsetof(struct tctl_spill_key, key.iface_index), NO_UID, TCTL_COUNTED_MAPS},
    [IFACE_ROW_BASE] = {PIN_IFACE_BASE, 0, NO_UID, TCTL_COUNTED_MAPS},
};
_Static_assert(sizeof(struct tctl_stats_value) % sizeof(uint64_t) == 0, "summed by words");

int iface_rows_open(const char *bpffs, struct iface_rows *rows)
{
    for (size_t i = 0; i < IFACE_ROW_MAPS; i++)
        rows->fd[i] = -1;
    rows->row_count = rows->config = rows->generation = -1;
    rows->hot = (struct hot_pages){0};
    int r = pins_open_map(bpffs, PIN_ROW_COUNT, true, &rows->row_count);
    if (r == 0)
        r = pins_open_map(bpffs, PIN_CONFIG, true, &rows->config);
    if (r == 0)
        r = pins_open_map(bpffs, PIN_GENERATION, true, &rows->generation);
    for (size_t i = 0; i < IFACE_ROW_MAPS && r == 0; i++) {
        r = pins_open_map(bpffs, maps[i].pin, true, &rows->fd[i]);
        if (r == -ENOENT && i == IFACE_ROW_SPILL)
            r = 0;
    }
    return r < 0 ? r : hot_map(bpffs, &rows->hot);
}

void iface_rows_done(struct iface_rows *rows)
{
    for (size_t i = 0; i < IFACE_ROW_MAPS; i++)
        rows->fd[i] = fd_close(rows->fd[i]);
    rows->row_count = fd_close(rows->row_count);
    rows->config = fd_close(rows->config);
    rows->generation = fd_close(rows->generation);
    hot_unmap(&rows->hot);
}

static uint32_t key_index(enum iface_row_map map, const void *key)
{
    uint32_t index;
    memcpy(&index, (const char *)key + maps[map].index, sizeof(index));
    return index;
}

static uint32_t key_uid(enum iface_row_map map, const void *key)
{
    uint32_t uid = 0;
    if (maps[map].uid != NO_UID)
        memcpy(&uid, (const char *)key + maps[map].uid, sizeof(uid));
    return uid;
}

struct finding {
    enum iface_row_map map;
    struct iface_move *moves;
    size_t count;
};

static int compare(const void *index, const void *move)
{
    const uint32_t a = *(const uint32_t *)index, b = ((const struct iface_move *)move)->from;
    return (a > b) - (a < b);
}

static int is_moved(void *context, const void *key, const void *value)
{
    const struct finding *finding = context;
    const uint32_t index = key_index(finding->map, key);
    struct iface_move *move = bsearch(&index, finding->moves, finding->count, sizeof(*finding->moves), compare);
    (void)value;
    if (!move)
        return 0;
    move->has_rows |= finding->map != IFACE_ROW_BASE;
    return 1;
}

int iface_rows_find(const struct iface_rows *rows, struct iface_move *moves, size_t count, struct iface_found *found)
{
    int r = 0;
    *found = (struct iface_found){0};
    for (size_t i = 0; i < IFACE_ROW_MAPS && r == 0; i++) {
        struct finding finding = {.map = (enum iface_row_map)i, .moves = moves, .count = count};
        if (rows->fd[i] >= 0)
            r = gather_keys(rows->fd[i], is_moved, &finding, &found->keys[i]);
    }
    return r;
}

void iface_found_done(struct iface_found *found)
{
    for (size_t i = 0; i < IFACE_ROW_MAPS; i++)
        gather_done(&found->keys[i]);
}

static void add(void *sum, const void *value, size_t size)
{
    uint64_t *to = sum;
    const uint64_t *from = value;
    for (size_t i = 0; i < size / sizeof(*to); i++)
        to[i] += from[i];
}

/*
 * In a full map the only place is the row's own. A program that takes it first is one of those that find no room now
 * and then: it is tried until there is.
 */
static int change_places(int fd, const void *from, const void *to, const void *value)
{
    int r = bpf_map_delete_elem(fd, from);
    if (r < 0)
        return r;
    for (int i = 0; i < MAX_TRIES; i++) {
        r = bpf_map_update_elem(fd, to, value, BPF_ANY);
        if (r != -E2BIG)
            break;
    }
    return r;
}

/* values: room for two. 1: the target was there already. */
static int move_value(int fd, const void *from, const void *to, void *values, size_t size)
{
    void *value = values, *sum = (char *)values + size;
    int r = bpf_map_lookup_elem(fd, from, value);
    if (r < 0)
        return r == -ENOENT ? 0 : r; /* somebody deletes raw */
    int there = bpf_map_lookup_elem(fd, to, sum);
    if (there < 0 && there != -ENOENT)
        return there;
    if (there == 0)
        add(value, sum, size);
    r = bpf_map_update_elem(fd, to, value, BPF_ANY);
    if (r == -E2BIG)
        return change_places(fd, from, to, value);
    if (r == 0)
        r = bpf_map_delete_elem(fd, from);
    return r < 0 ? r : there == 0;
}

/*
 * Two rows became one: one is given back to the UID's share. Programs may take one at this very moment: then the share
 * is one row larger than it should be until trafficd starts again.
 */
static int give_back(const struct iface_rows *rows, enum iface_row_map map, uint32_t uid, uint32_t merged)
{
    struct tctl_row_count count;
    if (merged == 0 || maps[map].uid == NO_UID)
        return 0;
    int r = bpf_map_lookup_elem(rows->row_count, &uid, &count);
    if (r < 0)
        return r == -ENOENT ? 0 : r; /* somebody else paid */
    uint32_t *share = &count.rows[maps[map].counted];
    *share -= *share < merged ? *share : merged;
    return bpf_map_update_elem(rows->row_count, &uid, &count, BPF_ANY);
}

static int by_uid(const void *a, const void *b, void *map)
{
    const uint32_t x = key_uid(*(enum iface_row_map *)map, a), y = key_uid(*(enum iface_row_map *)map, b);
    return (x > y) - (x < y);
}

struct moving {
    const struct iface_rows *rows;
    enum iface_row_map map;
    const struct iface_move *moves;
    size_t count, value_size;
    void *values;
    struct window *window; /* to be held; or NULL */
};

static int move_key(const struct moving *moving, const void *key, size_t key_size)
{
    unsigned char to[sizeof(struct tctl_spill_key)];
    const uint32_t index = key_index(moving->map, key);
    const struct iface_move *move = bsearch(&index, moving->moves, moving->count, sizeof(*moving->moves), compare);
    if (!move || move->to == 0)
        return 0;
    memcpy(to, key, key_size);
    memcpy(to + maps[moving->map].index, &move->to, sizeof(move->to));
    return move_value(moving->rows->fd[moving->map], key, to, moving->values, moving->value_size);
}

/* A UID's rows one after the other, so that its share is written once. */
static int move_keys(const struct moving *moving, struct gather *keys)
{
    enum iface_row_map map = moving->map;
    uint32_t uid = 0, merged = 0;
    int r = 0, given;
    if (keys->count > 0)
        qsort_r(keys->keys, keys->count, keys->key_size, by_uid, &map);
    for (size_t i = 0; i < keys->count; i++) {
        const void *key = gather_key(keys, i);
        if (key_uid(map, key) != uid) {
            r = give_back(moving->rows, map, uid, merged);
            merged = 0;
            uid = key_uid(map, key);
        }
        if (r == 0 && moving->window)
            r = window_hold(moving->window);
        if (r == 0)
            r = move_key(moving, key, keys->key_size);
        if (r < 0)
            break;
        merged += (uint32_t)r;
        r = 0;
    }
    given = give_back(moving->rows, map, uid, merged);
    return r < 0 ? r : given;
}

static int move_map(const struct iface_rows *rows, enum iface_row_map map, const struct iface_move *moves, size_t count,
                    struct gather *keys, struct window *window)
{
    struct read_shape shape;
    if (rows->fd[map] < 0)
        return 0;
    int r = read_shape_of(rows->fd[map], &shape);
    if (r < 0)
        return r;
    _cleanup_free_ void *values = malloc(2 * (size_t)shape.value_size);
    if (!values)
        return -ENOMEM;
    const struct moving moving = {.rows = rows,
                                  .map = map,
                                  .moves = moves,
                                  .count = count,
                                  .value_size = shape.value_size,
                                  .values = values,
                                  .window = window};
    return move_keys(&moving, keys);
}

static int move_maps(const struct iface_rows *rows, const struct iface_move *moves, size_t count,
                     struct iface_found *found, struct window *window)
{
    int r = 0;
    for (size_t i = 0; i < IFACE_ROW_MAPS && r == 0; i++)
        r = move_map(rows, (enum iface_row_map)i, moves, count, &found->keys[i], window);
    return r;
}

/* What CPUs count often of interfaces that are moved. */
struct renaming {
    const struct iface_move *moves;
    size_t count, found;
    bool rename;
};

static int rename_hot(void *context, const struct hot_seen *seen)
{
    struct renaming *renaming = context;
    const struct iface_move *move =
        bsearch(&seen->key.iface_index, renaming->moves, renaming->count, sizeof(*move), compare);
    if (!move || move->to == 0)
        return 0;
    renaming->found++;
    if (renaming->rename)
        hot_rename(seen, move->to);
    return 0;
}

/* No place may give what it had counted to a row that is being moved: the row's new value would not have it. */
static int move_with_hot(const struct iface_rows *rows, struct renaming *renaming, struct iface_found *found)
{
    const struct tctl_tag nobody = {.uid = TCTL_NOBODY};
    struct window window;
    int r = window_open(rows->config, rows->generation, &nobody, &window);
    grace_wait();
    renaming->rename = true;
    if (r == 0)
        r = hot_change(&rows->hot, rename_hot, renaming);
    if (r == 0)
        r = move_maps(rows, renaming->moves, renaming->count, found, &window);
    int closed = window_close(&window);
    return r < 0 ? r : closed;
}

int iface_rows_move(const struct iface_rows *rows, const struct iface_move *moves, size_t count,
                    struct iface_found *found)
{
    struct renaming renaming = {.moves = moves, .count = count};
    int r = hot_change(&rows->hot, rename_hot, &renaming);
    if (r < 0)
        return r;
    return renaming.found ? move_with_hot(rows, &renaming, found) : move_maps(rows, moves, count, found, NULL);
}

int iface_rows_forget_base(const struct iface_rows *rows, uint32_t index)
{
    int r = bpf_map_delete_elem(rows->fd[IFACE_ROW_BASE], &index);
    return r == -ENOENT ? 0 : r;
}

int iface_rows_share(const struct iface_rows *rows, enum iface_row_map map, uint32_t *ret_share)
{
    const uint32_t zero = 0;
    struct tctl_config config;
    *ret_share = 0;
    if (maps[map].uid == NO_UID)
        return 0;
    int r = bpf_map_lookup_elem(rows->config, &zero, &config);
    if (r == 0)
        *ret_share = config.row_limit[maps[map].counted];
    return r;
}

struct telling {
    enum iface_row_map map;
    iface_row_fn fn;
    void *context;
};

static int tell(void *context, const void *key, const void *value)
{
    const struct telling *telling = context;
    (void)value;
    return telling->fn(telling->context, telling->map, key_index(telling->map, key), key_uid(telling->map, key));
}

int iface_rows_each(const struct iface_rows *rows, iface_row_fn fn, void *context)
{
    int r = 0;
    for (size_t i = 0; i < IFACE_ROW_BASE && r == 0; i++) {
        struct telling telling = {.map = (enum iface_row_map)i, .fn = fn, .context = context};
        struct read_shape shape;
        if (rows->fd[i] < 0)
            continue;
        r = read_shape_of(rows->fd[i], &shape);
        if (r == 0)
            r = read_map(&read_kernel, rows->fd[i], &shape, tell, &telling);
    }
    return r;
}
