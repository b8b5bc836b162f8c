/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Arithmetic of counters. What does not fit stays at UINT64_MAX. */
#pragma once

#include "trafficctl/traffic.h"

uint64_t counters_plus(uint64_t one, uint64_t other);
void counters_add(struct tctl_counters *sum, const struct tctl_counters *more);

/* What was counted between two readings. A counter that went down was started anew: all of it is new. */
uint64_t counters_growth(uint64_t before, uint64_t now);
