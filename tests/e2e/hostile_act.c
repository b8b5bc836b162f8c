/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "hostile_act.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include <cmocka.h>

#include "fd.h"
#include "meter.h"

const struct message TAG = {.id = FWMARK_TAG, .uid = FWMARK_CALLER, .info = 7};

union control {
    struct cmsghdr head;
    char room[CMSG_SPACE(MESSAGE_FDS * sizeof(int))];
};

int knock(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strncpy(at.sun_path, the_world->fwmarkd, sizeof(at.sun_path) - 1);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
        return -errno;
    return fd_take(&fd);
}

int hand_in(int connection, const void *bytes, size_t size, const int *fds, size_t count)
{
    union control control;
    struct iovec data = {.iov_base = (void *)bytes, .iov_len = size};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};

    if (count) {
        control.head = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(count * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.head), fds, count * sizeof(int));
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    }
    if (sendmsg(connection, &message, MSG_NOSIGNAL) >= 0)
        return 0;
    /* Who closes with messages unread resets the connection; the reply that was sent before is there all the same. */
    return errno == ECONNRESET ? -EPIPE : -errno;
}

int reply_of(int connection, int32_t *ret_reply)
{
    struct pollfd ready = {.fd = connection, .events = POLLIN};
    uint64_t end = clock_ms() + CUT_OFF_MS;
    ssize_t n;

    while (poll(&ready, 1, CUT_OFF_MS) <= 0)
        if (clock_ms() >= end)
            return -ETIMEDOUT;
    n = recv(connection, ret_reply, sizeof(*ret_reply), 0);
    return n < 0 ? -errno : n == sizeof(*ret_reply) ? 0 : -EPIPE;
}

int ask(const struct message *message, int fd, int32_t *ret_reply)
{
    _cleanup_fd_ int connection = knock();
    int r;

    if (connection < 0)
        return connection;
    r = hand_in(connection, message, sizeof(*message), &fd, fd >= 0);
    /* who is refused at the door may find it closed already: the reply is there all the same */
    return r < 0 && r != -EPIPE ? r : reply_of(connection, ret_reply);
}

int raise_nofile(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return -errno;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}

void close_all(int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        fds[i] = fd_close(fds[i]);
}

uint64_t clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int say_word(int channel)
{
    return channel_send(channel, 1);
}

int wait_for_go(int channel)
{
    uint64_t word;

    return channel_recv(channel, &word);
}

int wait_for_end(int channel)
{
    int r;

    do
        r = wait_for_go(channel);
    while (r == 0);
    return r == -EPIPE ? 0 : r;
}
