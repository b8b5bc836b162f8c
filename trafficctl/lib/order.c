/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "order.h"

#include <string.h>

/* So many that what a pass counts stays in the nearest cache. */
#define DIGIT_BITS 11u
#define KEY_BITS 64u

static void add_runs(struct order_plan *plan, uint8_t number, uint32_t differ)
{
    while (differ) {
        const uint32_t lowest = differ & -differ, mask = differ & ~(differ + lowest);
        plan->run[plan->count++] =
            (struct order_run){.mask = mask, .number = number, .from = (uint8_t)__builtin_ctz(differ)};
        differ &= ~mask;
    }
}

void order_plan(struct order_plan *ret_plan, const uint32_t differ[ORDER_NUMBERS])
{
    ret_plan->first = ret_plan->end = ret_plan->count = 0;
    for (uint8_t number = 0; number < ORDER_NUMBERS; number++)
        add_runs(ret_plan, number, differ[number]);
}

bool order_next_key(struct order_plan *plan)
{
    plan->bits = 0;
    plan->first = plan->end;
    for (; plan->end < plan->count; plan->end++) {
        struct order_run *run = &plan->run[plan->end];
        const unsigned int width = (unsigned int)__builtin_popcount(run->mask);
        if (plan->bits + width > KEY_BITS)
            break;
        run->to = (uint8_t)plan->bits;
        plan->bits += width;
    }
    return plan->bits > 0;
}

static void order_by_digit(struct order *order, unsigned int shift, unsigned int bits)
{
    struct order_item *const from = order->items, *const to = order->spare;
    const uint64_t mask = (UINT64_C(1) << bits) - 1;
    uint32_t place[(1u << DIGIT_BITS) + 1]; /* where the first item of a digit goes */

    memset(place, 0, (mask + 2) * sizeof(*place));
    for (size_t i = 0; i < order->count; i++)
        place[(from[i].key >> shift & mask) + 1]++;
    for (size_t digit = 1; digit <= mask; digit++)
        place[digit] += place[digit - 1];
    for (size_t i = 0; i < order->count; i++)
        to[place[from[i].key >> shift & mask]++] = from[i];
    order->items = to;
    order->spare = from;
}

/* Digits of one size, none larger than it has to be. */
void order_by_key(struct order *order, const struct order_plan *plan)
{
    unsigned int left = plan->bits;

    for (unsigned int passes = (left + DIGIT_BITS - 1) / DIGIT_BITS; passes > 0; passes--) {
        const unsigned int digit = (left + passes - 1) / passes;
        order_by_digit(order, plan->bits - left, digit);
        left -= digit;
    }
}
