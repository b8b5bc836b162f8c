/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "holder.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "chroot.h"

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    assert_return_code(fd, errno);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

/* Only holds the namespaces: a user namespace of its UID, whose map the test writes, and a network namespace of it. */
static void hold_namespaces(int channel)
{
    char byte;

    if (chroot_leave() || setresgid(HOLDER_UID, HOLDER_UID, HOLDER_UID) ||
        setresuid(HOLDER_UID, HOLDER_UID, HOLDER_UID) || unshare(CLONE_NEWUSER) || prctl(PR_SET_PDEATHSIG, SIGKILL))
        _exit(errno);
    if (write(channel, "", 1) != 1 || read(channel, &byte, 1) != 1 || unshare(CLONE_NEWNET))
        _exit(errno);
    if (write(channel, "", 1) != 1)
        _exit(errno);
    pause();
    _exit(0);
}

/* The holder has come one step further; if it ended instead, the test fails by what it ended with. */
static void wait_for_holder(int channel, pid_t holder)
{
    char byte;
    int status;

    if (read(channel, &byte, 1) == 1)
        return;
    waitpid(holder, &status, 0);
    fail_msg("no namespaces: %s", WIFEXITED(status) ? strerror(WEXITSTATUS(status)) : "killed");
}

pid_t holder_start(void)
{
    int channel[2];
    char path[64];

    assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel), errno);
    pid_t holder = fork();
    assert_return_code(holder, errno);
    if (holder == 0) {
        close(channel[0]);
        hold_namespaces(channel[1]);
    }
    close(channel[1]);
    wait_for_holder(channel[0], holder);
    snprintf(path, sizeof(path), "/proc/%d/uid_map", holder);
    write_file(path, "0 10001 1\n");
    assert_int_equal(write(channel[0], "", 1), 1);
    wait_for_holder(channel[0], holder);
    close(channel[0]);
    return holder;
}

void holder_end(pid_t holder)
{
    kill(holder, SIGKILL);
    waitpid(holder, NULL, 0);
}

int holder_enter(pid_t holder)
{
    char path[64];
    int fd, r;

    snprintf(path, sizeof(path), "/proc/%d/ns/net", holder);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    r = setns(fd, CLONE_NEWNET) < 0 ? -errno : 0;
    close(fd);
    return r;
}
