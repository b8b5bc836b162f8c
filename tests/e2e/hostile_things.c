/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "hostile_things.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "fd.h"
#include "hostile_act.h"

static const struct linger MINUTE = {.l_onoff = 1, .l_linger = 60};

int lingering_listener(int count)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    _cleanup_fd_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){1}, sizeof(int)) < 0 ||
        bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, count) < 0)
        return -errno;
    return fd_take(&fd);
}

int connected_socket(int listener)
{
    struct sockaddr_in to;
    socklen_t size = sizeof(to);
    _cleanup_fd_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || getsockname(listener, (struct sockaddr *)&to, &size) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){1}, sizeof(int)) < 0 ||
        connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
        return -errno;
    return fd_take(&fd);
}

int lingering_socket(int listener)
{
    static const char block[4096];
    _cleanup_fd_ int fd = connected_socket(listener);

    while (fd >= 0 && send(fd, block, sizeof(block), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
        ;
    if (fd < 0 || errno != EAGAIN || setsockopt(fd, SOL_SOCKET, SO_LINGER, &MINUTE, sizeof(MINUTE)) < 0)
        return fd < 0 ? fd : -errno;
    return fd_take(&fd);
}

int lingering_sockets(int listener, int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fds[i] = lingering_socket(listener);
        if (fds[i] < 0) {
            int r = fds[i];

            close_all(fds, i);
            return r;
        }
    }
    return 0;
}

static void woken(int number)
{
    (void)number;
}

void waiting_cut_short(bool on)
{
    const struct timeval often = {.tv_usec = on ? 1000 : 0};

    sigaction(SIGALRM, &(struct sigaction){.sa_handler = woken, .sa_flags = SA_RESTART}, NULL);
    setitimer(ITIMER_REAL, &(struct itimerval){often, often}, NULL);
}

void close_lingering(int *fds, size_t count)
{
    waiting_cut_short(true);
    close_all(fds, count);
    waiting_cut_short(false);
}

int unix_ring(void)
{
    int pair[2], r;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    r = hand_in(pair[0], "", 1, &pair[0], 1) ?: hand_in(pair[1], "", 1, &pair[1], 1);
    r = r ?: hand_in(pair[0], "", 1, &pair[1], 1);
    fd_close(pair[1]);
    if (r < 0)
        fd_close(pair[0]);
    return r < 0 ? r : pair[0];
}

int unix_full(const int *fds, size_t count)
{
    static const char block[65536];
    int pair[2], r;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    r = count ? hand_in(pair[0], "", 1, fds, count) : 0;
    while (r == 0 && send(pair[0], block, sizeof(block), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
        ;
    fd_close(pair[0]);
    if (r < 0)
        fd_close(pair[1]);
    return r < 0 ? r : pair[1];
}

static int or_errno(int fd)
{
    return fd < 0 ? -errno : fd;
}

static int make_pipe(void)
{
    int pair[2];

    if (pipe2(pair, O_CLOEXEC) < 0)
        return -errno;
    fd_close(pair[0]);
    return pair[1];
}

static int make_full_pipe(void)
{
    static const char block[65536];
    int pair[2];

    if (pipe2(pair, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    while (write(pair[1], block, sizeof(block)) > 0)
        ;
    fd_close(pair[1]);
    return pair[0];
}

static int make_epoll(void)
{
    struct epoll_event event = {.events = EPOLLIN};
    _cleanup_fd_ int fd = epoll_create1(EPOLL_CLOEXEC), watched = eventfd(1, EFD_CLOEXEC);

    if (fd < 0 || watched < 0 || epoll_ctl(fd, EPOLL_CTL_ADD, watched, &event) < 0)
        return -errno;
    return fd_take(&fd);
}

static int make_timerfd(void)
{
    const struct itimerspec often = {{.tv_nsec = 1000000}, {.tv_nsec = 1000000}};
    _cleanup_fd_ int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

    if (fd < 0 || timerfd_settime(fd, 0, &often, NULL) < 0)
        return -errno;
    return fd_take(&fd);
}

static int make_inotify(void)
{
    _cleanup_fd_ int fd = inotify_init1(IN_CLOEXEC);

    if (fd < 0 || inotify_add_watch(fd, "/", IN_ALL_EVENTS) < 0 || inotify_add_watch(fd, "/tmp", IN_ALL_EVENTS) < 0)
        return -errno;
    return fd_take(&fd);
}

static int make_eventfd(void)
{
    return or_errno(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

static int make_userfaultfd(void)
{
    return or_errno((int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY));
}

static int make_io_uring(void)
{
    struct io_uring_params params = {0};

    return or_errno((int)syscall(SYS_io_uring_setup, 4, &params));
}

static int make_signalfd(void)
{
    sigset_t all;

    sigfillset(&all);
    return or_errno(signalfd(-1, &all, SFD_CLOEXEC));
}

static int make_memfd(void)
{
    return or_errno(memfd_create("thing", MFD_CLOEXEC));
}

static int make_pidfd(void)
{
    return or_errno(pidfd_open(getpid(), 0));
}

static int make_directory(void)
{
    return or_errno(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int make_path(void)
{
    return or_errno(open("/", O_PATH | O_CLOEXEC));
}

static int make_null(void)
{
    return or_errno(open("/dev/null", O_RDWR | O_CLOEXEC));
}

static int make_netns(void)
{
    return or_errno(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
}

static int make_terminal(void)
{
    return or_errno(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
}

static int make_stream(void)
{
    return or_errno(socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

static int make_listener(void)
{
    return lingering_listener(1);
}

static int make_unix(void)
{
    return or_errno(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

static int make_full_unix(void)
{
    return unix_full(NULL, 0);
}

static int make_netlink(void)
{
    return or_errno(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
}

static int make_itself(void)
{
    return knock();
}

const struct thing things[] = {
    {"pipe", make_pipe, -ENOTSOCK},
    {"full pipe", make_full_pipe, -ENOTSOCK},
    {"epoll", make_epoll, -ENOTSOCK},
    {"timerfd", make_timerfd, -ENOTSOCK},
    {"inotify", make_inotify, -ENOTSOCK},
    {"eventfd", make_eventfd, -ENOTSOCK},
    {"userfaultfd", make_userfaultfd, -ENOTSOCK},
    {"io_uring", make_io_uring, -ENOTSOCK},
    {"signalfd", make_signalfd, -ENOTSOCK},
    {"memfd", make_memfd, -ENOTSOCK},
    {"pidfd", make_pidfd, -ENOTSOCK},
    {"directory", make_directory, -ENOTSOCK},
    {"path only", make_path, -EBADF},
    {"null", make_null, -ENOTSOCK},
    {"network namespace", make_netns, -ENOTSOCK},
    {"terminal", make_terminal, -ENOTSOCK},
    {"stream", make_stream, 0},
    {"listener", make_listener, 0},
    {"unix", make_unix, -EAFNOSUPPORT},
    {"full unix", make_full_unix, -EAFNOSUPPORT},
    {"ring", unix_ring, -EAFNOSUPPORT},
    {"netlink", make_netlink, -EAFNOSUPPORT},
    {"connection to trafficd", make_itself, -EAFNOSUPPORT},
};
const size_t things_count = ARRAY_SIZE(things);
