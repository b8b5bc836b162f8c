/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Traffic for trafficctl top, what is known of it, and what the screen says of it. Asserts with cmocka. */
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

/* What the screen says of a user with --bytes and --numeric. */
struct top_line {
    uint32_t uid;
    uint64_t rx_rate, tx_rate, packet_rate, rx, tx, blocked_rate, blocked;
};

bool top_line_of(const char *screen, uint32_t uid, struct top_line *ret_line);
/* Until nothing of this user moves any more, and each number is the map's. */
void top_rests(uint32_t uid);
