/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "turns.h"

#include <assert.h>

/* The user's row, a new one if there is none. */
static struct turns_user *row_of(struct turns *turns, uid_t user)
{
    for (size_t i = 0; i < turns->count; i++)
        if (turns->users[i].user == user)
            return &turns->users[i];
    assert(turns->count < TURNS_USERS);
    turns->users[turns->count] = (struct turns_user){.user = user};
    return &turns->users[turns->count++];
}

/* A promised turn waits for a thread, which is nothing that the user does. */
static bool is_held(const struct turns_user *row, uint64_t now_ns, uint64_t for_ns)
{
    return row->taken - row->promised >= TURNS_PER_USER && now_ns > row->since_ns + for_ns;
}

bool turns_are_held(const struct turns *turns, uid_t user, uint64_t now_ns)
{
    for (size_t i = 0; i < turns->count; i++)
        if (turns->users[i].user == user)
            return is_held(&turns->users[i], now_ns, TURNS_HELD_NS);
    return false;
}

bool turns_stuck(const struct turns *turns, uint64_t now_ns, size_t *at, uid_t *ret_user)
{
    while (*at < turns->count) {
        const struct turns_user *row = &turns->users[(*at)++];
        if (!is_held(row, now_ns, TURNS_STUCK_NS))
            continue;
        *ret_user = row->user;
        return true;
    }
    return false;
}

enum turns_answer turns_take(struct turns *turns, uid_t user, uint64_t now_ns)
{
    struct turns_user *row = row_of(turns, user);

    if (row->taken >= TURNS_PER_USER)
        return is_held(row, now_ns, TURNS_STUCK_NS) ? TURNS_STUCK : TURNS_LATER;
    row->taken++;
    row->since_ns = now_ns;
    return TURNS_TAKEN;
}

bool turns_promise(struct turns *turns, uid_t user)
{
    struct turns_user *row = row_of(turns, user);

    if (row->taken >= TURNS_PER_USER)
        return false;
    row->taken++;
    row->promised++;
    return true;
}

void turns_begin(struct turns *turns, uid_t user, uint64_t now_ns)
{
    struct turns_user *row = row_of(turns, user);

    row->promised--;
    row->since_ns = now_ns;
}

void turns_force(struct turns *turns, uid_t user, uint64_t now_ns)
{
    struct turns_user *row = row_of(turns, user);

    if (row->taken++ < TURNS_PER_USER)
        row->since_ns = now_ns;
}

void turns_end(struct turns *turns, uid_t user, uint64_t now_ns)
{
    struct turns_user *row = row_of(turns, user);

    row->since_ns = now_ns;
    if (--row->taken == 0)
        *row = turns->users[--turns->count];
}
