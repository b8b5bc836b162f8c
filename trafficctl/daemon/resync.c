/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "resync.h"

#define LOOKS 2

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

void resync_want(struct resync *resync)
{
    resync->wanted = LOOKS;
}

void resync_looked(struct resync *resync, uint64_t now_ms, uint64_t took_ms, bool found)
{
    resync->looked_ms = now_ms;
    resync->apart_ms = larger(RESYNC_APART_MS, RESYNC_APART_TIMES * took_ms);
    if (resync->wanted > 0)
        resync->wanted--;
    if (found && resync->wanted == 0)
        resync->wanted = 1;
}

uint64_t resync_wait_ms(const struct resync *resync, uint64_t routine_ms, uint64_t now_ms)
{
    if (!resync->looked_ms)
        return 0;
    uint64_t due_ms = resync->looked_ms + (resync->wanted ? resync->apart_ms : larger(routine_ms, resync->apart_ms));
    return due_ms > now_ms ? due_ms - now_ms : 0;
}
