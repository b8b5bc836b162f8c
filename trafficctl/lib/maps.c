/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Each map by itself, opened when it is read. */
#include <trafficctl/maps.h>

#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "bpf_reader.h"
#include "cleanup.h"
#include "fd.h"
#include "merge.h"
#include "moves.h"
#include "pins.h"
#include "place.h"
#include "read.h"
#include "stats.h"

_Static_assert((int)TCTL_PIN_COOKIE_TAG == PIN_COOKIE_TAG && (int)TCTL_PIN_POWERSAVE_UID == PIN_POWERSAVE_UID &&
                   (int)TCTL_PIN_XT_EGRESS_PROG == PIN_XT_EGRESS_PROG && TCTL_PINS == PIN_XT_EGRESS_PROG + 1,
               "the same pins in the same order");

struct tctl_maps {
    struct reader *base; /* no map is open in it */
};

struct tctl_maps *tctl_maps_close(struct tctl_maps *maps)
{
    if (maps)
        bpf_reader_close(maps->base);
    free(maps);
    return NULL;
}

int tctl_maps_open(const char *bpffs, struct tctl_maps **ret_maps)
{
    _cleanup_free_ struct tctl_maps *maps = calloc(1, sizeof(*maps));
    if (!maps)
        return -ENOMEM;
    int r = bpf_reader_open_bare(place_find(bpffs), &maps->base);
    if (r < 0)
        return r;
    *ret_maps = TAKE_PTR(maps);
    return 0;
}

const char *tctl_pin_name(enum tctl_pin pin)
{
    return pin < TCTL_PINS ? pins[pin].path : NULL;
}

int tctl_maps_check(struct tctl_maps *maps, enum tctl_pin pin)
{
    _cleanup_fd_ int fd = -1;
    if (pin >= TCTL_PINS)
        return -EINVAL;
    if (pins[pin].kind == PIN_MAP)
        return pins_open_map(maps->base->bpffs, (enum pin_id)pin, false, &fd);
    return pins_open(maps->base->bpffs, (enum pin_id)pin, &fd);
}

/* Rows of one type, as they come from a map. */
struct rows {
    void *all; /* owned; free by rows_done() */
    size_t count, room, size;
    void (*fill)(void *row, const void *key, const void *value);
};

static void rows_done(struct rows *rows)
{
    free(rows->all);
}

static int take_row(void *context, const void *key, const void *value)
{
    struct rows *rows = context;
    if (rows->count == rows->room) {
        size_t room = rows->room ? rows->room * 2 : 256;
        void *grown = reallocarray(rows->all, room, rows->size);
        if (!grown)
            return -ENOMEM;
        rows->all = grown;
        rows->room = room;
    }
    rows->fill((char *)rows->all + rows->count++ * rows->size, key, value);
    return 0;
}

/* compare: of two rows. */
static int read_rows(const struct tctl_maps *maps, enum tctl_pin pin, int (*compare)(const void *a, const void *b),
                     struct rows *rows)
{
    struct read_shape shape;
    _cleanup_fd_ int fd = -1;
    int r = pins_open_map(maps->base->bpffs, (enum pin_id)pin, false, &fd);
    if (r == 0)
        r = read_shape_of(fd, &shape);
    if (r == 0)
        r = read_map(&read_kernel, fd, &shape, take_row, rows);
    if (r == 0 && rows->count)
        qsort(rows->all, rows->count, rows->size, compare);
    return r;
}

static void fill_socket(void *row, const void *key, const void *value)
{
    struct tctl_tag tag;
    struct tctl_socket_row socket = {0};
    memcpy(&socket.cookie, key, sizeof(socket.cookie));
    memcpy(&tag, value, sizeof(tag));
    socket.uid = tag.uid;
    socket.tag = tag.tag;
    *(struct tctl_socket_row *)row = socket;
}

static int compare_cookies(const void *a, const void *b)
{
    const struct tctl_socket_row *x = a, *y = b;
    return (x->cookie > y->cookie) - (x->cookie < y->cookie);
}

int tctl_maps_read_sockets(struct tctl_maps *maps, struct tctl_socket_row **ret_rows, size_t *ret_count)
{
    _cleanup_(rows_done) struct rows rows = {.size = sizeof(**ret_rows), .fill = fill_socket};
    int r = read_rows(maps, TCTL_PIN_COOKIE_TAG, compare_cookies, &rows);
    if (r < 0)
        return r;
    *ret_rows = TAKE_PTR(rows.all);
    *ret_count = rows.count;
    return 0;
}

/* Of rows that begin with a UID or the number of an interface. */
static int compare_numbers(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}
_Static_assert(offsetof(struct tctl_uid_value_row, uid) == 0 && offsetof(struct tctl_name_row, iface_index) == 0,
               "they do");

static void fill_uid(void *row, const void *key, const void *value)
{
    struct tctl_uid_value_row uid = {.value = *(const uint8_t *)value};
    memcpy(&uid.uid, key, sizeof(uid.uid));
    *(struct tctl_uid_value_row *)row = uid;
}

