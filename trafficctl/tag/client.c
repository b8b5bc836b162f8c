/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "trafficctl/tag.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "fwmark.h"

/* For connecting, asking and being answered together. */
#define PATIENCE_US 2000000

/* What a system call can fail with: nobody has a larger errno to answer. */
#define MAX_ERRNO 4095

struct talk {
    int fd;
    int64_t deadline_us;
};

static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int talk_begin(struct talk *talk)
{
    talk->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    talk->deadline_us = now_us() + PATIENCE_US;
    return talk->fd < 0 ? -errno : 0;
}

static void talk_end(struct talk *talk)
{
    if (talk->fd >= 0)
        close(talk->fd);
}

static int64_t talk_left_us(const struct talk *talk)
{
    return talk->deadline_us - now_us();
}

/*
 * Let the calls that send block for what is left. A timeout of the socket and not poll(2): nothing tells when a full
 * listen queue has room again, only a blocked connect(2) is woken.
 */
static int talk_limit(const struct talk *talk)
{
    int64_t left = talk_left_us(talk);
    struct timeval limit = {.tv_sec = left / 1000000, .tv_usec = left % 1000000};

    if (left <= 0)
        return -ETIMEDOUT;
    return setsockopt(talk->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ? -errno : 0;
}

/* A signal, or the limit: talk_limit() says whether time is up. */
static bool is_again(int err)
{
    return err == EINTR || err == EAGAIN;
}

static int talk_connect(const struct talk *talk, const struct sockaddr_un *address)
{
    for (;;) {
        int r = talk_limit(talk);
        if (r < 0)
            return r;
        if (connect(talk->fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
            return 0;
        if (errno == ENOENT || errno == ENOTDIR)
            return -ECONNREFUSED;
        if (!is_again(errno))
            return -errno;
    }
}

/* fd -1: without a descriptor. AF_UNIX takes so few bytes all or none, and the limit is the connection's still. */
static int talk_send(const struct talk *talk, const struct fwmark_command *command, int fd)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.room = {0}};
    struct iovec data = {.iov_base = (void *)command, .iov_len = sizeof(*command)};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};

    if (fd >= 0) {
        control.head.cmsg_len = CMSG_LEN(sizeof(fd));
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
        message.msg_control = &control;
        message.msg_controllen = sizeof(control);
    }
    while (sendmsg(talk->fd, &message, MSG_NOSIGNAL) < 0) {
        if (!is_again(errno))
            return -errno;
        int r = talk_limit(talk);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Not by receiving: that is woken for nothing as soon as the server has taken what was sent, and there is room again.
 */
static int talk_await(const struct talk *talk)
{
    struct pollfd answer = {.fd = talk->fd, .events = POLLIN};
    int64_t left = talk_left_us(talk);

    if (left <= 0)
        return -ETIMEDOUT;
    return poll(&answer, 1, (int)(left / 1000) + 1) < 0 && errno != EINTR ? -errno : 0;
}

static int talk_receive(const struct talk *talk)
{
    int32_t reply = 0;

    for (size_t got = 0; got < sizeof(reply);) {
        int r = talk_await(talk);
        if (r < 0)
            return r;
        ssize_t n = recv(talk->fd, (char *)&reply + got, sizeof(reply) - got, MSG_DONTWAIT);
        if (n == 0)
            return -ECONNRESET;
        if (n > 0)
            got += (size_t)n;
        else if (!is_again(errno))
            return -errno;
    }
    return reply <= 0 && reply >= -MAX_ERRNO ? reply : -EPROTO;
}

static int address_of(const char *server, struct sockaddr_un *ret)
{
    size_t length = strlen(server);

    /* An empty name would be an abstract address, which is nobody's and anybody's. */
    if (length == 0)
        return -ECONNREFUSED;
    if (length >= sizeof(ret->sun_path))
        return -ENAMETOOLONG;
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(ret->sun_path, server, length);
    return 0;
}

static int ask(const char *server, const struct fwmark_command *command, int fd)
{
    __attribute__((cleanup(talk_end))) struct talk talk = {.fd = -1};
    struct sockaddr_un address;
    int r = address_of(server ? server : TCTL_FWMARKD, &address);

    if (r == 0)
        r = talk_begin(&talk);
    if (r == 0)
        r = talk_connect(&talk, &address);
    if (r == 0)
        r = talk_send(&talk, command, fd);
    /* A server that turns everybody away answers and closes without listening: its answer is there to be read. */
    if (r == -EPIPE || r == -ECONNRESET)
        r = 0;
    return r < 0 ? r : talk_receive(&talk);
}

/* To be asked before there is a connection, which takes the lowest free number: what was closed by mistake. */
static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

int tctl_tag(const char *server, int fd, uint32_t uid, uint32_t tag)
{
    const struct fwmark_command command = {.id = FWMARK_TAG_SOCKET, .uid = uid, .info = tag};

    return is_open(fd) ? ask(server, &command, fd) : -EBADF;
}

int tctl_untag(const char *server, int fd)
{
    const struct fwmark_command command = {.id = FWMARK_UNTAG_SOCKET};

    return is_open(fd) ? ask(server, &command, fd) : -EBADF;
}

int tctl_counter_set(const char *server, uint32_t uid, uint32_t set)
{
    const struct fwmark_command command = {.id = FWMARK_SET_COUNTERSET, .uid = uid, .info = set};

    return ask(server, &command, -1);
}

int tctl_delete_tag_data(const char *server, uint32_t uid, uint32_t tag)
{
    const struct fwmark_command command = {.id = FWMARK_DELETE_TAGDATA, .uid = uid, .info = tag};

    return ask(server, &command, -1);
}
