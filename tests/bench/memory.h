/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#pragma once

#include <sys/types.h>

/* In KiB, as the kernel says it in /proc/PID/status. */
struct memory {
    long resident, anonymous; /* VmRSS; RssAnon: what is no page of a file that others have too */
};

/* Of a process. Negative errno. */
int memory_of(pid_t pid, struct memory *ret_memory);

/* Of trafficd when it is ready. Not 0: it could not be measured. */
int memory_compare(void);
