/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * A tag ends with its socket and not before, whoever holds it and however it goes; with the release program, and
 * without it.
 */
#include <errno.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "ending.h"
#include "fd.h"
#include "kit.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define ROUNDS 10

/* Every kind of socket that may be tagged here; raw ones take root. */
static const struct kind {
    int family, type, protocol;
    uid_t uid;
    bool told; /* the kernel has an event for its end */
} KINDS[] = {
    {AF_INET, SOCK_STREAM, IPPROTO_TCP, TAGGED_UID, true},
    {AF_INET6, SOCK_STREAM, IPPROTO_TCP, TAGGED_UID, true},
    {AF_INET, SOCK_DGRAM, IPPROTO_UDP, TAGGED_UID, true},
    {AF_INET6, SOCK_DGRAM, IPPROTO_UDP, TAGGED_UID, true},
    {AF_INET, SOCK_DGRAM, IPPROTO_ICMP, TAGGED_UID, false},
    {AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6, TAGGED_UID, false},
    {AF_INET, SOCK_RAW, IPPROTO_UDP, 0, false},
    {AF_INET6, SOCK_RAW, IPPROTO_UDP, 0, false},
    {AF_INET, SOCK_STREAM, IPPROTO_MPTCP, TAGGED_UID, false},
    {AF_INET6, SOCK_STREAM, IPPROTO_MPTCP, TAGGED_UID, false},
};
#define KINDS_COUNT ARRAY_SIZE(KINDS)

static size_t untold(void)
{
    size_t count = 0;

    for (size_t i = 0; i < KINDS_COUNT; i++)
        count += !KINDS[i].told;
    return count;
}

static int open_tagged(const struct kind *kind)
{
    int fd = socket_as(the_world, PLACE_A, kind->uid, kind->family, kind->type, kind->protocol);

    assert_true(fd >= 0);
    tag_socket(fd, 1);
    return fd;
}

/* One of each kind, with what it is known by when it is closed. */
struct all {
    int fd[KINDS_COUNT];
    uint64_t cookie[KINDS_COUNT];
};

static struct all all_open(void)
{
    struct all all;

    for (size_t i = 0; i < KINDS_COUNT; i++) {
        all.fd[i] = open_tagged(&KINDS[i]);
        all.cookie[i] = cookie_of(all.fd[i]);
    }
    return all;
}

static void all_close(struct all *all)
{
    for (size_t i = 0; i < KINDS_COUNT; i++)
        all->fd[i] = fd_close(all->fd[i]);
}

static void all_are_tagged(const struct all *all)
{
    for (size_t i = 0; i < KINDS_COUNT; i++)
        assert_true(cookie_is_tagged(all->cookie[i]));
}

/* By the program or by the kernel's event: looks, a second apart, would not do that so often in that time. */
static void test_end_told_by_the_kernel(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS_COUNT; i++) {
        for (int round = 0; round < ROUNDS && (KINDS[i].told || hook_is_on()); round++) {
            int fd = open_tagged(&KINDS[i]);

            assert_int_equal(tagged_sockets(), 1);
            fd_close(fd);
            tags_become(0, hook_is_on() ? 0 : PROMISE_MS);
        }
    }
}

/* Tags of those of which no event tells end too, and those beside them stay. */
static void test_end_of_every_kind(void **state)
{
    struct all staying = all_open(), going = all_open();

    (void)state;
    assert_int_equal(tagged_sockets(), 2 * KINDS_COUNT);
    all_close(&going);
    tags_left(KINDS_COUNT);
    all_are_tagged(&staying);
    all_close(&staying);
    tags_left(0);
}

/* The test's descriptors, inherited. */
static int hold(int channel, void *arg)
{
    uint64_t word;

    (void)arg;
    return channel_recv(channel, &word) == -EPIPE ? 0 : -EBADMSG;
}

static void test_end_with_the_last_of_a_family(void **state)
{
    struct all all = all_open();
    struct actor first, last;

    (void)state;
    assert_int_equal(actor_start(the_world, PLACE_B, 0, hold, NULL, &last), 0);
    assert_int_equal(actor_start(the_world, PLACE_A, TAGGED_UID, hold, NULL, &first), 0);
    all_close(&all);
    assert_int_equal(actor_wait(&first), 0);
    tags_left(KINDS_COUNT);
    all_are_tagged(&all);
    kill(last.pid, SIGKILL);
    assert_int_equal(actor_wait(&last), -EINTR);
    tags_left(0);
}

static void test_end_by_an_exit(void **state)
{
    struct all all = all_open();
    struct actor holder;

    (void)state;
    assert_int_equal(actor_start(the_world, PLACE_A, TAGGED_UID, hold, NULL, &holder), 0);
    all_close(&all);
    assert_int_equal(actor_wait(&holder), 0);
    tags_left(0);
}

