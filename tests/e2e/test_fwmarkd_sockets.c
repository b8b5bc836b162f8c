/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Every sort of descriptor that a peer can hand over: what may be tagged, what is refused, and that nothing is kept. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "fwmark_client.h"
#include "kit.h"

#define USER 10001

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* Commands that need a descriptor, and what they answer where it is a socket of ours. */
static const struct {
    enum fwmark_number id;
    size_t size;
    int reply;
} ASKED[] = {
    {FWMARK_ON_ACCEPT, 16, 0},
    {FWMARK_ON_CONNECT, 16, 0},
    {FWMARK_ON_CONNECT, 52, 0},
    {FWMARK_SELECT_NETWORK, 16, -EOPNOTSUPP},
    {FWMARK_PROTECT_FROM_VPN, 16, -EOPNOTSUPP},
    {FWMARK_SELECT_FOR_USER, 16, -EOPNOTSUPP},
    {FWMARK_ON_CONNECT_COMPLETE, 52, 0},
    {FWMARK_COUNTER_SET, 52, 0},
    {FWMARK_DELETE, 52, 0},
    {11, 16, 0},
    {12, 52, 0},
    {13, 52, 0},
    {14, 16, -EPROTO},
    {0xFFFFFFFF, 16, -EPROTO},
    {FWMARK_UNTAG, 16, -ENOENT},
    {FWMARK_TAG, 16, 0},
    {FWMARK_UNTAG, 16, 0},
};

/* refusal: 0, or why it is no socket of ours. */
static void ask_all(const char *what, int fd, int refusal)
{
    for (size_t i = 0; i < ARRAY_SIZE(ASKED); i++) {
        struct fwmark_request request = {
            .id = ASKED[i].id, .uid = FWMARK_CALLER, .info = 7, .size = ASKED[i].size, .fd = &fd, .count = 1};
        int expected = refusal ?: ASKED[i].reply, reply = fwmark_ask(FWMARK_USER(USER), &request);

        if (reply != expected)
            fail_msg("%s, command %u, %zu bytes: reply %d, expected %d", what, ASKED[i].id, ASKED[i].size, reply,
                     expected);
        if (!refusal)
            assert_tag(the_world, fd, ASKED[i].id == FWMARK_TAG ? USER : UINT32_MAX, 7);
    }
}

/* Those commands for which a descriptor means nothing close it all the same. */
static void ask_beside(int fd)
{
    static const enum fwmark_number without[] = {FWMARK_QUERY_USER_ACCESS, FWMARK_COUNTER_SET, FWMARK_DELETE};
    static const int reply[] = {-EOPNOTSUPP, 0, 0};

    for (size_t i = 0; i < ARRAY_SIZE(without); i++) {
        struct fwmark_request request = {.id = without[i], .uid = USER, .size = 16, .fd = &fd, .count = 1};

        assert_int_equal(fwmark_ask(FWMARK_ROOT, &request), reply[i]);
    }
}

/* Takes the descriptor. A refused one changes nothing. */
static void hand_over(const char *what, int fd, int refusal)
{
    size_t descriptors = fwmark_descriptors();
    struct rows before, after;

    assert_true(fd >= 0);
    rows_read(the_world, &before);
    ask_all(what, fd, refusal);
    rows_read(the_world, &after);
    if (refusal)
        assert_rows_equal(&after, &before);
    ask_beside(fd);
    fd_close(fd);
    fwmark_no_more_than(descriptors);
}

static int root_socket(int family, int type, int protocol)
{
    return socket_as(the_world, PLACE_A, 0, family, type, protocol);
}

static void test_sockets_of_ours(void **state)
{
    static const int families[] = {AF_INET, AF_INET6};

    (void)state;
    assert_int_equal(world_sysctl(the_world, PLACE_A, "ipv4/ping_group_range", "0 2147483647"), 0);
    for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
        int family = families[i];

        hand_over("TCP", root_socket(family, SOCK_STREAM, 0), 0);
        hand_over("UDP", root_socket(family, SOCK_DGRAM, 0), 0);
        hand_over("raw", root_socket(family, SOCK_RAW, IPPROTO_ICMP), 0);
        hand_over("raw, any", root_socket(family, SOCK_RAW, IPPROTO_RAW), 0);
        hand_over("ping", root_socket(family, SOCK_DGRAM, family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6), 0);
    }
}

static void test_mptcp_sockets(void **state)
{
    int fd = root_socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);

    (void)state;
    if (fd < 0)
        skip_because("this kernel has no MPTCP", false);
    hand_over("MPTCP", fd, 0);
    hand_over("MPTCP over IPv6", root_socket(AF_INET6, SOCK_STREAM, IPPROTO_MPTCP), 0);
}

