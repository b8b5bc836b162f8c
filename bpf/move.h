/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/* Between the loader and the program that moves counters to a larger map. */
#pragma once

#include <linux/types.h>

/* Words of the largest value of such a map. */
#define MOVE_WORDS 12

/* Read-only data of the program ("plan"). */
struct move_plan {
    __u32 words;    /* 1 << n: the u64 number n of the value is a counter */
    __u32 is_drops; /* rows are struct tctl_drop: a new one has its payer and time from the old */
    __u32 cpus;     /* possible ones, for per-CPU maps; 0: the maps are plain */
    __u32 map;      /* enum tctl_stats_map, for per-CPU maps */
};
