/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "stats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "fd.h"

void stats_rows_done(struct stats_rows *rows)
{
    free(rows->rows);
    read_memory_done(&rows->memory);
}

static void add(struct tctl_stats_value *sum, const struct tctl_stats_value *value)
{
    sum->rx_packets += value->rx_packets;
    sum->rx_bytes += value->rx_bytes;
    sum->tx_packets += value->tx_packets;
    sum->tx_bytes += value->tx_bytes;
}

static struct tctl_stats_value sum_of_cpus(const struct tctl_stats_value *values, uint32_t cpus)
{
    struct tctl_stats_value sum = {0};
    for (uint32_t i = 0; i < cpus; i++)
        add(&sum, &values[i]);
    return sum;
}

/* Room for count rows more. */
static int reserve(struct stats_rows *rows, size_t count)
{
    if (rows->room - rows->count >= count)
        return 0;
    size_t room = rows->count + count > 2 * rows->room ? rows->count + count : 2 * rows->room;
    struct stats_row *grown = reallocarray(rows->rows, room, sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    rows->rows = grown;
    rows->room = room;
    return 0;
}

struct reading {
    struct stats_rows *rows;
    enum tctl_stats_map map;
    uint32_t cpus;
};

static struct tctl_stats_key nth_key(enum tctl_stats_map map, const void *keys, size_t n)
{
    struct tctl_stats_key full = {0};
    if (map == TCTL_APP_UID_STATS)
        full.uid = ((const uint32_t *)keys)[n];
    else if (map == TCTL_IFACE_STATS)
        full.iface_index = ((const uint32_t *)keys)[n];
    else
        full = ((const struct tctl_stats_key *)keys)[n];
    return full;
}

/* Programs write the whole key of a packet into the spill map, also where it names less than that. */
static struct tctl_stats_key spill_key_of(const struct tctl_spill_key *spill)
{
    if (spill->map == TCTL_APP_UID_STATS)
        return (struct tctl_stats_key){.uid = spill->key.uid};
    if (spill->map == TCTL_IFACE_STATS)
        return (struct tctl_stats_key){.iface_index = spill->key.iface_index};
    return spill->key;
}

static int take_rows(void *context, const void *keys, const void *values, uint32_t count)
{
    const struct reading *reading = context;
    struct stats_rows *rows = reading->rows;
    const struct tctl_stats_value *value = values;
    int r = reserve(rows, count);
    if (r < 0)
        return r;
    struct stats_row *to = rows->rows + rows->count;
    for (size_t i = 0; i < count; i++, value += reading->cpus)
        to[i] = (struct stats_row){.key = nth_key(reading->map, keys, i), .value = sum_of_cpus(value, reading->cpus)};
    rows->count += count;
    return 0;
}

static int take_spills(void *context, const void *keys, const void *values, uint32_t count)
{
    const struct reading *reading = context;
    struct stats_rows *rows = reading->rows;
    const struct tctl_spill_key *spill = keys;
    const struct tctl_stats_value *value = values;
    int r = reserve(rows, count);
    for (size_t i = 0; i < count && r == 0; i++, value += reading->cpus)
        if (spill[i].map == reading->map)
            rows->rows[rows->count++] =
                (struct stats_row){.key = spill_key_of(&spill[i]), .value = sum_of_cpus(value, reading->cpus)};
    return r;
}

int stats_map_open(const char *bpffs, enum pin_id id, struct stats_map *ret_map)
{
    struct stats_map map;
    _cleanup_fd_ int fd = -1;
    int r = pins_open_map(bpffs, id, false, &fd);
    if (r == 0)
        r = read_shape_of(fd, &map.shape);
    if (r < 0)
        return r;
    map.fd = fd_take(&fd);
    *ret_map = map;
    return 0;
}

void stats_map_close(struct stats_map *map)
{
    map->fd = fd_close(map->fd);
}

int stats_beside_open(const char *bpffs, struct stats_beside *beside)
{
    int r = stats_map_open(bpffs, PIN_SPILL, &beside->spill);
    return r < 0 ? r : hot_open(bpffs, &beside->hot);
}

void stats_beside_close(struct stats_beside *beside)
{
    stats_map_close(&beside->spill);
    hot_close(&beside->hot);
}

static int read_spill(const struct read_calls *calls, const struct stats_map *spill, enum tctl_stats_map which,
                      struct stats_rows *rows)
{
    struct reading reading = {.rows = rows, .map = which, .cpus = spill->shape.cpus};
    return spill->fd < 0 ? 0 : read_map_rows(calls, spill->fd, &spill->shape, &rows->memory, take_spills, &reading);
}

/* The row of a map that what a CPU counts often is counted for. False: it is none of this map's. */
static bool hot_key_of(enum tctl_stats_map map, const struct tctl_stats_key *hot, struct tctl_stats_key *ret_key)
{
    *ret_key = *hot;
    if (map == TCTL_APP_UID_STATS)
        *ret_key = (struct tctl_stats_key){.uid = hot->uid};
    else if (map == TCTL_UID_STATS)
        ret_key->tag = 0;
    return map != TCTL_TAG_STATS || hot->tag != 0;
}

static int add_row(struct stats_rows *rows, const struct tctl_stats_key *key, const struct tctl_stats_value *value)
{
    int r = reserve(rows, 1);
    if (r == 0)
        rows->rows[rows->count++] = (struct stats_row){.key = *key, .value = *value};
    return r;
}

static int add_hot(enum tctl_stats_map which, const struct hot_rows *hot, struct stats_rows *rows)
{
    struct tctl_stats_key key;
    int r = 0;
    for (size_t i = 0; i < hot->count && r == 0; i++)
        if (hot_key_of(which, &hot->rows[i].key, &key))
            r = add_row(rows, &key, &hot->rows[i].value);
    return r;
}

/* One reading of a map with what is beside it: what was read first begins at first, and what was added at beside. */
struct settling {
    const struct read_calls *calls;
    const struct stats_map *map;
    enum tctl_stats_map which;
    struct stats_rows *rows;
    size_t first, beside;
};

/* Zeroes, and 1: there is no such row. */
static int look_up(const struct read_calls *calls, const struct stats_map *map, const void *key,
                   struct tctl_stats_value *ret_value)
{
    _cleanup_free_ struct tctl_stats_value *values = calloc(1, map->shape.value_size);
    if (!values)
        return -ENOMEM;
    int r = calls->look_up(map->fd, key, values);
    if (r < 0 && r != -ENOENT)
        return r;
    *ret_value = sum_of_cpus(values, map->shape.cpus);
    return r == -ENOENT;
}

static bool are_equal(const struct tctl_stats_key *a, const struct tctl_stats_key *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

/* A row that was given what a place had counted, after it was read or before. */
static int read_again(const struct settling *settling, const struct tctl_stats_key *key)
{
    struct stats_rows *rows = settling->rows;
    struct tctl_stats_value value;
    int r = look_up(settling->calls, settling->map,
                    settling->which == TCTL_APP_UID_STATS ? (const void *)&key->uid : key, &value);
    if (r != 0)
        return r < 0 ? r : 0;
    for (size_t i = settling->first; i < settling->beside; i++) {
        if (are_equal(&rows->rows[i].key, key)) {
            rows->rows[i].value = value;
            return 0;
        }
    }
    return add_row(rows, key, &value);
}

/* What has lost its place since the map was read. 1: something has. */
static int read_moved(const struct settling *settling, const struct hot_rows *before, const struct hot_rows *after)
{
    struct tctl_stats_key key;
    size_t at = 0;
    int r = 0, moved = 0;
    for (size_t i = 0; i < before->count && r == 0; i++) {
        if (hot_is_still(&before->rows[i], after, &at) || !hot_key_of(settling->which, &before->rows[i].key, &key))
            continue;
        moved = 1;
        r = read_again(settling, &key);
    }
    return r < 0 ? r : moved;
}

/*
 * Places go to other keys while a map is read, and what they had counted is in the map, or was not yet: those rows are
 * looked up again, singly, which is so short that it is done again itself if a place goes meanwhile.
 */
static int settle(const struct settling *settling, const struct hot *hot, const struct hot_rows *before)
{
    _cleanup_(hot_rows_done) struct hot_rows after = {0};
    const size_t read = settling->rows->count;
    uint64_t begun;
    int r;
    do {
        settling->rows->count = read;
        r = hot_read(hot, &after, &begun);
        if (r == 0)
            r = read_moved(settling, before, &after);
        if (r > 0)
            r = hot_has_moved(hot, begun);
    } while (r > 0);
    return r < 0 ? r : add_hot(settling->which, &after, settling->rows);
}

int stats_read(const struct read_calls *calls, const struct stats_map *map, const struct stats_beside *beside,
               enum tctl_stats_map which, struct stats_rows *rows)
{
    _cleanup_(hot_rows_done) struct hot_rows before = {0};
    struct reading reading = {.rows = rows, .map = which, .cpus = map->shape.cpus};
    struct settling settling = {.calls = calls, .map = map, .which = which, .rows = rows, .first = rows->count};
    const bool is_hot = beside->hot.fd >= 0 && which != TCTL_IFACE_STATS;
    uint64_t begun;
    int r = is_hot ? hot_read(&beside->hot, &before, &begun) : 0;
    if (r == 0)
        r = read_map_rows(calls, map->fd, &map->shape, &rows->memory, take_rows, &reading);
    settling.beside = rows->count;
    if (r == 0)
        r = read_spill(calls, &beside->spill, which, rows);
    return r < 0 || !is_hot ? r : settle(&settling, &beside->hot, &before);
}

static int compare_u32(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

static int compare_keys(const void *a, const void *b)
{
    const struct tctl_stats_key *x = &((const struct stats_row *)a)->key, *y = &((const struct stats_row *)b)->key;
    int order = compare_u32(x->iface_index, y->iface_index);
    if (order == 0)
        order = compare_u32(x->uid, y->uid);
    if (order == 0)
        order = compare_u32(x->tag, y->tag);
    return order ?: compare_u32(x->counter_set, y->counter_set);
}

void stats_rows_sum(struct stats_rows *rows)
{
    if (rows->count == 0)
        return;
    qsort(rows->rows, rows->count, sizeof(*rows->rows), compare_keys);
    size_t last = 0;
    for (size_t i = 1; i < rows->count; i++) {
        if (compare_keys(&rows->rows[last], &rows->rows[i]) == 0)
            add(&rows->rows[last].value, &rows->rows[i].value);
        else
            rows->rows[++last] = rows->rows[i];
    }
    rows->count = last + 1;
}

/* Added up: what was spilt, and what is counted often. */
static int add_uid_beside(const struct read_calls *calls, const struct stats_beside *beside, uint32_t uid,
                          struct tctl_stats_value *sum)
{
    _cleanup_(stats_rows_done) struct stats_rows spilt = {0};
    _cleanup_(hot_rows_done) struct hot_rows hot = {0};
    uint64_t begun;
    int r = read_spill(calls, &beside->spill, TCTL_APP_UID_STATS, &spilt);
    if (r == 0)
        r = hot_read(&beside->hot, &hot, &begun);
    if (r < 0)
        return r;
    for (size_t i = 0; i < spilt.count; i++)
        if (spilt.rows[i].key.uid == uid)
            add(sum, &spilt.rows[i].value);
    for (size_t i = 0; i < hot.count; i++)
        if (hot.rows[i].key.uid == uid)
            add(sum, &hot.rows[i].value);
    return 0;
}

/* So short that it is done again when a place went to another key meanwhile. */
int stats_read_uid(const struct read_calls *calls, const struct stats_map *map, const struct stats_beside *beside,
                   uint32_t uid, struct tctl_stats_value *ret_value)
{
    uint64_t begun;
    int r;
    do {
        r = hot_begin(&beside->hot, &begun);
        if (r == 0)
            r = look_up(calls, map, &uid, ret_value);
        if (r >= 0)
            r = add_uid_beside(calls, beside, uid, ret_value);
        if (r == 0)
            r = hot_has_moved(&beside->hot, begun);
    } while (r > 0);
    return r;
}
