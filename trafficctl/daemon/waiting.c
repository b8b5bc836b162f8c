/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "waiting.h"

#include <errno.h>
#include <stdlib.h>

/* No slot. */
#define NONE UINT32_MAX
#define MIN_SIZE 16
/* Descriptors for everything else: pins, threads at work, the log. */
#define OTHER_FILES 128
/* The deadline of those that were given up: before all others. */
#define GIVEN_UP_NS 1

uint32_t waiting_size(uint64_t open_files)
{
    uint64_t size = open_files > OTHER_FILES ? (open_files - OTHER_FILES) / 2 : 0;

    return size < MIN_SIZE ? MIN_SIZE : size > WAITING_MAX ? WAITING_MAX : size;
}

int waiting_init(struct waiting *waiting, uint32_t size)
{
    *waiting = WAITING_EMPTY;
    waiting->size = size;
    waiting->slots = calloc(size, sizeof(*waiting->slots));
    return waiting->slots ? 0 : -ENOMEM;
}

static uint64_t key_of(const struct waiting *waiting, uint32_t index)
{
    return (uint64_t)waiting->slots[index].round << 32 | index;
}

/* There is one, since the caller has made room. */
static uint32_t new_slot(struct waiting *waiting)
{
    uint32_t index = waiting->free;

    if (index == NONE)
        return waiting->used++;
    waiting->free = waiting->slots[index].newer;
    return index;
}

/* Behind the last one whose deadline is not later. */
static void link_in(struct waiting *waiting, uint32_t index)
{
    struct waiting_slot *slots = waiting->slots;
    uint32_t older = waiting->newest, newer = NONE;

    while (older != NONE && slots[older].connection.deadline_ns > slots[index].connection.deadline_ns) {
        newer = older;
        older = slots[older].older;
    }
    slots[index].older = older;
    slots[index].newer = newer;
    *(older == NONE ? &waiting->oldest : &slots[older].newer) = index;
    *(newer == NONE ? &waiting->newest : &slots[newer].older) = index;
    waiting->count++;
}

static void link_out(struct waiting *waiting, uint32_t index)
{
    struct waiting_slot *slots = waiting->slots, *slot = &slots[index];

    *(slot->older == NONE ? &waiting->oldest : &slots[slot->older].newer) = slot->newer;
    *(slot->newer == NONE ? &waiting->newest : &slots[slot->newer].older) = slot->older;
    waiting->count--;
}

static uint32_t oldest_of(const struct waiting *waiting, uid_t user)
{
    uint32_t i = waiting->oldest;

    while (i != NONE && waiting->slots[i].connection.peer.user != user)
        i = waiting->slots[i].newer;
    return i;
}

static uint32_t count_of(const struct waiting *waiting, uid_t user)
{
    uint32_t any = oldest_of(waiting, user);

    return any == NONE ? 0 : waiting->slots[any].of_user;
}

/* Of the user who has most, with the one that is about to come in. */
static uint32_t oldest_of_most(const struct waiting *waiting, uid_t user)
{
    uint32_t most = 0, oldest = NONE;

    for (uint32_t i = waiting->oldest; i != NONE; i = waiting->slots[i].newer) {
        const struct waiting_slot *slot = &waiting->slots[i];
        uint32_t of_user = slot->of_user + (slot->connection.peer.user == user);
        if (of_user <= most)
            continue;
        most = of_user;
        oldest = i;
    }
    return oldest;
}

static void set_of_user(struct waiting *waiting, uid_t user, uint32_t of_user)
{
    for (uint32_t i = waiting->oldest; i != NONE; i = waiting->slots[i].newer)
        if (waiting->slots[i].connection.peer.user == user)
            waiting->slots[i].of_user = of_user;
}

