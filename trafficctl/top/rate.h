/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What was counted between two readings, per second. */
#pragma once

#include "trafficctl/traffic.h"

/* elapsed_ns is not 0. What does not fit is UINT64_MAX. */
uint64_t rate_per_second(uint64_t before, uint64_t now, uint64_t elapsed_ns);
struct tctl_counters rate_of(const struct tctl_counters *before, const struct tctl_counters *now, uint64_t elapsed_ns);
