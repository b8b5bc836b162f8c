/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Starts by nf_tables in a network namespace and a folder of a test's own. Needs root. Asserts with cmocka. */
#pragma once

#include "fault.h"
#include "loader.h"
#include "users_table.h"

#define ALICE USERS_FIRST
#define DENIED (USERS_FIRST + 1)
#define NOBODY 65534 /* whom the firewall may not judge */
#define DATAGRAM 29  /* IPv4, UDP and a byte */
#define STARTED_OPTIONS                                                                                                \
    "[trafficd]\napp_uids = %u-%u\nper_user_range = 0\nexempt_esp = no\nexempt_loopback = no\n[maps]\n"                \
    "app_uid_stats = 10000\nuid_stats = 20000\niface_stats = 1000\n"
#define DENIES "trafficctl policy 1\nenable standby\ndeny standby 10001\nend\n"

/* The one start of a test; all of it is made by started_set_up(), and removed. */
struct started {
    char folder[64], ours[96], state[128], base[128], policy[128], text[512];
    char warned[1024]; /* by the last start */
    struct load_options options;
    struct loaded *loaded;
    struct fault fault; /* of the last one that failed */
};
extern struct started at;

int started_set_up(void **state);
int started_tear_down(void **state);
#define STARTED(test) cmocka_unit_test_setup_teardown(test, started_set_up, started_tear_down)

void write_file(const char *path, const char *text);
/* From the next start on. */
void ask_for(const char *policy);
/* As load_warn_fn. */
void note_warning(const char *text);

int try_start(void);
void start(void);
void stop(void);
void restart(void);

/* What trafficd has noted; as the last word of an earlier one. */
struct tctl_state noted(void);
void write_noted(const struct tctl_state *state);

/* So many datagrams of this user were counted. */
void assert_sent(uint32_t uid, uint64_t packets);
