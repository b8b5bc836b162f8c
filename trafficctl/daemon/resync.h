/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * When to look for sockets that ended without a word. Whoever missed some wants a look at once, and another one a
 * second later: the kernel keeps the storage of a dead socket for a moment, in which it looks alive. Looks are a second
 * apart, however often they are wanted.
 */
#pragma once

#include <stdint.h>

#define RESYNC_APART_MS 1000

/* Zeroes: never looked, nothing wanted. Times are any clock's that only goes forward. */
struct resync {
    uint64_t looked_ms; /* end of the last look; 0: there was none */
    unsigned wanted;    /* looks to come that somebody wants */
};

/* Some were missed, up to now. */
void resync_want(struct resync *resync);
/* Somebody has looked. */
void resync_looked(struct resync *resync, uint64_t now_ms);
/* How long to wait for the next look; 0: it is due. routine_ms: how far apart looks are that nobody wants. */
uint64_t resync_wait_ms(const struct resync *resync, uint64_t routine_ms, uint64_t now_ms);
