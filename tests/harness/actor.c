/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Children that act as a user, and what they hand back. */
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd.h"
#include "inside.h"

/* For an answer of a child; a test that waits longer has failed. */
static const struct timeval PATIENCE = {.tv_sec = 60};

/* fork(), in A straight into the world's cgroup: moving there afterwards would cost milliseconds. */
static pid_t fork_into(struct world *world, enum place place)
{
    struct clone_args args = {.exit_signal = SIGCHLD};

    if (place == PLACE_A) {
        args.flags = CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)world->cgroup_fd;
    }
    return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static int become(struct world *world, enum place place, uid_t uid)
{
    for (int s = 1; s < 32; s++)
        signal(s, SIG_DFL);
    if (setns(world->netns[place], CLONE_NEWNET) < 0)
        return SAY_ERRNO("setns");
    /* the bare system calls: the C library's would wait for threads that this child does not have */
    if (uid && (syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setresgid, uid, uid, uid) < 0 ||
                syscall(SYS_setresuid, uid, uid, uid) < 0))
        return SAY_ERRNO("setresuid");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    return 0;
}

int actor_start(struct world *world, enum place place, uid_t uid, actor_fn fn, void *arg, struct actor *ret_actor)
{
    int pair[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
        setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &PATIENCE, sizeof(PATIENCE)) < 0)
        return SAY_ERRNO("socketpair");
    fflush(NULL);
    pid = fork_into(world, place);
    if (pid == 0) {
        fd_close(pair[0]);
        _exit(-(become(world, place, uid) ?: fn(pair[1], arg)) & 0xff);
    }
    fd_close(pair[1]);
    if (pid < 0) {
        int r = SAY_ERRNO("clone3");

        fd_close(pair[0]);
        return r;
    }
    *ret_actor = (struct actor){.pid = pid, .channel = pair[0]};
    return 0;
}

int actor_wait(struct actor *actor)
{
    int status;

    actor->channel = fd_close(actor->channel);
    if (waitpid(actor->pid, &status, 0) < 0)
        return SAY_ERRNO("waitpid");
    actor->pid = 0;
    return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

int as_uid(struct world *world, enum place place, uid_t uid, actor_fn fn, void *arg)
{
    struct actor actor = {.channel = -1};
    int r = actor_start(world, place, uid, fn, arg, &actor);

    return r < 0 ? r : actor_wait(&actor);
}

int channel_send(int channel, uint64_t word)
{
    return send(channel, &word, sizeof(word), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Again if interrupted: a ring of io_uring that ends in the background interrupts whoever made it. */
int channel_recv(int channel, uint64_t *ret_word)
{
    ssize_t n = TEMP_FAILURE_RETRY(recv(channel, ret_word, sizeof(*ret_word), 0));

    return n < 0 ? -errno : n == 0 ? -EPIPE : 0;
}

union control {
    struct cmsghdr head;
    char room[CMSG_SPACE(sizeof(int))];
};

int channel_send_fd(int channel, int fd)
{
    union control control = {0};
    struct iovec data = {.iov_base = "", .iov_len = 1};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};

    control.head =
        (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
    return sendmsg(channel, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int channel_recv_fd(int channel)
{
    union control control = {0};
    char byte;
    struct iovec data = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    ssize_t n = TEMP_FAILURE_RETRY(recvmsg(channel, &message, MSG_CMSG_CLOEXEC));
    int fd;

    if (n <= 0)
        return n < 0 ? -errno : -EPIPE;
    if (message.msg_controllen < sizeof(control.head))
        return -EBADMSG;
    memcpy(&fd, CMSG_DATA(&control.head), sizeof(fd));
    return fd;
}

struct wanted {
    int family, type, protocol;
    int listener;
};

static int make_socket(int channel, void *arg)
{
    const struct wanted *w = arg;
    int fd = socket(w->family, w->type | SOCK_NONBLOCK | SOCK_CLOEXEC, w->protocol);

    return fd < 0 ? -errno : channel_send_fd(channel, fd);
}

static int take_connection(int channel, void *arg)
{
    const struct wanted *w = arg;
    struct pollfd ready = {.fd = w->listener, .events = POLLIN};
    int fd;

    if (poll(&ready, 1, 3000) <= 0)
        return -ETIMEDOUT;
    fd = accept4(w->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return fd < 0 ? -errno : channel_send_fd(channel, fd);
}

/* What a child makes, handed over; the child is gone when this returns. */
static int fd_from(struct world *world, enum place place, uid_t uid, actor_fn fn, struct wanted *wanted)
{
    struct actor actor = {.channel = -1};
    int r = actor_start(world, place, uid, fn, wanted, &actor), fd;

    if (r < 0)
        return r;
    fd = channel_recv_fd(actor.channel);
    r = actor_wait(&actor);
    return r < 0 ? SAY(r, "descriptor of a child") : fd;
}

int socket_as(struct world *world, enum place place, uid_t uid, int family, int type, int protocol)
{
    struct wanted wanted = {.family = family, .type = type, .protocol = protocol};

    return fd_from(world, place, uid, make_socket, &wanted);
}

int accept_as(struct world *world, enum place place, uid_t uid, int listener)
{
    struct wanted wanted = {.listener = listener};

    return fd_from(world, place, uid, take_connection, &wanted);
}
