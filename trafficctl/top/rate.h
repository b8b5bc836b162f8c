/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Rates from two readings of the totals. */
#pragma once

#include "trafficctl/traffic.h"

/*
 * What was counted between two readings, per second. A counter that went down was started anew: all of it is new.
 * elapsed_ns is not 0.
 */
struct tctl_counters rate_of(const struct tctl_counters *before, const struct tctl_counters *now, uint64_t elapsed_ns);

/* The counters of uid in rows, ascending; zeroes when it has none. */
struct tctl_counters rate_find(const struct tctl_uid_row *rows, size_t count, uint32_t uid);
