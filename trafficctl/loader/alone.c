/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "alone.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "cleanup.h"
#include "fd.h"

#define NAME "trafficctl_users"

static socklen_t name(struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path + 1, NAME, strlen(NAME));
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(NAME));
}

/* Who listened there, as the kernel knows; a queue that is full is nobody's word. */
static bool is_held_by_root(pid_t *ret_pid)
{
    struct sockaddr_un address;
    const socklen_t length = name(&address);
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t size = sizeof(peer);
    _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, length) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return false;
    *ret_pid = peer.pid;
    return peer.uid == 0;
}

static int refuse(load_warn_fn warn, struct fault *fault)
{
    pid_t pid = 0;
    if (is_held_by_root(&pid))
        return fault_set(fault, -EBUSY,
                         "another trafficd (pid %d) counts by nf_tables in this network namespace: stop it first",
                         (int)pid);
    if (warn)
        warn("somebody has taken the abstract socket @" NAME ": another trafficd in this network namespace would not "
             "be noticed");
    return 0;
}

int alone_take(load_warn_fn warn, int *ret_fd, struct fault *fault)
{
    struct sockaddr_un address;
    const socklen_t length = name(&address);
    _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *ret_fd = -1;
    if (fd < 0)
        return -errno;
    if (bind(fd, (const struct sockaddr *)&address, length) < 0)
        return errno == EADDRINUSE ? refuse(warn, fault) : -errno;
    if (listen(fd, 1) < 0)
        return -errno;
    *ret_fd = fd_take(&fd);
    return 0;
}
