/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the threads of a process have done since they began, as /proc says. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct tasks {
    uint64_t wakeups; /* times that one slept, and went on */
    double cpu_ms;
};

/* Added to *sum. Negative errno. */
int tasks_add(pid_t pid, struct tasks *sum);

/* The only child of a process with one thread, which trafficd is. -ESRCH. */
int tasks_child_of(pid_t pid, pid_t *ret_child);