int tctl_maps_read_uids(struct tctl_maps *maps, enum tctl_pin pin, struct tctl_uid_value_row **ret_rows,
                        size_t *ret_count)
{
    _cleanup_(rows_done) struct rows rows = {.size = sizeof(**ret_rows), .fill = fill_uid};
    if (pin != TCTL_PIN_UID_COUNTER_SET && (pin < TCTL_PIN_DOZABLE_UID || pin > TCTL_PIN_POWERSAVE_UID))
        return -EINVAL;
    int r = read_rows(maps, pin, compare_numbers, &rows);
    if (r < 0)
        return r;
    *ret_rows = TAKE_PTR(rows.all);
    *ret_count = rows.count;
    return 0;
}

static void fill_name(void *row, const void *key, const void *value)
{
    struct tctl_name_row name = {0};
    memcpy(&name.iface_index, key, sizeof(name.iface_index));
    memcpy(name.iface, value, sizeof(name.iface) - 1); /* a peer may have filled all of it */
    *(struct tctl_name_row *)row = name;
}

/* Where the kernel cannot be asked: trafficd takes the numbers of removed interfaces out of the map. */
static bool is_present(const struct names *names, uint32_t index, bool in_map)
{
    char text[IF_NAMESIZE];
    if (index == 0 || index >= TCTL_REMOVED_FIRST)
        return false;
    return names->ask_kernel ? if_indextoname(index, text) != NULL : in_map;
}

int tctl_maps_read_names(struct tctl_maps *maps, struct tctl_name_row **ret_rows, size_t *ret_count)
{
    _cleanup_(rows_done) struct rows rows = {.size = sizeof(**ret_rows), .fill = fill_name};
    const struct names names = bpf_reader_names(maps->base);
    int r = read_rows(maps, TCTL_PIN_IFACE_INDEX_NAME, compare_numbers, &rows);
    if (r < 0)
        return r;
    struct tctl_name_row *all = TAKE_PTR(rows.all);
    for (size_t i = 0; i < rows.count; i++)
        all[i].present = is_present(&names, all[i].iface_index, true);
    *ret_rows = all;
    *ret_count = rows.count;
    return 0;
}

static bool is_of_counters(enum tctl_pin pin, enum tctl_stats_map *ret_map)
{
    for (size_t map = 0; map < TCTL_STATS_MAPS; map++) {
        if (pins_stats[map] == (enum pin_id)pin)
            return *ret_map = (enum tctl_stats_map)map, true;
    }
    return false;
}

static int read_stats_once(const struct reader *base, enum tctl_stats_map map, struct stats_rows *rows)
{
    _cleanup_(stats_map_close) struct stats_map stats = {.fd = -1};
    _cleanup_(stats_beside_close) struct stats_beside beside = STATS_BESIDE_NONE;
    rows->count = 0;
    int r = stats_map_open(base->bpffs, pins_stats[map], &stats);
    if (r == 0 && base->percpu)
        r = stats_beside_open(base->bpffs, &beside);
    if (r == 0)
        r = stats_read(&read_kernel, &stats, &beside, map, rows);
    return r < 0 ? r : bpf_reader_has_moved(base);
}

static int read_stats(struct reader *base, enum tctl_stats_map map, struct stats_rows *rows)
{
    int r;
    do {
        r = moves_wait(base->moves, &base->moved);
        if (r == 0)
            r = read_stats_once(base, map, rows);
    } while (r > 0);
    return r;
}

static bool is_in_map(const struct names *names, uint32_t index)
{
    char text[TCTL_IFNAME_LEN];
    return bpf_map_lookup_elem(names->map_fd, &index, text) == 0;
}

/* Rows come by interface: each is looked for once. */
static void fill_stats(const struct stats_rows *from, const struct names *names, struct tctl_stats_row *rows)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct tctl_stats_key *key = &from->rows[i].key;
        if (i > 0 && key->iface_index == rows[i - 1].iface_index) {
            rows[i] = rows[i - 1];
        } else {
            rows[i].iface_index = key->iface_index;
            names_find(names, key->iface_index, rows[i].iface);
            rows[i].present = is_present(names, key->iface_index, is_in_map(names, key->iface_index));
        }
        rows[i].uid = key->uid;
        rows[i].tag = key->tag;
        rows[i].set = key->counter_set;
        rows[i].counters = merge_counters(&from->rows[i].value);
    }
}

/* Without the map of names those are taken that the kernel has. */
static int open_names(const struct reader *base, int *ret_fd)
{
    int r = pins_open_map(base->bpffs, PIN_IFACE_INDEX_NAME, false, ret_fd);
    return r == -ENOENT || r == -EACCES ? 0 : r;
}

int tctl_maps_read_stats(struct tctl_maps *maps, enum tctl_pin pin, struct tctl_stats_row **ret_rows, size_t *ret_count)
{
    _cleanup_(stats_rows_done) struct stats_rows found = {0};
    _cleanup_fd_ int names_fd = -1;
    enum tctl_stats_map map;
    if (!is_of_counters(pin, &map))
        return -EINVAL;
    int r = read_stats(maps->base, map, &found);
    if (r == 0)
        r = open_names(maps->base, &names_fd);
    if (r < 0)
        return r;

    struct names names = bpf_reader_names(maps->base);
    names.map_fd = names_fd;
    stats_rows_sum(&found);
    struct tctl_stats_row *rows = found.count ? calloc(found.count, sizeof(*rows)) : NULL;
    if (found.count && !rows)
        return -ENOMEM;
    fill_stats(&found, &names, rows);
    *ret_rows = rows;
    *ret_count = found.count;
    return 0;
}
