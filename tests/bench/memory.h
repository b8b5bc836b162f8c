/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#pragma once

#include <sys/types.h>

/* In KiB, as the kernel says it in /proc/PID/status. */
struct memory {
    long resident, anonymous; /* VmRSS; RssAnon: what is no page of a file that others have too */
};

/* Of a process. Negative errno. */
int memory_of(pid_t pid, struct memory *ret_memory);

/*
 * Start trafficd in a world of its own, wait for READY and weigh it and the process that serves the socket for it; all
 * is taken down. Negative errno.
 */
int memory_after_ready(struct memory *ret_trafficd, struct memory *ret_server);
