/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Interfaces that come and go as the maps see it, and what readers say then. Asserts with cmocka. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "iface_names.h"
#include "pinned.h"

#define UID1 10001u
#define UID2 0x80000001u

void kit_set(const struct pinned *pinned, uint32_t index, const char *name);
void kit_remove(const struct pinned *pinned, uint32_t index, const char *name);
/* And what is to fold then. */
void kit_remove_all(const struct pinned *pinned, const struct iface_name *gone, size_t count);
/* The same in a process that is killed somewhere in it: later with each step. */
void kit_kill_in(const struct pinned *pinned, const struct iface_name *gone, size_t count, unsigned int step);

/* A row of n packets as pinned_put() makes it, in the UID's share. */
void kit_count(const struct pinned *pinned, uint32_t index, uint32_t uid, uint64_t n);
void kit_count_on(const struct pinned *pinned, uint32_t index, uint32_t uid, uint32_t cpu, uint64_t n);
void kit_count_iface(const struct pinned *pinned, uint32_t index, uint64_t n);
/* Rows that one UID may make. */
void kit_limit(const struct pinned *pinned, uint32_t rows);

/* What the library's readers say, by name; 0: there is no row. */
void kit_assert_detail(const struct pinned *pinned, const char *iface, uint32_t uid, uint64_t n);
void kit_assert_iface(const struct pinned *pinned, const char *iface, uint64_t n);
/* Packets of a UID, over all interfaces. */
uint64_t kit_sum(const struct pinned *pinned, uint32_t uid);

/* What the maps hold. name NULL: the number has none. */
void kit_assert_name(const struct pinned *pinned, uint32_t index, const char *name);
size_t kit_names(const struct pinned *pinned);
void kit_assert_names(const struct pinned *pinned, size_t count);
void kit_assert_no_rows(const struct pinned *pinned, uint32_t index);
/* Rows of traffic_uid_stats_map that the UID's share says, and that there are. */
void kit_assert_share(const struct pinned *pinned, uint32_t uid, uint32_t rows);
