/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The table of the nft backend in a network namespace of the test's own with its loopback; nft is the judge of it.
 * Needs root. Asserts with cmocka.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cleanup.h"
#include "table.h"
#include "whole.h"

/* app_uids are these, by and large. */
#define USERS_FIRST 10000
#define USERS_LAST 59999

struct users {
    struct nft_talk *talk;
    struct tctl_config config;
    struct nft_asked asked;
};

/* cmocka's setup and teardown. *state becomes a struct users *. No table yet. */
int users_set_up(void **state);
int users_tear_down(void **state);

/* nft_table_put(), _hold(), _remove() and nft_whole_look(), which succeed. held NULL: nothing asked for. */
void users_put(const struct users *users, const struct nft_held *held);
void users_hold(const struct users *users, const struct nft_held *held);
void users_remove(const struct users *users);
struct nft_whole users_look(const struct users *users);
bool users_whole(const struct users *users);

/* The firewall that the table holds, for nft_held_done(). */
struct nft_held users_held(const struct users *users);

/* A number that "nft list counter" prints, "packets" of it. */
uint64_t users_counted(const char *counter);

/* A datagram from the loopback's address to itself, by a socket of this UID. Returns errno of sending. */
int users_send(uint32_t uid);
/* Sockets of so many UIDs from this one on, a datagram of each. */
void users_send_many(uint32_t first, uint32_t count);
