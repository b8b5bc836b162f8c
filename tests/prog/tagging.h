/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What tests of tags look at: a handle of the library, and what the maps say afterwards. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fixture.h"
#include "tags.h"

/* cmocka setups: loaded, in the network namespace that loopback_enter() made. */
int tagging_set_up(void **state);
int tagging_set_up_percpu(void **state);

/* As many open files as may be; to be called by main(). */
void tagging_allow_files(void);

/* The test fails if that fails. End with tags_done(). */
struct tags tagging_open(const struct fixture *fixture);

/* tags_set() without a limit. */
int tagging_set(struct tags *tags, int fd, uint32_t uid, uint32_t tag);

/* Close what loopback_sockets() made. */
void tagging_close(int *fds, size_t count);

/* The tag in the cookie map; {NOBODY, 0} if there is none. */
struct tctl_tag tagging_row(const struct fixture *fixture, int fd);
bool tagging_has_row(const struct fixture *fixture, uint64_t cookie);
void tagging_assert_row(const struct fixture *fixture, int fd, uint32_t uid, uint32_t tag);
void tagging_assert_no_row(const struct fixture *fixture, int fd);

/* How many tags and how many rows of the cookie map a UID is charged with; is a tag charged at all? */
uint32_t tagging_tags(const struct fixture *fixture, uint32_t uid);
uint64_t tagging_rows(const struct fixture *fixture, uint32_t uid);
bool tagging_is_counted(const struct fixture *fixture, uint32_t uid, uint32_t tag);

/* That the counts are what the cookie map and the tags counted one by one say. tag_stats is not asked. */
void tagging_assert_counts_agree(const struct fixture *fixture);

/* Sent packets of a UID, a tag, a set on the loopback. Tag 0: the UID's row. */
uint64_t tagging_sent(const struct fixture *fixture, uint32_t uid, uint32_t tag, uint32_t set);
uint64_t tagging_total(const struct fixture *fixture, uint32_t uid);
/* Rows of a tag, or with tag 0 of a UID, in both maps of details, spilt, and counted often. */
size_t tagging_rows_of(const struct fixture *fixture, uint32_t uid, uint32_t tag);
/* One packet of a socket of loopback_udp(). */
void tagging_send(int fd);

/* A thread that may run on any CPU; the fixture keeps to one, and threads do as who starts them. No asserts in it. */
pthread_t tagging_thread(void *(*run)(void *), void *context);
