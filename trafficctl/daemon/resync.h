/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * When to look for sockets that ended without a word. Whoever missed some wants a look at once, another one a second
 * later, and more as long as they find some: the kernel keeps the storage of a dead socket for a while, in which it
 * looks alive. Looks are a second apart, and ten times as long as the last one worked, however often they are wanted.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RESYNC_APART_MS 1000
#define RESYNC_APART_TIMES 10

/* Zeroes: never looked, nothing wanted. Times are any clock's that only goes forward. */
struct resync {
    uint64_t looked_ms; /* end of the last look; 0: there was none */
    uint64_t apart_ms;  /* the next one is not sooner after it */
    unsigned wanted;    /* looks to come that somebody wants */
};

/* Some were missed, up to now. */
void resync_want(struct resync *resync);
/* Somebody has looked, for so much of a processor's time, and maybe found some. */
void resync_looked(struct resync *resync, uint64_t now_ms, uint64_t took_ms, bool found);
/* How long to wait for the next look; 0: it is due. routine_ms: how far apart looks are that nobody wants. */
uint64_t resync_wait_ms(const struct resync *resync, uint64_t routine_ms, uint64_t now_ms);
