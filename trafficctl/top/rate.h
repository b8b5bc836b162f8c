/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What was counted between two readings, per second. A counter that went down was started anew: all of it is new. */
#pragma once

#include "trafficctl/traffic.h"

/* elapsed_ns is not 0. What does not fit is UINT64_MAX, here and in sums. */
uint64_t rate_per_second(uint64_t before, uint64_t now, uint64_t elapsed_ns);
struct tctl_counters rate_of(const struct tctl_counters *before, const struct tctl_counters *now, uint64_t elapsed_ns);

uint64_t rate_sum(uint64_t one, uint64_t other);
struct tctl_counters rate_sums(const struct tctl_counters *one, const struct tctl_counters *other);
