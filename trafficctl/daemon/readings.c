/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "readings.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <readings_answer.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fd.h"
#include "socket_file.h"

#define PAUSE_MS 50
#define BACKLOG 512
#define PEERS 512         /* who have not read their answer: descriptors on the way are limited, as open ones are */
#define PEERS_PER_USER 64 /* of them */

struct peer {
    int fd;
    uid_t user;
};

struct readings {
    struct socket_file listener;
    struct event *asked, *pause;
    readings_fn read;
    void *context;
    struct peer peers[PEERS];
    size_t count;
};

/* An answer that was read, or whose reader is gone, is in no queue any more. */
static bool has_read(const struct peer *peer)
{
    int unread = 0;

    return ioctl(peer->fd, SIOCOUTQ, &unread) < 0 || unread == 0;
}

static void let_go(struct readings *readings)
{
    size_t kept = 0;

    for (size_t i = 0; i < readings->count; i++) {
        if (has_read(&readings->peers[i]))
            fd_close(readings->peers[i].fd);
        else
            readings->peers[kept++] = readings->peers[i];
    }
    readings->count = kept;
}

/* A new socket has room for this, so that it does not wait; and where it has not, nobody does. fd -1: none is sent. */
static int answer(int socket, int error, int fd)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(fd))];
    } control = {.head = {.cmsg_len = CMSG_LEN(sizeof(fd)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    struct readings_answer text = {.error = error};
    struct iovec part = {.iov_base = &text, .iov_len = sizeof(text)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (fd >= 0) {
        memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
        message.msg_control = &control;
        message.msg_controllen = CMSG_LEN(sizeof(fd));
    }
    return sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static bool may_wait(const struct readings *readings, uid_t user)
{
    size_t waiting = 0;

    for (size_t i = 0; i < readings->count; i++)
        waiting += readings->peers[i].user == user;
    return readings->count < PEERS && waiting < PEERS_PER_USER;
}

static int user_of(int fd, uid_t *ret_user)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return -errno;
    *ret_user = peer.uid;
    return 0;
}

static void take(struct readings *readings, int socket)
{
    _cleanup_fd_ int fd = socket;
    uid_t user = 0;

    if (user_of(fd, &user) < 0)
        return;
    if (may_wait(readings, user))
        readings->peers[readings->count++] = (struct peer){fd_take(&fd), user};
    else
        answer(fd, -EBUSY, -1);
}

/* Everybody who has connected, the first BACKLOG of them. */
static void take_all(struct readings *readings)
{
    for (int i = 0; i < BACKLOG; i++) {
        int fd = accept4(readings->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd >= 0)
            take(readings, fd);
        else if (errno != EINTR && errno != ECONNABORTED)
            return;
    }
}

/* Those from the first one on get the same. Who cannot be told is let go with the next ones: nothing is unread there.
 */
static void answer_all(struct readings *readings, size_t first)
{
    _cleanup_fd_ int fd = -1;
    int r = readings->read(readings->context, &fd);

    for (size_t i = first; i < readings->count; i++)
        if (answer(readings->peers[i].fd, r < 0 ? r : 0, fd) < 0)
            shutdown(readings->peers[i].fd, SHUT_RDWR);
}

/* Nobody is heard meanwhile. */
static void rest(struct readings *readings)
{
    const struct timeval pause = {.tv_usec = PAUSE_MS * 1000};

    if (evtimer_add(readings->pause, &pause) == 0)
        event_del(readings->asked);
}

/* Read only when they are here: nobody gets what is older than the asking. Who comes now waits for the next turn. */
static void on_asked(evutil_socket_t fd, short what, void *data)
{
    struct readings *readings = data;

    (void)fd;
    (void)what;
    let_go(readings);
    const size_t first = readings->count;
    take_all(readings);
    if (readings->count > first)
        answer_all(readings, first);
    rest(readings);
}

static void on_pause(evutil_socket_t fd, short what, void *data)
{
    struct readings *readings = data;

    (void)fd;
    (void)what;
    let_go(readings);
    if (event_add(readings->asked, NULL) < 0)
        rest(readings);
}

static int listen_at(const char *path, gid_t group, struct socket_file *listener, struct fault *fault)
{
    int r = socket_file_listen(path, 0660, BACKLOG, listener, fault);

    if (r < 0)
        return r;
    if (lchown(path, (uid_t)-1, group) < 0)
        return fault_set(fault, -errno, "the group of %s cannot be changed: %s", path, strerror(errno));
    if (fcntl(listener->fd, F_SETFL, O_NONBLOCK) < 0)
        return fault_set(fault, -errno, "cannot listen on %s: %s", path, strerror(errno));
    return 0;
}

static int watch(struct readings *readings, struct event_base *base)
{
    readings->asked = event_new(base, readings->listener.fd, EV_READ | EV_PERSIST, on_asked, readings);
    readings->pause = evtimer_new(base, on_pause, readings);
    return !readings->asked || !readings->pause || event_add(readings->asked, NULL) < 0 ? -ENOMEM : 0;
}

int readings_new(struct event_base *base, const char *path, gid_t group, readings_fn read, void *context,
                 struct readings **ret_readings, struct fault *fault)
{
    struct readings *readings = malloc(sizeof(*readings));

    if (!readings)
        return -ENOMEM;
    *readings = (struct readings){.listener.fd = -1, .read = read, .context = context};
    int r = listen_at(path, group, &readings->listener, fault);
    if (r == 0)
        r = watch(readings, base);
    if (r < 0) {
        readings_free(readings);
        return r;
    }
    *ret_readings = readings;
    return 0;
}

int readings_give(struct readings *readings, gid_t group)
{
    return lchown(readings->listener.path, (uid_t)-1, group) < 0 ? -errno : 0;
}

struct readings *readings_free(struct readings *readings)
{
    if (!readings)
        return NULL;
    if (readings->asked)
        event_free(readings->asked);
    if (readings->pause)
        event_free(readings->pause);
    while (readings->count > 0)
        fd_close(readings->peers[--readings->count].fd);
    socket_file_done(&readings->listener);
    free(readings);
    return NULL;
}