/* Of our cgroup, in a namespace that nobody else is in. */
static int open_elsewhere(int channel, void *arg)
{
    (void)arg;
    if (unshare(CLONE_NEWNET) < 0)
        return -errno;
    for (size_t i = 0; i < KINDS_COUNT; i++) {
        _cleanup_fd_ int fd = socket(KINDS[i].family, KINDS[i].type | SOCK_CLOEXEC, KINDS[i].protocol);
        int r = fd < 0 ? -errno : channel_send_fd(channel, fd);

        if (r < 0 && r != -EACCES) /* pinging takes a setting there */
            return r;
    }
    return 0;
}

/* Ways to be alive and open in no process. */
struct hidden {
    int pair[2]; /* in messages from the one to the other, which nobody receives */
    int ring;    /* in the table of an io_uring */
    void *mapping;
};

static void hide_in_messages(struct hidden *hidden, const struct all *all)
{
    assert_return_code(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, hidden->pair), errno);
    for (size_t i = 0; i < KINDS_COUNT; i++)
        assert_int_equal(channel_send_fd(hidden->pair[0], all->fd[i]), 0);
}

static void hide_in_a_ring(struct hidden *hidden, const struct all *all)
{
    struct io_uring_params params = {0};

    hidden->ring = (int)syscall(SYS_io_uring_setup, 2, &params);
    if (hidden->ring < 0 && (errno == ENOSYS || errno == EPERM))
        skip_because("no io_uring here", true);
    assert_return_code(hidden->ring, errno);
    assert_return_code(
        syscall(SYS_io_uring_register, hidden->ring, IORING_REGISTER_FILES, all->fd, (unsigned)KINDS_COUNT), errno);
}

static void test_hidden_sockets_keep_their_tags(void **state)
{
    struct all sent, in_ring, mapped;
    struct hidden hidden;

    (void)state;
    in_ring = all_open();
    hide_in_a_ring(&hidden, &in_ring);
    sent = all_open();
    hide_in_messages(&hidden, &sent);
    mapped = all_open();
    hidden.mapping = mmap(NULL, 4096, PROT_READ, MAP_SHARED, mapped.fd[0], 0); /* a TCP socket: received bytes */
    assert_ptr_not_equal(hidden.mapping, MAP_FAILED);
    all_close(&in_ring);
    all_close(&sent);
    all_close(&mapped);
    tags_left(2 * KINDS_COUNT + 1);
    all_are_tagged(&in_ring);
    all_are_tagged(&sent);
    assert_true(cookie_is_tagged(mapped.cookie[0]));
    assert_return_code(munmap(hidden.mapping, 4096), errno);
    fd_close(hidden.ring);
    fd_close(channel_recv_fd(hidden.pair[1])); /* one by its last descriptor, the others with what holds them */
    fd_close(hidden.pair[0]);
    fd_close(hidden.pair[1]);
    tags_become(hook_is_on() ? 0 : 2 * untold(), SECOND_MS); /* the kernel ends a ring in its own time */
    tags_left(0);
}

static void test_another_namespace_keeps_tags(void **state)
{
    struct actor opener;
    int fd[KINDS_COUNT];
    size_t count = 0;

    (void)state;
    assert_int_equal(actor_start(the_world, PLACE_A, 0, open_elsewhere, NULL, &opener), 0);
    while (count < KINDS_COUNT && (fd[count] = channel_recv_fd(opener.channel)) >= 0)
        tag_socket(fd[count++], 1);
    assert_int_equal(actor_wait(&opener), 0);
    assert_int_equal(count, KINDS_COUNT - 2);
    tags_left(count);
    for (size_t i = 0; i < count; i++)
        fd_close(fd[i]);
    tags_left(0);
}

static int listen_as(int family, int protocol, enum place place, uid_t uid)
{
    union address at = address_of(family, place == PLACE_A ? 1 : 0, 0);
    int fd = socket_as(the_world, place, uid, family, SOCK_STREAM, protocol);

    bind_to(fd, &at);
    assert_return_code(listen(fd, 8), errno);
    return fd;
}

static void connect_to(int fd, int listener)
{
    union address at = name_of(listener);

    assert_true(connect(fd, &at.any, address_size(&at)) == 0 || errno == EINPROGRESS);
    wait_for(fd, POLLOUT);
}

/* Connected sockets that nobody accepts, on both sides of the wire. */
static void in_a_backlog(int family, int protocol)
{
    int listener = listen_as(family, protocol, PLACE_A, TAGGED_UID), other = listen_as(family, protocol, PLACE_B, 0);
    int in[2], out[2];

    tag_socket(listener, 1);
    for (int i = 0; i < 2; i++) {
        in[i] = socket_as(the_world, PLACE_B, 0, family, SOCK_STREAM, protocol);
        connect_to(in[i], listener);
        out[i] = socket_as(the_world, PLACE_A, TAGGED_UID, family, SOCK_STREAM, protocol);
        tag_socket(out[i], 2);
        connect_to(out[i], other);
    }
    assert_int_equal(tagged_sockets(), 3);
    fd_close(out[0]);
    fd_close(in[0]);
    tags_become(2, PROMISE_MS);
    fd_close(listener); /* and what is in its queue */
    tags_become(1, PROMISE_MS);
    fd_close(other);
    assert_int_equal(tagged_sockets(), 1);
    fd_close(out[1]);
    fd_close(in[1]);
    tags_become(0, PROMISE_MS);
}

