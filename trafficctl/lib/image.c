/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "image.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <firewall.bpf.h>

#include "chains.h"
#include "cleanup.h"
#include "read.h"
#include "rules.h"

/* The two halves of a word of either kind are in the same places. */
_Static_assert(offsetof(struct tctl_uid_rules, rules) == offsetof(struct tctl_uid_iface, iface), "one layout");

int image_fd(const struct enforce *enforce, enum image_map map)
{
    switch (map) {
    case IMAGE_DOZABLE:
    case IMAGE_STANDBY:
    case IMAGE_POWERSAVE:
        return enforce->netd[map];
    case IMAGE_RULES:
        return enforce->rules;
    case IMAGE_IFACES:
        return enforce->ifaces;
    case IMAGE_METERED:
        return enforce->metered;
    default:
        return enforce->config;
    }
}

enum pin_id image_pin(enum image_map map)
{
    switch (map) {
    case IMAGE_RULES:
        return PIN_UID_RULES;
    case IMAGE_IFACES:
        return PIN_UID_IFACE;
    case IMAGE_METERED:
        return PIN_METERED;
    case IMAGE_CONFIG:
        return PIN_CONFIG;
    default:
        return chains_pin((enum tctl_reason)map);
    }
}

void image_done(struct image *image)
{
    for (size_t map = 0; map < IMAGE_MAPS; map++)
        free(image->maps[map].rows);
    *image = (struct image){0};
}

