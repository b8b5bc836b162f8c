/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The firewall's commands as root runs them in A, where trafficd runs. Asserts with cmocka. */
#pragma once

#include <jansson.h>

#include "kit.h"
#include "program.h"

/* Of a group of tests whose world has these lines in its configuration. */
#define WALL_CONFIG "app_uids = 10000-20000\nread_group = 20001\n"
#define SYSTEM_UID 500

/* The test process is in A during a test; afterwards nothing is asked for, and the maps hold that. */
#define IN_A(test) cmocka_unit_test_setup_teardown(test, wall_setup, wall_teardown)
int wall_setup(void **state);
int wall_teardown(void **state);

/* What the last of these commands said. */
extern struct program said;

/* A command that succeeds and says nothing. */
__attribute__((format(printf, 1, 2))) void wall(const char *format, ...);
/* One that is refused: its exit status, and one line with both texts; another may be NULL. */
void wall_refuses(int exit, const char *part, const char *another, const char *words);

/* The saved policy, written by somebody else; and as it is, "" when there is none. */
void wall_save(const char *text);
void wall_saved(char *text, size_t size);

/* firewall show. The caller's. */
json_t *wall_rules(void);
/* The chain of this number in it; borrowed. */
json_t *wall_chain(json_t *rules, int number);
/* Its switch, and whom it lists: so many, the first two of whom are these. */
void wall_chain_is(int number, bool enabled, size_t count, json_int_t one, json_int_t another);
/* Is the number in an array of such? */
bool has_number(const json_t *array, json_int_t number);

/* One datagram: does it pass? Dropped on the way out it fails with EPERM, on the way in nothing arrives. */
bool sends(const struct udp *udp);
bool receives(const struct udp *udp);
