/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "selection.h"

static void choose(struct selection *selection, const struct view *view, size_t place)
{
    selection->any = view->count;
    selection->place = place < view->count ? place : view->count ? view->count - 1 : 0;
    if (selection->any)
        selection->uid = view->rows[selection->place]->uid;
}

void selection_move(struct selection *selection, const struct view *view, long by)
{
    long place = (selection->any ? (long)selection->place : -1) + by;

    choose(selection, view, place < 0 ? 0 : (size_t)place);
}

static void find(struct selection *selection, const struct view *view)
{
    for (size_t i = 0; i < view->count; i++) {
        if (view->rows[i]->uid != selection->uid)
            continue;
        selection->place = i;
        return;
    }
    choose(selection, view, selection->place);
}

void selection_follow(struct selection *selection, const struct view *view, size_t room)
{
    if (selection->any)
        find(selection, view);
    if (!selection->any) {
        selection->first = 0;
        return;
    }
    if (selection->place < selection->first)
        selection->first = selection->place;
    if (room && selection->place >= selection->first + room)
        selection->first = selection->place - room + 1;
    if (view->count <= room)
        selection->first = 0;
    else if (selection->first > view->count - room)
        selection->first = view->count - room;
}
