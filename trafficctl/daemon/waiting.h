/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Connections that are not served yet, ordered by how long they have been there: those that have not sent a whole
 * message, and those whose user is being served (queued). A bounded table without a lock of its own; it owns no
 * descriptor.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "peer.h"
#include "request.h"

/* Of one user at a time. */
#define WAITING_PER_USER 64
/* Of all. */
#define WAITING_MAX 1024

struct connection {
    int fd;
    int descriptor; /* the first that was received; -1 */
    struct peer peer;
    uint64_t deadline_ns;
    bool polled;   /* epoll knows it */
    bool has_turn; /* the one it queued for is promised to it */
    struct request_received received;
};

struct waiting_slot {
    struct connection connection;
    uint32_t round;        /* how often the slot was used; odd while it is */
    uint32_t older, newer; /* slots; newer links free ones too */
    uint32_t of_user;      /* how many its user has in the table */
    uint64_t queued;       /* its place among those that are; 0: it is not */
};

struct waiting {
    struct waiting_slot *slots;
    uint32_t size;
    uint32_t used; /* slots that were ever used: the rest is untouched memory */
    uint32_t free, oldest, newest;
    uint32_t count;
    uint64_t last_queued;
};

/* No slots: nobody can wait. */
#define WAITING_EMPTY ((struct waiting){.free = UINT32_MAX, .oldest = UINT32_MAX, .newest = UINT32_MAX})

/* What the limits on descriptors leave for connections: each may hold one more. open_files is RLIMIT_NOFILE. */
uint32_t waiting_size(uint64_t open_files);

/* Lives as long as the process. -ENOMEM. */
int waiting_init(struct waiting *waiting, uint32_t size);

/*
 * Put a connection in. Where that is one too many of its user, or of all, the one that has waited longest of that user
 * (of the user who has most) goes out: true, and it is in *ret_evicted. *ret_key is never below 2^32.
 */
bool waiting_add(struct waiting *waiting, const struct connection *connection, bool queued, uint64_t *ret_key,
                 struct connection *ret_evicted);

/* One that is in; NULL: it is no more there. */
struct connection *waiting_find(struct waiting *waiting, uint64_t key);

/* Take one out. False: it is no more there. */
bool waiting_take(struct waiting *waiting, uint64_t key, struct connection *ret_connection);

/* Take the oldest out if its deadline has passed. *ret_queued: it was never served. */
bool waiting_take_late(struct waiting *waiting, uint64_t now_ns, struct connection *ret_connection, bool *ret_queued);

/* The first deadline; 0: nobody waits. */
uint64_t waiting_deadline(const struct waiting *waiting);

/* Has the user any? */
bool waiting_has(const struct waiting *waiting, uid_t user);

/* Who of the user was queued first is queued no more; NULL: nobody was. */
struct connection *waiting_unqueue(struct waiting *waiting, uid_t user, uint64_t *ret_key);

/* None of the user's that are queued will be served: their deadline has passed. */
void waiting_give_up(struct waiting *waiting, uid_t user);
