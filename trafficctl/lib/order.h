/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Many rows put in order by numbers of theirs without being moved, and without being compared: of all their numbers the
 * bits that are not the same in all rows make a key, and some passes over small items sort by it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORDER_NUMBERS 4

struct order_item {
    uint64_t key;
    uint32_t row;  /* which row this is, */
    uint32_t mark; /* and what else is known of it; both go with it */
};

/* All of it is the owner's, who gives room for count items in both. */
struct order {
    struct order_item *items;
    struct order_item *spare;
    size_t count;
};

/* Bits side by side in one of the numbers, and where they are in the key. */
struct order_run {
    uint32_t mask;
    uint8_t number;
    uint8_t from, to;
};

/* What a key is made of; all that differs may be more than fits in one. */
struct order_plan {
    struct order_run run[ORDER_NUMBERS * 16];
    size_t first, end; /* of those that make the next key */
    size_t count;
    unsigned int bits; /* that it has */
};

/* differ: the bits that are not the same in all rows; the number that matters least comes first. */
void order_plan(struct order_plan *ret_plan, const uint32_t differ[ORDER_NUMBERS]);

/* The next key, those that matter least first; false when there is none. Then each item gets it, and is put in order.
 */
bool order_next_key(struct order_plan *plan);

static inline uint64_t order_key(const struct order_plan *plan, const uint32_t numbers[ORDER_NUMBERS])
{
    uint64_t key = 0;
    for (const struct order_run *run = plan->run + plan->first; run < plan->run + plan->end; run++)
        key |= (uint64_t)((numbers[run->number] & run->mask) >> run->from) << run->to;
    return key;
}

/* Those of equal keys stay as they are. items and spare may change places. */
void order_by_key(struct order *order, const struct order_plan *plan);
