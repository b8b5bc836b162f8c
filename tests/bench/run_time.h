/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The kernel's own clock on programs while they run in real traffic. */
#pragma once

#include <stdint.h>

struct run_time {
    uint64_t ns, runs;
};

/* For the whole machine until the descriptor is closed; negative errno. */
int run_time_switch_on(void);

/* Of a program, since it was loaded. 0 or negative errno. */
int run_time_read(int prog, struct run_time *ret_time);

/* ns per run between the two; -1: there was none. */
double run_time_between(const struct run_time *before, const struct run_time *after);