static void remove_slot(struct waiting *waiting, uint32_t index, struct connection *ret_connection)
{
    struct waiting_slot *slot = &waiting->slots[index];

    link_out(waiting, index);
    set_of_user(waiting, slot->connection.peer.user, slot->of_user - 1);
    *ret_connection = slot->connection;
    slot->round++;
    slot->newer = waiting->free;
    waiting->free = index;
}

/* Who has to go before another one of this user comes in; NONE: nobody. */
static uint32_t one_too_many(const struct waiting *waiting, uid_t user)
{
    if (count_of(waiting, user) >= WAITING_PER_USER)
        return oldest_of(waiting, user);
    return waiting->count == waiting->size ? oldest_of_most(waiting, user) : NONE;
}

bool waiting_add(struct waiting *waiting, const struct connection *connection, bool queued, uint64_t *ret_key,
                 struct connection *ret_evicted)
{
    const uid_t user = connection->peer.user;
    uint32_t surplus = one_too_many(waiting, user);

    if (surplus != NONE)
        remove_slot(waiting, surplus, ret_evicted);
    uint32_t of_user = count_of(waiting, user) + 1, index = new_slot(waiting);
    struct waiting_slot *slot = &waiting->slots[index];
    slot->connection = *connection;
    slot->queued = queued ? ++waiting->last_queued : 0;
    slot->round++;
    link_in(waiting, index);
    set_of_user(waiting, user, of_user);
    *ret_key = key_of(waiting, index);
    return surplus != NONE;
}

struct connection *waiting_find(struct waiting *waiting, uint64_t key)
{
    uint32_t index = (uint32_t)key;
    bool in_use = key >> 32 & 1;

    return in_use && index < waiting->used && key_of(waiting, index) == key ? &waiting->slots[index].connection : NULL;
}

bool waiting_take(struct waiting *waiting, uint64_t key, struct connection *ret_connection)
{
    if (!waiting_find(waiting, key))
        return false;
    remove_slot(waiting, (uint32_t)key, ret_connection);
    return true;
}

bool waiting_take_late(struct waiting *waiting, uint64_t now_ns, struct connection *ret_connection, bool *ret_queued)
{
    uint32_t oldest = waiting->oldest;

    if (oldest == NONE || waiting->slots[oldest].connection.deadline_ns > now_ns)
        return false;
    *ret_queued = waiting->slots[oldest].queued > 0;
    remove_slot(waiting, oldest, ret_connection);
    return true;
}

uint64_t waiting_deadline(const struct waiting *waiting)
{
    return waiting->oldest == NONE ? 0 : waiting->slots[waiting->oldest].connection.deadline_ns;
}

bool waiting_has(const struct waiting *waiting, uid_t user)
{
    return oldest_of(waiting, user) != NONE;
}

static bool is_queued(const struct waiting_slot *slot, uid_t user)
{
    return slot->queued > 0 && slot->connection.peer.user == user && slot->connection.deadline_ns > GIVEN_UP_NS;
}

struct connection *waiting_unqueue(struct waiting *waiting, uid_t user, uint64_t *ret_key)
{
    uint32_t first = NONE;

    for (uint32_t i = waiting->oldest; i != NONE; i = waiting->slots[i].newer)
        if (is_queued(&waiting->slots[i], user) &&
            (first == NONE || waiting->slots[i].queued < waiting->slots[first].queued))
            first = i;
    if (first == NONE)
        return NULL;
    waiting->slots[first].queued = 0;
    *ret_key = key_of(waiting, first);
    return &waiting->slots[first].connection;
}

/* Those that were moved are at the front, behind where the walk is. */
void waiting_give_up(struct waiting *waiting, uid_t user)
{
    for (uint32_t next, i = waiting->oldest; i != NONE; i = next) {
        struct waiting_slot *slot = &waiting->slots[i];
        next = slot->newer;
        if (!is_queued(slot, user))
            continue;
        link_out(waiting, i);
        slot->connection.deadline_ns = GIVEN_UP_NS;
        link_in(waiting, i);
    }
}
