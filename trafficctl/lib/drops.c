/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the firewall dropped. */
#include <errno.h>
#include <stdlib.h>

#include <trafficctl/firewall.h>

#include "backend.h"
#include "chains.h"
#include "cleanup.h"
#include "merge.h"

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

static int take_drop(void *context, const struct tctl_drop_key *key, const struct tctl_stats_value *dropped)
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
    drops->rows[drops->count++] = (struct drop){.key = *key, .dropped = *dropped};
    return 0;
}

static int read_drops(struct tctl *traffic, struct drops *drops)
{
    int r;
    do {
        drops->count = 0;
        r = traffic->backend->drops(traffic->reader, take_drop, drops);
        if (r == 0)
            r = traffic->backend->again(traffic->reader);
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
