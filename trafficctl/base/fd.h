/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Descriptors and who owns them: -1 is none, everything is O_CLOEXEC, closed here and nowhere else. */
#pragma once

#include "cleanup.h"

#define _cleanup_fd_ _cleanup_(fd_closep)

/* Close unless -1, keep errno. Returns -1, to be assigned back. */
int fd_close(int fd);

static inline void fd_closep(int *fd)
{
    *fd = fd_close(*fd);
}

/* Move a descriptor out of its owner. */
static inline int fd_take(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

/* Read to the end, at most max bytes; *ret_text is NUL-terminated, malloc'ed. -EFBIG: there is more; -errno of read(2).
 */
int fd_read_all(int fd, size_t max, char **ret_text, size_t *ret_length);

/* All of a small file (at most max bytes, e.g. of /proc), NUL-terminated, malloc'ed. -EFBIG when it is larger. */
int fd_read_file(const char *path, size_t max, char **ret_text);
