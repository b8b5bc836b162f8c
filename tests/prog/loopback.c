/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "loopback.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <net/if.h>
#include <netinet/in.h>

#include "cleanup.h"
#include "fd.h"

#define PATIENCE_MS 10000

void loopback_enter(void)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};

    assert_return_code(unshare(CLONE_NEWNET), errno);
    _cleanup_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_return_code(fd, errno);
    assert_return_code(ioctl(fd, SIOCSIFFLAGS, &request), errno);
}

/* "0::<path>" is the cgroup of the second version that this process is in. */
static void own_cgroup(char *path, size_t size)
{
    _cleanup_free_ char *text = NULL;

    assert_int_equal(fd_read_file("/proc/self/cgroup", 65536, &text), 0);
    char *line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
    assert_non_null(line);
    line = strchr(line, '/');
    line[strcspn(line, "\n")] = '\0';
    snprintf(path, size, "%s", line);
}

static void enter_cgroup(const char *cgroup)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
    _cleanup_fd_ int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_return_code(fd, errno);
    assert_int_equal(write(fd, "0", 1), 1);
}

void loopback_sockets(const struct fixture *fixture, int family, int type, int protocol, int *ret_fds, size_t count)
{
    char before[PATH_MAX / 2], back[PATH_MAX];
    int error = 0;

    own_cgroup(before, sizeof(before));
    snprintf(back, sizeof(back), "%.*s%s", (int)(strrchr(fixture->cgroup, '/') - fixture->cgroup), fixture->cgroup,
             before);
    enter_cgroup(fixture->cgroup);
    for (size_t i = 0; i < count && !error; i++) {
        ret_fds[i] = socket(family, type | SOCK_CLOEXEC, protocol);
        error = ret_fds[i] < 0 ? errno : 0;
    }
    enter_cgroup(back);
    if (error)
        fail_msg("socket: %s", strerror(error));
}

int loopback_socket(const struct fixture *fixture, int family, int type, int protocol)
{
    int fd;

    loopback_sockets(fixture, family, type, protocol, &fd, 1);
    return fd;
}

static struct sockaddr_in bind_here(int fd)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(here);

    assert_return_code(bind(fd, (struct sockaddr *)&here, size), errno);
    assert_return_code(getsockname(fd, (struct sockaddr *)&here, &size), errno);
    return here;
}

int loopback_udp(const struct fixture *fixture)
{
    int fd = loopback_socket(fixture, AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in here = bind_here(fd);

    assert_return_code(connect(fd, (struct sockaddr *)&here, sizeof(here)), errno);
    return fd;
}

uint64_t loopback_cookie(int fd)
{
    uint64_t cookie = 0;
    socklen_t size = sizeof(cookie);

    assert_return_code(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size), errno);
    return cookie;
}

void loopback_tag(const struct fixture *fixture, int fd, uint32_t uid, uint32_t tag)
{
    const struct tctl_tag row = {.uid = uid, .tag = tag};
    const struct tctl_socket nothing = {0};
    const uint64_t cookie = loopback_cookie(fd);

    fixture_put(fixture, PIN_COOKIE_TAG, &cookie, &row);
    fixture_put(fixture, PIN_SOCKET_STORAGE, &fd, &nothing);
}

static size_t fill(int fd)
{
    static const char block[65536];
    size_t size = 0;
    ssize_t n;

    while ((n = send(fd, block, sizeof(block), MSG_NOSIGNAL | MSG_DONTWAIT)) > 0)
        size += (size_t)n;
    assert_int_equal(errno, EAGAIN);
    return size;
}

struct stuffed loopback_stuff(const struct fixture *fixture, uint32_t uid, uint32_t tag)
{
    struct stuffed stuffed = {.a = loopback_socket(fixture, AF_INET, SOCK_STREAM, 0)};
    _cleanup_fd_ int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_return_code(listener, errno);
    /* Little room at the reader, much at the writer: most of it is sent after the close. */
    assert_return_code(setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &(int){20000}, sizeof(int)), errno);
    assert_return_code(setsockopt(stuffed.a, SOL_SOCKET, SO_SNDBUF, &(int){1000000}, sizeof(int)), errno);
    struct sockaddr_in there = bind_here(listener);
    assert_return_code(listen(listener, 1), errno);
    loopback_tag(fixture, stuffed.a, uid, tag);
    assert_return_code(connect(stuffed.a, (struct sockaddr *)&there, sizeof(there)), errno);
    stuffed.b = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_return_code(stuffed.b, errno);
    stuffed.size = fill(stuffed.a);
    assert_true(stuffed.size > 400000);
    return stuffed;
}

void loopback_drain(struct stuffed *stuffed)
{
    static char block[65536];
    size_t size = 0;
    ssize_t n = 1;

    while (n > 0) {
        struct pollfd ready = {.fd = stuffed->b, .events = POLLIN};
        assert_int_equal(poll(&ready, 1, PATIENCE_MS), 1);
        n = recv(stuffed->b, block, sizeof(block), 0);
        assert_return_code(n, errno);
        size += (size_t)n;
    }
    assert_int_equal(size, stuffed->size);
    fd_close(stuffed->b);
    stuffed->b = -1;
}
