/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Who answers for the other end of a connection: reading trafficctl/peers. Root. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "chroot.h"
#include "cleanup.h"
#include "fd.h"
#include "fixture.h"

#define ROOTLESS "0 10001 1\n1 100000 65536\n"
#define ROOTS "0 100000 65536\n"

struct other_end {
    uid_t user;      /* makes the namespace */
    const char *map; /* NULL: no namespace */
    uid_t inside;    /* UID there */
    bool nested;     /* it makes another one, and connects from there */
    uid_t seen;      /* its UID, as SO_PEERCRED says it */
    uint32_t answers;
};

static int set_up(void **state)
{
    *state = fixture_new(false);
    fixture_load(*state);
    return 0;
}

/* A name without a file: processes that left a chroot have other files. */
static struct sockaddr_un address(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};

    snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "trafficctl-peers-%d", (int)getpid());
    return name;
}

static int become(uid_t uid)
{
    return setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0 ? -errno : 0;
}

/* A process whose credentials changed is not dumpable, and then its maps in /proc are not to be written. */
static int enter_namespace(const struct other_end *end, int channel)
{
    char byte;

    if (unshare(CLONE_NEWUSER) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0 || write(channel, "", 1) != 1 ||
        read(channel, &byte, 1) != 1)
        return -errno;
    int r = become(end->inside);
    return r == 0 && end->nested && unshare(CLONE_NEWUSER) < 0 ? -errno : r;
}

/* Not to assert in. */
static int connect_as(const struct other_end *end, int channel, const struct sockaddr_un *there)
{
    int r = chroot_leave() ?: become(end->user);

    if (r == 0 && end->map)
        r = enter_namespace(end, channel);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return r < 0 || fd < 0 || connect(fd, (const struct sockaddr *)there, sizeof(*there)) < 0;
}

static void write_map(pid_t pid, const char *file, const char *text)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
    _cleanup_fd_ int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_return_code(fd, errno);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* The accepted end of a connection whose other end has made it, and is gone. */
static int connection_of(const struct other_end *end, int listener)
{
    const struct sockaddr_un here = address();
    int channel[2], status;
    char byte;

    assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel), errno);
    pid_t child = fork();
    assert_return_code(child, errno);
    if (child == 0) {
        fd_close(channel[0]);
        _exit(connect_as(end, channel[1], &here));
    }
    fd_close(channel[1]);
    if (end->map) {
        assert_int_equal(read(channel[0], &byte, 1), 1);
        write_map(child, "uid_map", end->map);
        write_map(child, "gid_map", end->map);
        assert_int_equal(write(channel[0], "", 1), 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    fd_close(channel[0]);
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_return_code(fd, errno);
    return fd;
}

static void ask(const struct fixture *fixture, int fd, uint64_t number)
{
    fixture_put(fixture, PIN_PEER_STORAGE, &fd, &number);
}

/* The only answer to this number; UINT32_MAX: there is none. */
static uint32_t answer(const struct fixture *fixture, uint64_t number)
{
    struct tctl_peer peer;
    uint32_t user = UINT32_MAX;
    ssize_t n;

    _cleanup_fd_ int fd = open(fixture_path(fixture, pins[PIN_PEERS].path), O_RDONLY | O_CLOEXEC);
    assert_return_code(fd, errno);
    while ((n = read(fd, &peer, sizeof(peer))) == sizeof(peer)) {
        if (peer.asked != number)
            continue;
        assert_int_equal(user, UINT32_MAX);
        user = peer.user;
    }
    assert_int_equal(n, 0);
    return user;
}

static int listen_here(void)
{
    const struct sockaddr_un here = address();
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_return_code(fd, errno);
    assert_return_code(bind(fd, (const struct sockaddr *)&here, sizeof(here)), errno);
    assert_return_code(listen(fd, 16), errno);
    return fd;
}

/* Together, as clients come. */
static void peers_are_whose_namespace_they_are_in(void **state)
{
    static const struct other_end ends[] = {
        {.user = 0, .seen = 0, .answers = 0},
        {.user = 10001, .seen = 10001, .answers = 0},
        {.user = 100004, .seen = 100004, .answers = 0},
        {.user = 10001, .map = ROOTLESS, .inside = 0, .seen = 10001, .answers = 10001},
        {.user = 10001, .map = ROOTLESS, .inside = 5, .seen = 100004, .answers = 10001},
        {.user = 10001, .map = ROOTLESS, .inside = 5, .nested = true, .seen = 100004, .answers = 10001},
        {.user = 0, .map = ROOTS, .inside = 0, .seen = 100000, .answers = 0},
        {.user = 0, .map = ROOTS, .inside = 5, .nested = true, .seen = 100005, .answers = 0},
    };
    const struct fixture *fixture = *state;
    _cleanup_fd_ int listener = listen_here();
    int fd[ARRAY_SIZE(ends)];

    for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
        struct ucred seen;
        socklen_t size = sizeof(seen);
        fd[i] = connection_of(&ends[i], listener);
        assert_return_code(getsockopt(fd[i], SOL_SOCKET, SO_PEERCRED, &seen, &size), errno);
        assert_int_equal(seen.uid, ends[i].seen);
        ask(fixture, fd[i], 1000 + i);
    }
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
        assert_int_equal(answer(fixture, 1000 + i), ends[i].answers);
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
        fd_close(fd[i]);
}

static void peers_are_those_asked_about(void **state)
{
    static const struct other_end plain = {.user = 10001};
    const struct fixture *fixture = *state;
    _cleanup_fd_ int listener = listen_here();
    _cleanup_fd_ int silent = connection_of(&plain, listener);
    _cleanup_fd_ int asked = connection_of(&plain, listener);

    ask(fixture, asked, 7);
    assert_int_equal(answer(fixture, 7), 0);
    ask(fixture, asked, UINT64_MAX);
    assert_int_equal(answer(fixture, 7), UINT32_MAX);
    assert_int_equal(answer(fixture, UINT64_MAX), 0);
    assert_int_equal(answer(fixture, 0), UINT32_MAX);
    /* nobody is at the other end of this one */
    _cleanup_fd_ int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ask(fixture, udp, 9);
    assert_int_equal(answer(fixture, 9), UINT32_MAX);
}

#define PEERS(test) cmocka_unit_test_setup_teardown(test, set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PEERS(peers_are_whose_namespace_they_are_in),
        PEERS(peers_are_those_asked_about),
    };

    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: peers", tests, NULL, NULL);
}
