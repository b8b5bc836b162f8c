/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 16

void nft_ledger_done(struct nft_ledger *ledger)
{
    free(ledger->rows);
    free(ledger->slots);
}

static size_t slot_count(const struct nft_ledger *ledger)
{
    return 2 * ledger->room;
}

void nft_ledger_clear(struct nft_ledger *ledger)
{
    ledger->count = 0;
    if (ledger->slots)
        memset(ledger->slots, 0, slot_count(ledger) * sizeof(*ledger->slots));
}

/* Where the row is, or would be. There is always a free one. */
static uint32_t *slot_of(const struct nft_ledger *ledger, uint32_t uid, uint32_t number)
{
    const uint64_t spread = ((uint64_t)uid << 32 | number) * UINT64_C(0x9e3779b97f4a7c15);
    size_t slot = (size_t)(spread >> 32) & (slot_count(ledger) - 1);
    for (;; slot = (slot + 1) & (slot_count(ledger) - 1)) {
        const uint32_t place = ledger->slots[slot];
        if (place == 0)
            break;
        const struct nft_ledger_row *row = &ledger->rows[place - 1];
        if (row->uid == uid && row->number == number)
            break;
    }
    return &ledger->slots[slot];
}

/* 1 + the place of a row, 0: there is none. */
static uint32_t place_of(const struct nft_ledger *ledger, uint32_t uid, uint32_t number)
{
    return ledger->room ? *slot_of(ledger, uid, number) : 0;
}

struct nft_ledger_row *nft_ledger_find(const struct nft_ledger *ledger, uint32_t uid, uint32_t number)
{
    const uint32_t place = place_of(ledger, uid, number);
    return place ? &ledger->rows[place - 1] : NULL;
}

static void place_all(struct nft_ledger *ledger)
{
    for (size_t i = 0; i < ledger->count; i++)
        *slot_of(ledger, ledger->rows[i].uid, ledger->rows[i].number) = (uint32_t)i + 1;
}

static int grow(struct nft_ledger *ledger)
{
    const size_t room = ledger->room ? 2 * ledger->room : FIRST_ROOM;
    if (room > UINT32_MAX / 2)
        return -ENOMEM;
    struct nft_ledger_row *rows = reallocarray(ledger->rows, room, sizeof(*rows));
    if (!rows)
        return -ENOMEM;
    ledger->rows = rows;
    uint32_t *slots = calloc(2 * room, sizeof(*slots));
    if (!slots)
        return -ENOMEM;
    free(ledger->slots);
    ledger->slots = slots;
    ledger->room = room;
    place_all(ledger);
    return 0;
}

int nft_ledger_make(struct nft_ledger *ledger, uint32_t uid, uint32_t number, struct nft_ledger_row **ret_row)
{
    const uint32_t place = place_of(ledger, uid, number);
    int r = place == 0 && ledger->count == ledger->room ? grow(ledger) : 0;
    if (r < 0)
        return r;
    if (place == 0) {
        ledger->rows[ledger->count] = (struct nft_ledger_row){.uid = uid, .number = number};
        *slot_of(ledger, uid, number) = (uint32_t)++ledger->count;
    }
    *ret_row = &ledger->rows[place ? place - 1 : ledger->count - 1];
    return place == 0;
}

void nft_ledger_forget(struct nft_ledger *ledger, uint64_t mark)
{
    size_t kept = 0;
    for (size_t i = 0; i < ledger->count; i++)
        if (ledger->rows[i].mark >= mark)
            ledger->rows[kept++] = ledger->rows[i];
    if (kept == ledger->count)
        return;
    nft_ledger_clear(ledger);
    ledger->count = kept;
    place_all(ledger);
}

int nft_ledger_add(struct nft_ledger *ledger, uint32_t uid, uint32_t number, const struct tctl_stats_value *value)
{
    struct nft_ledger_row *row;
    int r = nft_ledger_make(ledger, uid, number, &row);
    if (r < 0)
        return r;
    nft_value_add(&row->value, value);
    return 0;
}

int nft_ledger_add_all(struct nft_ledger *ledger, const struct nft_ledger *from, const uint32_t *numbers)
{
    int r = 0;
    for (size_t i = 0; i < from->count && r == 0; i++) {
        const struct nft_ledger_row *row = &from->rows[i];
        r = nft_ledger_add(ledger, row->uid, numbers ? numbers[row->number] : row->number, &row->value);
    }
    return r;
}
