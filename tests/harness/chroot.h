/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The kernel refuses user namespaces to a process in a chroot: where the tests run in one, a child that wants some
 * leaves it. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

/* To the root of a mount namespace of its own; paths mean something else afterwards. Needs root. -errno. */
static inline int chroot_leave(void)
{
    int fd = -1, r;

    if (unshare(CLONE_NEWNS) < 0 || (fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC)) < 0)
        return -errno;
    r = setns(fd, CLONE_NEWNS) < 0 ? -errno : 0;
    close(fd);
    return r;
}
