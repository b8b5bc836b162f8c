/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A Unix stream socket that listens at a path. */
#pragma once

#include <sys/types.h>

#include "fault.h"

struct socket_file {
    int fd;     /* listening; accept() waits */
    char *path; /* that was made; NULL: none was */
    dev_t device;
    ino_t inode;
};

/*
 * Listen at path, which gets this mode; a socket there that nobody answers at any more is replaced. End with
 * socket_file_done(). -EADDRINUSE: somebody answers there (fault says who); -EEXIST: there is something else than a
 * socket; -ENAMETOOLONG; -errno.
 */
int socket_file_listen(const char *path, mode_t mode, int backlog, struct socket_file *ret, struct fault *fault);

/* Stop listening; remove the path if it is still what was made. */
void socket_file_done(struct socket_file *file);
