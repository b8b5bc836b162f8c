/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Which users are shown, and in which order. */
#pragma once

#include "users.h"

enum order_by {
    ORDER_UID,
    ORDER_USER,
    ORDER_RATE,
    ORDER_RX,
    ORDER_TX,
    ORDER_PACKETS,
    ORDER_TOTAL,
    ORDER_BLOCKED,
    ORDERS
};

/* What --sort and keys call an order. */
extern const struct order_name {
    const char *name;
    char key;
} order_names[ORDERS];

/* False: there is none of this name. */
bool order_find(const char *name, enum order_by *ret_order);

/* Starts zeroed; end with view_done(). The users' rows are borrowed: valid until users_update(). */
struct view {
    struct row **rows;
    size_t count, room;
};

/*
 * Those of users whose UID, or name as far as it is known, holds text ("": all). UIDs and names ascend; else the
 * highest first, and where they are alike the highest total, then the lowest UID. -ENOMEM: the view is empty.
 */
int view_make(struct view *view, const struct users *users, enum order_by order, const char *text);

void view_done(struct view *view);
