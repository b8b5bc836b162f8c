/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "ask.h"

#include <errno.h>
#include <readings_answer.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "fd.h"

#define PATIENCE_SEC 5

static int limit_waits(int fd)
{
    const struct timeval patience = {.tv_sec = PATIENCE_SEC};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
        return -errno;
    return 0;
}

static int meaning(int error)
{
    switch (error) {
    case EAGAIN: /* what the kernel says when a wait is over */
        return -ETIMEDOUT;
    case ENOENT: /* never started, or unloaded; stopped; killed; now */
    case ENOTDIR:
    case ECONNREFUSED:
    case ECONNRESET:
        return -ENOTCONN;
    default:
        return -error;
    }
}

static int connect_to(const char *place, int *ret_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int length = snprintf(address.sun_path, sizeof(address.sun_path), "%s/" READINGS_SOCKET, place);
    if (length < 0 || (size_t)length >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int r = fd < 0 ? -errno : limit_waits(fd);
    if (r < 0)
        return r;
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return meaning(errno);
    *ret_fd = fd_take(&fd);
    return 0;
}

/* -1: there is none. */
static int descriptor_in(struct msghdr *message)
{
    const struct cmsghdr *control = CMSG_FIRSTHDR(message);
    int fd = -1;
    if (control && control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_RIGHTS &&
        control->cmsg_len == CMSG_LEN(sizeof(fd)))
        memcpy(&fd, CMSG_DATA(control), sizeof(fd));
    return fd;
}

static int receive(int socket, int *ret_fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_LEN(sizeof(int))]; /* not CMSG_SPACE, which has room for two */
    } control;
    struct readings_answer answer = {0};
    struct iovec part = {.iov_base = &answer, .iov_len = sizeof(answer)};
    struct msghdr message = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof(control.bytes),
    };
    const ssize_t got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_WAITALL);
    if (got < 0)
        return meaning(errno);
    _cleanup_fd_ int fd = descriptor_in(&message);
    if (got == 0)
        return -ENOTCONN; /* it was stopped just now */
    if (got != sizeof(answer) || message.msg_flags & MSG_CTRUNC || (answer.error == 0) != (fd >= 0) || answer.error > 0)
        return -EBADMSG;
    *ret_fd = fd_take(&fd);
    return answer.error;
}

int nft_ask(const char *place, struct nft_snapshot *ret_snapshot)
{
    _cleanup_fd_ int socket = -1, fd = -1;
    int r = connect_to(place, &socket);
    if (r == 0)
        r = receive(socket, &fd);
    return r < 0 ? r : nft_snapshot_open(fd, ret_snapshot);
}
