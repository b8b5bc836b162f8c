/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Many rows put in order by their numbers without being moved, and without being compared: some number of passes over
 * small items, for each byte that is not the same in all.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct order_item {
    uint32_t key;  /* what is sorted by now */
    uint32_t row;  /* which row this is, */
    uint32_t mark; /* and what else is known of it; both go with it */
};

/* All of it is the owner's, who gives room for count items in both. */
struct order {
    struct order_item *items;
    struct order_item *spare;
    size_t count;
};

/* By key; those of equal keys stay as they are. So by the key that matters least first. items and spare may change
 * places. */
void order_by_key(struct order *order);
