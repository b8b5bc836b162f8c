/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "tally.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_ROOM 256

static int append(struct tally *tally, struct tctl_tag key, uint64_t rows)
{
    if (tally->count == tally->room) {
        size_t room = tally->room ? tally->room * 2 : FIRST_ROOM;
        struct tally_entry *entries = reallocarray(tally->entries, room, sizeof(*entries));
        if (!entries)
            return -ENOMEM;
        tally->entries = entries;
        tally->room = room;
    }
    tally->entries[tally->count++] = (struct tally_entry){.key = key, .count = {.rows = rows}};
    return 0;
}

int tally_add(struct tally *tally, uint32_t uid, uint32_t tag, uint64_t rows)
{
    int r = append(tally, (struct tctl_tag){.uid = uid}, rows);
    if (r == 0 && tag != 0)
        r = append(tally, (struct tctl_tag){.uid = uid, .tag = tag}, 0);
    return r;
}

/* A UID's own entry comes before those of its tags. */
static int compare(const void *a, const void *b)
{
    const struct tctl_tag *x = &((const struct tally_entry *)a)->key, *y = &((const struct tally_entry *)b)->key;
    if (x->uid != y->uid)
        return x->uid < y->uid ? -1 : 1;
    return (x->tag > y->tag) - (x->tag < y->tag);
}

void tally_finish(struct tally *tally)
{
    size_t used = 0, head = 0;
    if (tally->count == 0)
        return;
    qsort(tally->entries, tally->count, sizeof(*tally->entries), compare);
    for (size_t i = 0; i < tally->count; i++) {
        struct tally_entry entry = tally->entries[i];
        if (used > 0 && compare(&tally->entries[used - 1], &entry) == 0) {
            tally->entries[used - 1].count.rows += entry.count.rows;
            continue;
        }
        if (entry.key.tag == 0)
            head = used;
        else
            tally->entries[head].count.tags++;
        tally->entries[used++] = entry;
    }
    tally->count = used;
}

struct tally_entry *tally_find(const struct tally *tally, const struct tctl_tag *key)
{
    const struct tally_entry wanted = {.key = *key};
    if (tally->count == 0)
        return NULL;
    return bsearch(&wanted, tally->entries, tally->count, sizeof(wanted), compare);
}

void tally_done(struct tally *tally)
{
    free(tally->entries);
}
