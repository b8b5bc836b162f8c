/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * How programs of Android's read the texts of /proc/net/xt_qtaguid: the formats and the rules that theirs have. A text
 * that one of them would refuse fails the test (cmocka).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "kit.h"

struct old_row {
    char iface[32];
    uint32_t uid, tag, set;
    struct tctl_counters counters;
};

struct old_rows {
    struct old_row *all;
    size_t count;
};
void old_rows_done(struct old_rows *rows);

/* The system service's reader in C++: by sscanf, nine columns. End with old_rows_done(). */
struct old_rows old_native_stats(const char *text);
/* Its reader in Java: word by word, tags by Long.decode. */
struct old_rows old_java_stats(const char *text);
/* TrafficStats' own: totals of one user. */
struct tctl_counters old_uid_stats(const char *text, uint32_t uid);

/* TrafficStats: totals of an interface by iface_stat_fmt, with its TCP columns, that are 0; NULL: of all. */
struct tctl_counters old_iface_fmt(const char *text, const char *iface);
/* The Java reader of iface_stat_all, which adds the live numbers where there is an interface. */
struct old_rows old_iface_all(const char *text);

/* libcutils' test: how often a tagged socket is open; -ENOENT: no socket is tagged so. */
int old_ctrl_references(const char *text, uint32_t tag, uint32_t uid);
/* The kernel tests' qtaguid_test.py: is there such a line? */
bool old_ctrl_has_tag(const char *text, uint32_t tag, uint32_t uid);
/* VTS: every line is of the grammar, and the last one is of events. Returns how many sockets there are. */
size_t old_ctrl_sockets(const char *text);
