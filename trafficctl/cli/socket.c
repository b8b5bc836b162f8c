/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "socket.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fd.h"

/* The same on all architectures that have these headers' older versions. */
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

static enum cli_status kernel_too_old(void)
{
    return cli_failed("this kernel cannot hand out another process's socket (Linux 5.6 can): let the process tag it "
                      "itself, with libtrafficctl-tag(3)");
}

/* Threads of a process, and what was ended and not waited for, are named in several ways over the years. */
static enum cli_status no_process(uint32_t pid, int err)
{
    switch (err) {
    case ESRCH:
        return cli_failed("there is no process %u", pid);
    case EINVAL:
    case ENOENT:
        return cli_failed("%u is a thread: write the number of its process", pid);
    case ENOSYS:
        return kernel_too_old();
    default:
        return cli_failed("cannot open process %u: %s", pid, strerror(err));
    }
}

static enum cli_status no_descriptor(const struct socket_name *name, int err)
{
    switch (err) {
    case EBADF:
        return cli_failed("process %u has no descriptor %u: 'ls -l /proc/%u/fd' lists what it has", name->pid, name->fd,
                          name->pid);
    case EPERM:
        return cli_failed("process %u may not be looked into: it is another user's, or kernel.yama.ptrace_scope "
                          "forbids it: become root",
                          name->pid);
    case ESRCH:
        return cli_failed("process %u has ended", name->pid);
    case ENOSYS:
        return kernel_too_old();
    default:
        return cli_failed("cannot take descriptor %u of process %u: %s", name->fd, name->pid, strerror(err));
    }
}

enum cli_status socket_take(const struct socket_name *name, int *ret_fd, uint32_t *ret_owner)
{
    _cleanup_fd_ int process = (int)syscall(SYS_pidfd_open, name->pid, 0);
    struct stat about;

    if (process < 0)
        return no_process(name->pid, errno);
    _cleanup_fd_ int fd = (int)syscall(SYS_pidfd_getfd, process, name->fd, 0);
    if (fd < 0)
        return no_descriptor(name, errno);
    if (fstat(fd, &about) < 0 || !S_ISSOCK(about.st_mode))
        return cli_failed("descriptor %u of process %u is not a socket: 'ls -l /proc/%u/fd' shows what each is",
                          name->fd, name->pid, name->pid);
    *ret_owner = about.st_uid;
    *ret_fd = fd_take(&fd);
    return CLI_DONE;
}
