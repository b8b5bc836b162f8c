/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The user that arrow keys chose, who stays chosen wherever sorting puts them, and the part of the view on the screen.
 */
#pragma once

#include "order.h"

/* Starts zeroed: nobody is chosen, and the screen shows the first rows. */
struct selection {
    bool any;
    uint32_t uid;
    size_t place; /* of the chosen one in the view */
    size_t first; /* on the screen */
};

/* Up (below 0) or down by so many rows; the first time from above the first. */
void selection_move(struct selection *selection, const struct view *view, long by);

/*
 * The view has changed, or the screen has room for another number of rows: find the chosen one again and keep them on
 * the screen. Who has left the view gives way to who stands there now.
 */
void selection_follow(struct selection *selection, const struct view *view, size_t room);
