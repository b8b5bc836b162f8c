/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "order.h"

static void order_by_byte(struct order *order, unsigned int shift)
{
    struct order_item *const from = order->items, *const to = order->spare;
    size_t place[257] = {0}; /* where the first item of a byte goes */
    for (size_t i = 0; i < order->count; i++)
        place[(from[i].key >> shift & 0xff) + 1]++;
    for (size_t byte = 1; byte < 256; byte++)
        place[byte] += place[byte - 1];
    for (size_t i = 0; i < order->count; i++)
        to[place[from[i].key >> shift & 0xff]++] = from[i];
    order->items = to;
    order->spare = from;
}

void order_by_key(struct order *order)
{
    uint32_t differ = 0;
    for (size_t i = 1; i < order->count; i++)
        differ |= order->items[i].key ^ order->items[0].key;
    for (unsigned int shift = 0; shift < 32; shift += 8) {
        if (differ >> shift & 0xff)
            order_by_byte(order, shift);
    }
}
