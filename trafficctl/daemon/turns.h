/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Whose turn it is: of the threads that serve connections one user has at most TURNS_PER_USER at a time, so that others
 * are served whatever this one sends. No lock of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TURNS_PER_USER 2
/* Users who have turns at one moment: not more than there are threads, and connections that wait. */
#define TURNS_USERS 1536

struct turns_user {
    uid_t user;
    unsigned int taken;
    unsigned int promised; /* of these; they have not begun */
    uint64_t since_ns;     /* the last turn began or ended */
};

/* Zeroes: nobody is served. */
struct turns {
    struct turns_user users[TURNS_USERS];
    size_t count;
};

enum turns_answer {
    TURNS_TAKEN,
    TURNS_LATER, /* the user's turns are all taken */
    TURNS_STUCK, /* and for so long that nobody knows whether they end */
};

#define TURNS_STUCK_NS UINT64_C(100000000)
#define TURNS_HELD_NS UINT64_C(5000000)

enum turns_answer turns_take(struct turns *turns, uid_t user, uint64_t now_ns);
/* A turn that begins with turns_begin(). False: the user's turns are all taken. */
bool turns_promise(struct turns *turns, uid_t user);
void turns_begin(struct turns *turns, uid_t user, uint64_t now_ns);
/* One more, whether there is one or not: for what has to be done at once. */
void turns_force(struct turns *turns, uid_t user, uint64_t now_ns);
/* Are the user's turns all taken, and not just now? Nothing honest takes that long. */
bool turns_are_held(const struct turns *turns, uid_t user, uint64_t now_ns);
/* The first user from *at on whose turns are stuck; *at is behind them then. False: there is none. */
bool turns_stuck(const struct turns *turns, uint64_t now_ns, size_t *at, uid_t *ret_user);
void turns_end(struct turns *turns, uid_t user, uint64_t now_ns);
