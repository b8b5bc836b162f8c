/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#pragma once

#include <sched.h>

/* Of those that this thread may use; they are one and the same where there is but one. */
enum cpu {
    CPU_FIRST,
    CPU_LAST,
};

/* This thread, and those that it makes, on one CPU only. *ret_before is for sched_setaffinity(). */
void cpu_stay(enum cpu which, cpu_set_t *ret_before);

/* CPU time of this thread: what runs in between is not in it. */
double cpu_ns(void);