/* Without the program a tag stays as long as the kernel keeps the socket: for MPTCP until its peer has closed too. */
static void test_end_with_a_backlog(void **state)
{
    (void)state;
    in_a_backlog(AF_INET, IPPROTO_TCP);
    in_a_backlog(AF_INET6, IPPROTO_TCP);
    if (hook_is_on())
        in_a_backlog(AF_INET, IPPROTO_MPTCP);
}

/* An accepted MPTCP socket has its listener's cookie, and takes no tag with it that is not its own. */
static void test_end_of_a_child_is_not_the_listeners(void **state)
{
    int listener = listen_as(AF_INET, IPPROTO_MPTCP, PLACE_A, TAGGED_UID);
    int peer = socket_as(the_world, PLACE_B, 0, AF_INET, SOCK_STREAM, IPPROTO_MPTCP), child;

    (void)state;
    tag_socket(listener, 1);
    connect_to(peer, listener);
    child = accept_as(the_world, PLACE_A, TAGGED_UID, listener);
    assert_true(child >= 0);
    assert_int_equal(cookie_of(child), cookie_of(listener));
    fd_close(child);
    fd_close(peer);
    tags_left(1);
    fd_close(listener);
    tags_left(0);
}

/* Those whose end nobody saw are found by trafficd when it starts: closed while nothing was attached, or made outside.
 */
static void test_start_finds_what_ended_before(void **state)
{
    struct all staying = all_open(), going = all_open();
    int outside = socket_as(the_world, PLACE_B, 0, AF_INET, SOCK_DGRAM, 0);

    (void)state;
    tag_socket(outside, 1);
    fd_close(outside); /* the program runs for sockets of its control group alone */
    assert_int_equal(world_stop_daemon(the_world, SIGKILL, NULL), 0);
    hook_take_off();
    all_close(&going);
    assert_int_equal(tagged_sockets(), 2 * KINDS_COUNT + 1);
    hook_put_back();
    assert_int_equal(world_start_daemon(the_world), 0);
    tags_become(KINDS_COUNT, LOOKS_MS);
    all_are_tagged(&staying);
    assert_true(hook_is_on());
    all_close(&staying);
    tags_left(0);
}

/* Between the program's going and trafficd's noticing, and until it is back, nothing is lost. */
static void test_hook_that_goes_and_comes_back(void **state)
{
    struct all staying = all_open(), early = all_open(), late = all_open();

    hook_take_off();
    all_close(&early);
    without_hook(state);
    tags_become(2 * KINDS_COUNT, LOOKS_MS);
    looks_end();
    all_close(&late);
    with_hook(state);
    tags_become(KINDS_COUNT, LOOKS_MS);
    all_are_tagged(&staying);
    all_close(&staying);
    tags_become(0, 0);
}

static void test_overflow_makes_trafficd_look(void **state)
{
    (void)state;
    looks_end();
    end_untold();
    assert_int_equal(tagged_sockets(), 1);
    listener_overflow();
    tags_become(0, LOOKS_MS);
}

/* Anybody may ping. */
static int hooked(void **state)
{
    return world_sysctl(the_world, PLACE_A, "ipv4/ping_group_range", "0 2147483647") ?: with_hook(state);
}

static int unhooked(void **state)
{
    return world_sysctl(the_world, PLACE_A, "ipv4/ping_group_range", "0 2147483647") ?: without_hook(state);
}

#define SUITE(way, setup)                                                                                              \
    {"test_end_told_by_the_kernel_" way, test_end_told_by_the_kernel, setup},                                          \
        {"test_end_of_every_kind_" way, test_end_of_every_kind, setup},                                                \
        {"test_end_with_the_last_of_a_family_" way, test_end_with_the_last_of_a_family, setup},                        \
        {"test_end_by_an_exit_" way, test_end_by_an_exit, setup},                                                      \
        {"test_hidden_sockets_keep_their_tags_" way, test_hidden_sockets_keep_their_tags, setup},                      \
        {"test_another_namespace_keeps_tags_" way, test_another_namespace_keeps_tags, setup},                          \
        {"test_end_with_a_backlog_" way, test_end_with_a_backlog, setup},                                              \
    {                                                                                                                  \
        "test_end_of_a_child_is_not_the_listeners_" way, test_end_of_a_child_is_not_the_listeners, setup               \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        SUITE("with_hook", hooked),
        cmocka_unit_test_setup(test_start_finds_what_ended_before, hooked),
        cmocka_unit_test_setup(test_hook_that_goes_and_comes_back, hooked),
        SUITE("without_hook", unhooked),
        cmocka_unit_test_setup(test_overflow_makes_trafficd_look, unhooked),
    };

    return run_shared("tag_end", tests, ARRAY_SIZE(tests));
}