static int rows_reserve(struct image_rows *rows, size_t more)
{
    if (rows->count + more <= rows->room)
        return 0;
    size_t room = rows->room * 2 > rows->count + more ? rows->room * 2 : rows->count + more;
    struct image_row *grown = reallocarray(rows->rows, room, sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    rows->rows = grown;
    rows->room = room;
    return 0;
}

static int rows_copy(const struct image_rows *rows, struct image_rows *ret)
{
    *ret = (struct image_rows){0};
    int r = rows_reserve(ret, rows->count);
    if (r < 0 || rows->count == 0)
        return r;
    memcpy(ret->rows, rows->rows, rows->count * sizeof(*rows->rows));
    ret->count = rows->count;
    return 0;
}

int image_copy(const struct image *image, struct image *ret_copy)
{
    struct image copy = *image;
    memset(copy.maps, 0, sizeof(copy.maps));
    for (size_t map = 0; map < IMAGE_MAPS; map++) {
        int r = rows_copy(&image->maps[map], &copy.maps[map]);
        if (r < 0) {
            image_done(&copy);
            return r;
        }
    }
    *ret_copy = copy;
    return 0;
}

struct reading {
    struct image *image;
    enum image_map map;
};

static uint64_t value_of(enum image_map map, uint32_t key, const void *value)
{
    struct tctl_uid_rules word;
    if (!image_names_uid(map))
        return *(const uint8_t *)value;
    memcpy(&word, value, sizeof(word));
    return word.rules | (word.uid == key ? 0 : IMAGE_MISNAMED);
}

static int take_row(void *context, const void *key, const void *value)
{
    const struct reading *reading = context;
    struct image_rows *rows = &reading->image->maps[reading->map];
    struct image_row row;
    memcpy(&row.key, key, sizeof(row.key));
    row.value = value_of(reading->map, row.key, value);
    if (row.key == TCTL_CHAIN_SWITCH && reading->map <= IMAGE_POWERSAVE) {
        reading->image->has_switch |= TCTL_BIT(reading->map);
        reading->image->switched |= row.value == 1 ? TCTL_BIT(reading->map) : 0;
        return 0;
    }
    int r = rows_reserve(rows, 1);
    if (r == 0)
        rows->rows[rows->count++] = row;
    return r;
}

static int compare_rows(const void *a, const void *b)
{
    const struct image_row *one = a, *other = b;
    return (one->key > other->key) - (one->key < other->key);
}

static int read_rows(const struct enforce *enforce, enum image_map map, struct image *image)
{
    struct reading reading = {.image = image, .map = map};
    struct read_shape shape;
    int fd = image_fd(enforce, map);
    int r = read_shape_of(fd, &shape);
    if (r == 0)
        r = read_map(&read_kernel, fd, &shape, take_row, &reading);
    if (r == 0 && image->maps[map].count > 0)
        qsort(image->maps[map].rows, image->maps[map].count, sizeof(struct image_row), compare_rows);
    return r;
}

int image_read(const struct enforce *enforce, struct image *ret_image)
{
    _cleanup_(image_done) struct image image = {0};
    struct tctl_config config;
    int r = rules_config(enforce, &config);
    for (enum image_map map = IMAGE_DOZABLE; map < IMAGE_MAPS && r == 0; map++)
        r = read_rows(enforce, map, &image);
    if (r < 0)
        return r;
    image.switched |= config.chains & ~TCTL_NETD_CHAINS;
    image.closed = config.closed;
    *ret_image = image;
    image = (struct image){0};
    return 0;
}

/* Where the key is, or would be. */
static size_t place_of(const struct image_rows *rows, uint32_t key)
{
    size_t first = 0, end = rows->count;
    while (first < end) {
        size_t middle = first + (end - first) / 2;
        if (rows->rows[middle].key < key)
            first = middle + 1;
        else
            end = middle;
    }
    return first;
}

const struct image_row *image_find(const struct image *image, enum image_map map, uint32_t key)
{
    const struct image_rows *rows = &image->maps[map];
    size_t place = place_of(rows, key);
    return place < rows->count && rows->rows[place].key == key ? &rows->rows[place] : NULL;
}

int image_put(struct image *image, enum image_map map, uint32_t key, uint64_t value)
{
    struct image_rows *rows = &image->maps[map];
    size_t place = place_of(rows, key);
    if (place == rows->count || rows->rows[place].key != key) {
        int r = rows_reserve(rows, 1);
        if (r < 0)
            return r;
        memmove(&rows->rows[place + 1], &rows->rows[place], (rows->count - place) * sizeof(*rows->rows));
        rows->count++;
    }
    rows->rows[place] = (struct image_row){key, value};
    return 0;
}

void image_remove(struct image *image, enum image_map map, uint32_t key)
{
    struct image_rows *rows = &image->maps[map];
    size_t place = place_of(rows, key);
    if (place == rows->count || rows->rows[place].key != key)
        return;
    rows->count--;
    memmove(&rows->rows[place], &rows->rows[place + 1], (rows->count - place) * sizeof(*rows->rows));
}

static enum image_map map_of(uint32_t chain)
{
    return TCTL_NETD_CHAINS & TCTL_BIT(chain) ? (enum image_map)chain : IMAGE_RULES;
}

static bool row_lists(uint32_t chain, const struct image_row *row)
{
    if (!row)
        return false;
    if (map_of(chain) == IMAGE_RULES)
        return row->value & TCTL_BIT(chain);
    const uint8_t entry = (uint8_t)row->value;
    return is_listed(chain, &entry);
}

bool image_lists(const struct image *image, uint32_t chain, uint32_t uid)
{
    return row_lists(chain, image_find(image, map_of(chain), uid));
}

int image_list(const struct image *image, uint32_t chain, struct policy_uids *ret_list)
{
    const struct image_rows *rows = &image->maps[map_of(chain)];
    struct policy_uids list = {.room = rows->count};
    list.uids = reallocarray(NULL, rows->count + 1, sizeof(*list.uids));
    if (!list.uids)
        return -ENOMEM;
    for (size_t i = 0; i < rows->count; i++) {
        if (row_lists(chain, &rows->rows[i]))
            list.uids[list.count++] = rows->rows[i].key;
    }
    *ret_list = list;
    return 0;
}

/* The row as it has to be for the UID to be on the list or not; what is right already stays. False: no row. */
static bool edited_row(uint32_t chain, const struct image_row *row, bool listed, uint64_t *ret_value)
{
    *ret_value = row ? row->value : 0;
    if (row_lists(chain, row) == listed)
        return row;
    if (map_of(chain) == IMAGE_RULES) {
        *ret_value = (uint32_t)(*ret_value ^ TCTL_BIT(chain));
        return *ret_value != 0;
    }
    *ret_value = TCTL_ALLOW_LISTS & TCTL_BIT(chain) ? 1 : 0;
    return listed;
}

static bool is_to_be_listed(uint32_t chain, const struct image_row *row, bool named, enum image_edit edit)
{
    if (edit == IMAGE_REPLACE)
        return named;
    return named ? edit == IMAGE_ADD : row_lists(chain, row);
}

int image_edit(struct image *image, uint32_t chain, const struct policy_uids *uids, enum image_edit edit)
{
    struct image_rows *rows = &image->maps[map_of(chain)], edited = {0};
    int r = rows_reserve(&edited, rows->count + uids->count);
    if (r < 0 || !edited.rows)
        return r;
    for (size_t i = 0, k = 0; i < rows->count || k < uids->count;) {
        bool named = k < uids->count && (i == rows->count || uids->uids[k] <= rows->rows[i].key);
        bool there = i < rows->count && (!named || uids->uids[k] == rows->rows[i].key);
        const struct image_row *row = there ? &rows->rows[i] : NULL;
        struct image_row wanted = {.key = there ? row->key : uids->uids[k]};
        bool kept = edited_row(chain, row, is_to_be_listed(chain, row, named, edit), &wanted.value);
        if (named)
            wanted.value &= ~IMAGE_MISNAMED; /* whoever is asked about is to have what was asked for */
        if (kept)
            edited.rows[edited.count++] = wanted;
        i += there;
        k += named;
    }
    free(rows->rows);
    *rows = edited;
    return 0;
}
