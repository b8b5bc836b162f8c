/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The second reader: bpftool, which knows maps and nothing of us. What it prints is taken byte by byte; nothing of
 * libtrafficctl has a part in it. Asserts with cmocka.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include <traffic_abi.h>

/* Rows as bpftool dumped them: keys, and of each row the values of all CPUs, one in a map that is not per-CPU. */
struct dump {
    size_t rows;
    size_t key_size;
    size_t value_size;
    size_t cpus;
    unsigned char *bytes;
};

/* All of a pinned map of the world; end with dump_done(). */
struct dump dump_of(const char *pin);
void dump_done(struct dump *dump);
const void *dump_key(const struct dump *dump, size_t row);
const void *dump_value(const struct dump *dump, size_t row, size_t cpu);

/* The n-th row that counts in a dump of trafficctl/hot; false: there are not so many. */
bool dump_hot_row(const struct dump *hot, size_t n, struct tctl_hot_row *ret_row);

/* How many rows it can have. */
json_int_t dump_room(const char *pin);

/* What a shell command prints, as JSON; the caller's. Flags for jansson. */
__attribute__((format(printf, 2, 3))) json_t *json_of(size_t flags, const char *format, ...);
