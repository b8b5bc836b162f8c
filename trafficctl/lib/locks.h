/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Locks of files and folders (flock): to have one, and who has it, as /proc/locks tells everybody. */
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

/* For a lock that is held for moments: who holds it for longer is stopped, or stuck. */
#define LOCKS_PATIENCE_MS 5000

/* Lock exclusively what fd has open. -EBUSY: somebody else had it all the time; -errno of flock(2). */
int locks_wait(int fd, unsigned int patience_ms);

/* The process that holds an exclusive flock on file, by one line of /proc/locks; 0 if the line is about anything else.
 */
pid_t locks_parse(const char *line, const struct stat *file);

/* The same by all of /proc/locks. *ret_pid 0: nobody that this pid namespace can see. -errno of opening or reading. */
int locks_holder(const struct stat *file, pid_t *ret_pid);
