/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "order.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counters.h"

const struct order_name order_names[ORDERS] = {
    [ORDER_UID] = {"uid", 'u'},     [ORDER_USER] = {"user", 'n'},       [ORDER_RATE] = {"rate", 'b'},
    [ORDER_RX] = {"rx", 'r'},       [ORDER_TX] = {"tx", 's'},           [ORDER_PACKETS] = {"packets", 'p'},
    [ORDER_TOTAL] = {"total", 'a'}, [ORDER_BLOCKED] = {"blocked", 'x'},
};

bool order_find(const char *name, enum order_by *ret_order)
{
    for (enum order_by order = 0; order < ORDERS; order++) {
        if (strcmp(order_names[order].name, name))
            continue;
        *ret_order = order;
        return true;
    }
    return false;
}

void view_done(struct view *view)
{
    free(view->rows);
    view->rows = NULL;
    view->count = view->room = 0;
}

/* What is blocked now comes before what was blocked once. */
static uint64_t value_of(const struct row *row, enum order_by order)
{
    switch (order) {
    case ORDER_RATE:
        return users_bytes(&row->rate);
    case ORDER_RX:
        return row->rate.rx_bytes;
    case ORDER_TX:
        return row->rate.tx_bytes;
    case ORDER_PACKETS:
        return counters_plus(row->rate.rx_packets, row->rate.tx_packets);
    case ORDER_BLOCKED:
        return row->blocked_rate;
    default:
        return users_bytes(&row->total);
    }
}

static int compare_values(uint64_t one, uint64_t other)
{
    return (one < other) - (one > other);
}

/* Who has no name comes last. */
static int compare_users(const struct row *one, const struct row *other)
{
    if (!one->user || !other->user)
        return !one->user - !other->user;
    return strcmp(one->user, other->user);
}

static int compare(const void *a, const void *b, void *context)
{
    const struct row *one = *(struct row *const *)a, *other = *(struct row *const *)b;
    enum order_by order = *(enum order_by *)context;
    int result = 0;

    if (order == ORDER_USER)
        result = compare_users(one, other);
    else if (order != ORDER_UID)
        result = compare_values(value_of(one, order), value_of(other, order));
    if (!result && order == ORDER_BLOCKED)
        result = compare_values(one->blocked, other->blocked);
    if (!result && order != ORDER_USER && order != ORDER_UID)
        result = compare_values(value_of(one, ORDER_TOTAL), value_of(other, ORDER_TOTAL));
    return result ?: (one->uid > other->uid) - (one->uid < other->uid);
}

static bool is_wanted(const struct row *row, const char *text)
{
    char uid[16];

    snprintf(uid, sizeof(uid), "%u", row->uid);
    return strstr(uid, text) || (row->user && strcasestr(row->user, text));
}

static int make_room(struct view *view, size_t count)
{
    struct row **rows = count <= view->room ? view->rows : reallocarray(view->rows, count, sizeof(struct row *));

    view->count = 0;
    if (!rows && count)
        return -ENOMEM;
    view->rows = rows;
    if (count > view->room)
        view->room = count;
    return 0;
}

int view_make(struct view *view, const struct users *users, enum order_by order, const char *text)
{
    int r = make_room(view, users->count);

    if (r < 0)
        return r;
    for (size_t i = 0; i < users->count; i++)
        if (!*text || is_wanted(users->rows[i], text))
            view->rows[view->count++] = users->rows[i];
    if (view->count)
        qsort_r(view->rows, view->count, sizeof(struct row *), compare, &order);
    return 0;
}