/* In each state of its life. */
static void test_tcp_sockets_in_use(void **state)
{
    struct tcp tcp = tcp_accept(the_world, USER, AF_INET, 1);

    (void)state;
    hand_over("listener", tcp.listener, 0);
    tcp.listener = -1;
    assert_return_code(shutdown(tcp.b, SHUT_WR), errno);
    wait_for(tcp.a, POLLIN);
    hand_over("half closed", fcntl(tcp.a, F_DUPFD_CLOEXEC, 0), 0);
    tcp_end(&tcp, false);
}

static void test_other_families(void **state)
{
    int pair[2], fd;

    (void)state;
    hand_over("AF_UNIX stream", root_socket(AF_UNIX, SOCK_STREAM, 0), -EAFNOSUPPORT);
    hand_over("AF_UNIX datagrams", root_socket(AF_UNIX, SOCK_DGRAM, 0), -EAFNOSUPPORT);
    assert_return_code(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), errno);
    hand_over("AF_UNIX pair", pair[0], -EAFNOSUPPORT);
    fd_close(pair[1]);
    hand_over("AF_NETLINK", root_socket(AF_NETLINK, SOCK_RAW, 0), -EAFNOSUPPORT);
    hand_over("AF_PACKET", root_socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL)), -EAFNOSUPPORT);
    fd = root_socket(AF_VSOCK, SOCK_STREAM, 0);
    if (fd >= 0)
        hand_over("AF_VSOCK", fd, -EAFNOSUPPORT);
}

/* Its other end holds the very descriptor that it carries. */
static void test_connection_itself(void **state)
{
    const uint32_t message[] = {FWMARK_TAG, 0, FWMARK_CALLER, 7};
    size_t descriptors = fwmark_descriptors();

    (void)state;
    for (int i = 0; i < 20; i++) {
        _cleanup_fd_ int connection = fwmark_connect(FWMARK_USER(USER));

        fwmark_send(connection, message, sizeof(message), &connection, 1);
        if (i % 2)
            assert_int_equal(fwmark_reply(connection, FWMARK_PATIENCE_MS), -EAFNOSUPPORT);
    }
    fwmark_no_more_than(descriptors);
}

static int pipe_end(int which)
{
    int pair[2];

    assert_return_code(pipe2(pair, O_CLOEXEC), errno);
    fd_close(pair[!which]);
    return pair[which];
}

static int opened(const char *path, int flags)
{
    return open(path, flags | O_CLOEXEC);
}

static void test_what_is_no_socket(void **state)
{
    (void)state;
    hand_over("file", opened(the_world->config, O_RDONLY), -ENOTSOCK);
    hand_over("pipe to read", pipe_end(0), -ENOTSOCK);
    hand_over("pipe to write", pipe_end(1), -ENOTSOCK);
    hand_over("/dev/null", opened("/dev/null", O_RDWR), -ENOTSOCK);
    hand_over("epoll", epoll_create1(EPOLL_CLOEXEC), -ENOTSOCK);
    hand_over("eventfd", eventfd(0, EFD_CLOEXEC), -ENOTSOCK);
    hand_over("memfd", memfd_create("f", MFD_CLOEXEC), -ENOTSOCK);
    hand_over("directory", opened("/", O_RDONLY | O_DIRECTORY), -ENOTSOCK);
    hand_over("process", (int)syscall(SYS_pidfd_open, getpid(), 0), -ENOTSOCK);
    hand_over("namespace", opened("/proc/self/ns/net", O_RDONLY), -ENOTSOCK);
    hand_over("map", world_map(the_world, "traffic_cookie_tag_map"), -ENOTSOCK);
}

/* A path is not open for anything: to the kernel's getsockopt(), and so to netd's client, it is no descriptor at all.
 */
static void test_paths(void **state)
{
    (void)state;
    hand_over("path of a file", opened(the_world->config, O_PATH), -EBADF);
    hand_over("path of a socket", opened(the_world->fwmarkd, O_PATH), -EBADF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sockets_of_ours),
        cmocka_unit_test(test_mptcp_sockets),
        cmocka_unit_test(test_tcp_sockets_in_use),
        cmocka_unit_test(test_other_families),
        cmocka_unit_test(test_connection_itself),
        cmocka_unit_test(test_what_is_no_socket),
        cmocka_unit_test(test_paths),
    };

    return run_shared("sockets handed to fwmarkd", tests, ARRAY_SIZE(tests));
}
