/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Traffic for trafficctl top, and what is known of it. Asserts with cmocka. */
#pragma once

#include "wall_kit.h"

/* No name, in any database of a test machine. */
enum {
    BUSY = 10041,
    TAGGED,
    BLOCKED,
};
#define TAG 0xabc

/* Two users' datagrams, one's tagged, and a third one's that are dropped. */
void top_traffic(void);

/* Packets of a user's that were dropped. */
uint64_t top_blocked(uint32_t uid);

/* The JSON line of a user; the caller's. NULL: none. */
json_t *top_json(const char *out, uint32_t uid);
/* A member that is a number. */
uint64_t top_member(const json_t *line, const char *name);
