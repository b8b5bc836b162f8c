/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the firewall dropped. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <trafficctl/firewall.h>

#include "chains.h"
#include "cleanup.h"
#include "handle.h"
#include "merge.h"
#include "pins.h"
#include "read.h"

struct drop {
    struct tctl_drop_key key;
    struct tctl_stats_value dropped;
};

struct drops {
    struct drop *rows;
    size_t count, room;
};

static void drops_done(struct drops *drops)
{
    free(drops->rows);
}

static int take_row(void *context, const void *key, const void *value)
{
    struct drops *drops = context;
    if (drops->count == drops->room) {
        size_t room = drops->room ? drops->room * 2 : 64;
        struct drop *grown = reallocarray(drops->rows, room, sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        drops->rows = grown;
        drops->room = room;
    }
    struct drop *drop = &drops->rows[drops->count++];
    memcpy(&drop->key, key, sizeof(drop->key));
    memcpy(&drop->dropped, (const char *)value + offsetof(struct tctl_drop, dropped), sizeof(drop->dropped));
    return 0;
}

static int read_once(struct tctl *traffic, struct drops *drops)
{
    struct stats_map *map = &traffic->drops;
    int r = pins_check_loaded(traffic->folder);
    if (r == 0 && map->fd < 0)
        r = stats_map_open(traffic->bpffs, PIN_DROPS, map);
    drops->count = 0;
    return r < 0 ? r : read_map(&read_kernel, map->fd, &map->shape, take_row, drops);
}

static int read_drops(struct tctl *traffic, struct drops *drops)
{
    int r;
    do {
        r = read_once(traffic, drops);
        if (r == 0)
            r = handle_read_again(traffic);
    } while (r > 0);
    return r;
}

static int compare(const void *a, const void *b)
{
    const struct drop *one = a, *other = b;
    if (one->key.uid != other->key.uid)
        return one->key.uid < other->key.uid ? -1 : 1;
    return (one->key.reason > other->key.reason) - (one->key.reason < other->key.reason);
}

/* Rows of reasons that have no name are nobody's: no program writes one. */
static size_t name_rows(const struct drops *drops, struct tctl_drop_row *rows)
{
    size_t count = 0;
    for (size_t i = 0; i < drops->count; i++) {
        const struct drop *drop = &drops->rows[i];
        if (drop->key.reason >= TCTL_REASONS || !chains_names[drop->key.reason])
            continue;
        rows[count++] = (struct tctl_drop_row){
            .uid = drop->key.uid,
            .reason = chains_names[drop->key.reason],
            .counters = merge_counters(&drop->dropped),
        };
    }
    return count;
}

int tctl_read_drops(struct tctl *traffic, struct tctl_drop_row **ret_rows, size_t *ret_count)
{
    _cleanup_(drops_done) struct drops drops = {0};
    int r = read_drops(traffic, &drops);
    if (r < 0)
        return r;
    if (drops.count == 0) {
        *ret_rows = NULL;
        *ret_count = 0;
        return 0;
    }
    struct tctl_drop_row *rows = calloc(drops.count, sizeof(*rows));
    if (!rows)
        return -ENOMEM;
    qsort(drops.rows, drops.count, sizeof(*drops.rows), compare);
    *ret_count = name_rows(&drops, rows);
    *ret_rows = rows;
    return 0;
}

const char *tctl_drop_reason(unsigned int number)
{
    return number < TCTL_REASONS ? chains_names[number] : NULL;
}
