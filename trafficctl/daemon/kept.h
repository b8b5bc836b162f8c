/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * What was answered and shut down, but not closed: its users hold up threads already, and might hold up another one
 * with it. A process that does nothing else takes all of it into its end: whatever that waits for, nobody waits for
 * that.
 */
#pragma once

#include <stdbool.h>

#define KEPT_MAX 1024

/* Zeroes: nothing. No lock of its own. */
struct kept {
    int fds[KEPT_MAX];
    unsigned int count;
};

/* False: there is no room for both of them. -1 is none. */
bool kept_add(struct kept *kept, int fd, int descriptor);

/* Leave all to such a process. Closing the copies here takes no time then. -EAGAIN, -EMFILE, -ENOMEM: nothing was done.
 */
int kept_leave(struct kept *kept);
