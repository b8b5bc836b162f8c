/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The pins that a reader opens, made by the test by the library's own table, in a bpffs and a mount namespace of the
 * test's own; no program is loaded, so that every row is the test's. Needs root.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pins.h"

struct pinned {
    char bpffs[64];
    int fd[PINS]; /* -1: not pinned */
    bool percpu;
    struct tctl_state *state;
};

/* cmocka setup and teardown: shared and per-CPU counters. *state becomes a struct pinned *. */
int pinned_setup(void **state);
int pinned_setup_percpu(void **state);
int pinned_teardown(void **state);

/* Put a row; in a per-CPU map on CPU cpu alone, elsewhere cpu is not looked at. n: as packets; the rest is made of it.
 */
void pinned_put(const struct pinned *pinned, enum pin_id id, const void *key, uint32_t cpu, uint64_t n);

/* What a CPU counts often, with per-CPU counters: a place of the caller's choice given to a key, n as above; and n more
 * that are counted there. */
struct tctl_stats_key;
void pinned_put_hot(const struct pinned *pinned, uint32_t cpu, uint32_t place, const struct tctl_stats_key *key,
                    uint64_t n);
void pinned_count_hot(const struct pinned *pinned, uint32_t cpu, uint32_t place, uint64_t n);

/* Counters made of n are told apart: rx n packets, 10 n bytes, tx 100 n packets, 1000 n bytes. */
struct tctl_counters;
void pinned_assert_counters(const struct tctl_counters *counters, uint64_t n);

/* Give an interface number a name in the map. */
void pinned_name(const struct pinned *pinned, uint32_t index, const char *name);
