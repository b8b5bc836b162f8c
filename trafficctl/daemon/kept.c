/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "kept.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "fd.h"

bool kept_add(struct kept *kept, int fd, int descriptor)
{
    if (kept->count + 2 > KEPT_MAX)
        return false;
    kept->fds[kept->count++] = fd;
    if (descriptor >= 0)
        kept->fds[kept->count++] = descriptor;
    return true;
}

/*
 * Not before the parent has closed its copies: whoever comes last is who waits. The kernel closes what a process has
 * from its lowest descriptor on: what serves is gone before that waits.
 */
__attribute__((noreturn)) static void end_after_parent(const int *parent)
{
    char byte;

    fd_close(parent[1]);
    while (read(parent[0], &byte, 1) < 0 && errno == EINTR)
        ;
    _exit(0);
}

int kept_leave(struct kept *kept)
{
    int parent[2];

    if (pipe2(parent, O_CLOEXEC) < 0)
        return -errno;
    pid_t pid = fork();
    if (pid == 0)
        end_after_parent(parent);
    int r = pid < 0 ? -errno : 0;
    while (r == 0 && kept->count > 0)
        fd_close(kept->fds[--kept->count]);
    fd_close(parent[0]);
    fd_close(parent[1]);
    return r;
}
