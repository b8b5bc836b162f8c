/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "grace.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Longer than any softirq or system call stays in a program. */
#define LONG_MS 200

static void sleep_long(void)
{
    struct timespec left = {.tv_nsec = LONG_MS * 1000000};
    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}

/* The kernel's side of it is synchronize_rcu(), and programs run in its read-side sections. */
void grace_wait(void)
{
    if (syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) < 0)
        sleep_long(); /* not built in, forbidden, or a kernel with nohz_full */
}
