/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What several end-to-end tests need beyond the harness. Asserts with cmocka. */
#pragma once

#include <stdint.h>

#include "flow.h"
#include "meter.h"
#include "traffic_abi.h"

/* What is promised within 100 ms is waited for as an event, and may take three times that on a busy machine. */
#define PROMISE_MS 300

/* Run with TSO, GSO and GRO of a0 and b0 on and off, for both families; offloads are all on afterwards. */
void each_offload(void (*run)(int family));

/* Routes from A to B with what follows, as "mtu 1300"; "" for plain ones. */
void route_to_b(const char *suffix);

/* Exactly size bytes, in as many datagrams as they come in. */
void receive_all(int fd, size_t size);

uint64_t cookie_of(int fd);
/* {uid, tag} into the cookie map, nothing else: what a raw writer does. uid UINT32_MAX: remove the row. */
void tag_write(struct world *world, int fd, uint32_t uid, uint32_t tag);
/* Drop the stored answer of a socket: what our taggers do after writing. */
void answer_drop(struct world *world, int fd);
/* Every answer is old, of sockets and of UIDs: what writers of policy do after writing. */
void policy_raise(struct world *world);
/* A u32 key and a byte: counter sets and chains. */
void byte_write(struct world *world, const char *pin, uint32_t key, uint8_t value);
void byte_remove(struct world *world, const char *pin, uint32_t key);
/* Entries of the bpffs, without the iterators that the kernel itself may put into every one. */
size_t bpffs_entries(struct world *world);
/* A row of a map of counters, on the first CPU where they are by CPU. */
void stats_write(struct world *world, const char *pin, const void *key, struct tctl_stats_value value);
void row_remove(struct world *world, const char *pin, const void *key);
/* Remove all rows of a map; of one of UIDs' counters also all that CPUs count often. */
void map_empty(struct world *world, const char *pin);
/* Rows of a map. */
size_t map_rows(struct world *world, const char *pin);
/* All that trafficd writes for tags and counter sets, to compare with later. */
struct rows {
    size_t size;
    unsigned char bytes[16384];
};
void rows_read(struct world *world, struct rows *ret_rows);
void assert_rows_equal(const struct rows *rows, const struct rows *expected);
/* What is written for a socket. False: it is not tagged. */
bool tag_read(struct world *world, int fd, struct tctl_tag *ret_tag);
/* Fails the test unless a socket is tagged so; uid UINT32_MAX: not at all. */
void assert_tag(struct world *world, int fd, uint32_t uid, uint32_t tag);
/* 0 when there is no row. */
uint8_t byte_read(struct world *world, const char *pin, uint32_t key);
/* Rows of (uid, tag) added up, over interfaces and sets. */
struct tctl_counters tag_sum(struct world *world, uint32_t uid, uint32_t tag);
struct tctl_counters uid_total(struct world *world, uint32_t uid);
bool uid_has_row(struct world *world, uint32_t uid);
uint64_t now_ms(void);
/* Does it become so within this time? For what has no descriptor to wait for. wanted: for is_so(). */
bool soon(bool (*is_so)(uint64_t wanted), uint64_t wanted, uint64_t within_ms);
/* In a network namespace of one's own; for an actor: -errno. */
int loopback_up(void);
