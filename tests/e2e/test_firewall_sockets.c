/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Ways round a block by another kind of socket, option or system call. */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <cmocka.h>

#include "attempt.h"
#include "fd.h"
#include "uring.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static const int FAMILY[] = {AF_INET, AF_INET6};

static int udp_socket(const struct attempt *attempt)
{
    return socket(attempt->filter.family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static int tcp_socket(const struct attempt *attempt)
{
    return socket(attempt->to.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, attempt->number);
}

/* What fails on the way to the attempt proves nothing. */
static int beside(int r)
{
    return r == -EPERM ? -EBADE : r;
}

static void each_udp(actor_fn fn, unsigned chain)
{
    for (int i = 0; i < 2; i++) {
        struct attempt attempt = attempt_udp(FAMILY[i]);

        if (i > 0)
            barrier_up(chain);
        attempt_fails(fn, &attempt);
    }
}

static void each_tcp(actor_fn fn, unsigned chain, int number)
{
    for (int i = 0; i < 2; i++) {
        struct attempt attempt;
        _cleanup_fd_ int listener = attempt_tcp(FAMILY[i], &attempt);

        attempt.number = number;
        if (i > 0)
            barrier_up(chain);
        attempt_fails(fn, &attempt);
    }
}

/* connect() is no packet, and succeeds. */
static int connected_udp(int channel, void *arg)
{
    const struct attempt *attempt = arg;
    _cleanup_fd_ int fd = udp_socket(attempt);

    (void)channel;
    if (fd < 0 || connect(fd, &attempt->to.any, address_size(&attempt->to)) < 0)
        return beside(-errno);
    return send(fd, "x", 1, 0) == 1 ? 0 : -errno;
}

static void test_connected_udp(void **state)
{
    each_udp(connected_udp, *(unsigned *)*state);
}

static int many_messages(int channel, void *arg)
{
    struct attempt *attempt = arg;
    _cleanup_fd_ int fd = udp_socket(attempt);
    struct iovec data = {.iov_base = "x", .iov_len = 1};
    struct mmsghdr messages[3] = {0};

    (void)channel;
    for (int i = 0; i < 3; i++)
        messages[i].msg_hdr = (struct msghdr){
            .msg_name = &attempt->to, .msg_namelen = address_size(&attempt->to), .msg_iov = &data, .msg_iovlen = 1};
    return sendmmsg(fd, messages, 3, 0) == 3 ? 0 : -errno;
}

static void test_many_messages_at_once(void **state)
{
    each_udp(many_messages, *(unsigned *)*state);
}

/* A datagram that is kept back until there is more. */
static int corked(int channel, void *arg)
{
    struct attempt *attempt = arg;
    _cleanup_fd_ int fd = udp_socket(attempt);

    (void)channel;
    if (fd < 0 || connect(fd, &attempt->to.any, address_size(&attempt->to)) < 0 || send(fd, "x", 1, MSG_MORE) != 1)
        return beside(-errno);
    return send(fd, "y", 1, 0) == 1 ? 0 : -errno;
}

static void test_corked_datagram(void **state)
{
    each_udp(corked, *(unsigned *)*state);
}

static int segmented(int channel, void *arg)
{
    static const char block[4000];
    struct attempt *attempt = arg;
    _cleanup_fd_ int fd = udp_socket(attempt);

    (void)channel;
    if (fd < 0 || setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &(int){1000}, sizeof(int)) < 0)
        return beside(-errno);
    return sendto(fd, block, sizeof(block), 0, &attempt->to.any, address_size(&attempt->to)) > 0 ? 0 : -errno;
}

static void test_segmented_datagrams(void **state)
{
    each_udp(segmented, *(unsigned *)*state);
}

static int fragmented(int channel, void *arg)
{
    static const char block[60000];
    struct attempt *attempt = arg;
    _cleanup_fd_ int fd = udp_socket(attempt);

    (void)channel;
    return sendto(fd, block, sizeof(block), 0, &attempt->to.any, address_size(&attempt->to)) > 0 ? 0 : -errno;
}

static void test_fragmented_datagram(void **state)
{
    each_udp(fragmented, *(unsigned *)*state);
}

static int pinging(int channel, void *arg)
{
    const struct attempt *attempt = arg;
    bool ipv4 = attempt->filter.family == AF_INET;
    const struct icmphdr echo = {.type = ipv4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST};
    _cleanup_fd_ int fd = socket(attempt->filter.family, SOCK_DGRAM | SOCK_CLOEXEC, attempt->filter.protocol);

    (void)channel;
    if (fd < 0)
        return beside(-errno);
    return sendto(fd, &echo, sizeof(echo), 0, &attempt->to.any, address_size(&attempt->to)) > 0 ? 0 : -errno;
}

static void test_ping_socket(void **state)
{
    struct attempt attempt = attempt_udp(AF_INET);

    (void)state;
    attempt.filter.protocol = IPPROTO_ICMP;
    assert_int_equal(world_sysctl(the_world, PLACE_A, "ipv4/ping_group_range", "0 2147483647"), 0);
    attempt_fails(pinging, &attempt);
}

/* The kernel keeps the error of this one to itself (ping_v6_sendmsg() in net/ipv6/ping.c). */
static void test_ping_socket_of_ipv6_fails_silently(void **state)
{
    struct attempt attempt = attempt_udp(AF_INET6);
    struct tctl_counters counters;

    (void)state;
    attempt.filter.protocol = IPPROTO_ICMPV6;
    assert_int_equal(world_sysctl(the_world, PLACE_A, "ipv4/ping_group_range", "0 2147483647"), 0);
    for (int blocked = 1; blocked >= 0; blocked--) {
        assert_int_equal(wire_reset(the_world), 0);
        assert_int_equal(as_uid(the_world, PLACE_A, BARRIER_USER, pinging, &attempt), 0);
        assert_int_equal(wire_count(the_world, &attempt.filter, &counters), 0);
        assert_int_equal(counters.tx_packets == 0, blocked);
        barrier_down();
    }
}

static int connecting(int channel, void *arg)
{
    const struct attempt *attempt = arg;
    _cleanup_fd_ int fd = tcp_socket(attempt);

    (void)channel;
    return attempt_connect(fd, &attempt->to);
}

static bool kernel_has(int protocol)
{
    _cleanup_fd_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, protocol);

    return fd >= 0;
}

static void test_multipath_tcp(void **state)
{
    if (!kernel_has(IPPROTO_MPTCP))
        skip_because("this kernel has no MPTCP", false);
    each_tcp(connecting, *(unsigned *)*state, IPPROTO_MPTCP);
}

static int sending_sctp(int channel, void *arg)
{
    const struct attempt *attempt = arg;
    _cleanup_fd_ int fd = socket(AF_INET, SOCK_SEQPACKET | SOCK_CLOEXEC, IPPROTO_SCTP);

    (void)channel;
    return attempt_send(fd, &attempt->to);
}

static void test_sctp(void **state)
{
    struct attempt attempt = attempt_udp(AF_INET);

    (void)state;
    if (!kernel_has(IPPROTO_SCTP))
        skip_because("this kernel has no SCTP", true);
    attempt.filter.protocol = IPPROTO_SCTP;
    attempt_fails(sending_sctp, &attempt);
}

static int connecting_mapped(int channel, void *arg)
{
    const struct attempt *attempt = arg;
    struct attempt mapped = {.to.v6 = {.sin6_family = AF_INET6, .sin6_port = attempt->to.v4.sin_port}};

    mapped.to.v6.sin6_addr.s6_addr32[2] = htonl(0xFFFF);
    mapped.to.v6.sin6_addr.s6_addr32[3] = attempt->to.v4.sin_addr.s_addr;
    return connecting(channel, &mapped);
}

static void test_mapped_address(void **state)
{
    struct attempt attempt;
    _cleanup_fd_ int listener = attempt_tcp(AF_INET, &attempt);

    (void)state;
    attempt_fails(connecting_mapped, &attempt);
}

static int bound_and_connecting(int channel, void *arg)
{
    const struct attempt *attempt = arg;
    union address at = address_of(attempt->to.any.sa_family, 1, 0);
    _cleanup_fd_ int fd = tcp_socket(attempt);

    (void)channel;
    if (fd < 0 || bind(fd, &at.any, address_size(&at)) < 0)
        return beside(-errno);
    return attempt_connect(fd, &attempt->to);
}

static void test_bound_socket(void **state)
{
    each_tcp(bound_and_connecting, *(unsigned *)*state, 0);
}

static bool has_no_address(int fd)
{
    const union address now = name_of(fd);

    if (now.any.sa_family == AF_INET)
        return now.v4.sin_port == 0 && now.v4.sin_addr.s_addr == 0;
    return now.v6.sin6_port == 0 && IN6_IS_ADDR_UNSPECIFIED(&now.v6.sin6_addr);
}

/* Whether an address is this machine's is not to be told by what such a socket may have; it keeps what it had. */
static int free_to_bind(int channel, void *arg)
{
    const struct attempt *attempt = arg;
    _cleanup_fd_ int fd = tcp_socket(attempt);
    int r;

    (void)channel;
    if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &(int){1}, sizeof(int)) < 0)
        return beside(-errno);
    r = attempt_connect(fd, &attempt->to);
    return r < 0 && !has_no_address(fd) ? -EBADE : r;
}

static void test_socket_that_may_have_any_address(void **state)
{
    each_tcp(free_to_bind, *(unsigned *)*state, 0);
}

static int fast_open(int channel, void *arg)
{
    const struct attempt *attempt = arg;
    const struct linger reset = {.l_onoff = 1};
    const struct timeval patience = {.tv_sec = 3};
    _cleanup_fd_ int fd = socket(attempt->filter.family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)channel;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
        return beside(-errno);
    return sendto(fd, "x", 1, MSG_FASTOPEN, &attempt->to.any, address_size(&attempt->to)) == 1 ? 0 : -errno;
}

static int fast_open_connect(int channel, void *arg)
{
    const struct attempt *attempt = arg;
    const struct timeval patience = {.tv_sec = 3};
    _cleanup_fd_ int fd = socket(attempt->filter.family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int r;

    (void)channel;
    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &(int){1}, sizeof(int)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
        return beside(-errno);
    r = attempt_connect(fd, &attempt->to);
    return r ?: send(fd, "x", 1, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

/* With data in the first packet: without a cookie, too. */
static void test_fast_open(void **state)
{
    assert_int_equal(world_sysctl(the_world, PLACE_A, "ipv4/tcp_fastopen", "1029"), 0);
    each_tcp(fast_open, *(unsigned *)*state, 0);
    barrier_up(*(unsigned *)*state);
    each_tcp(fast_open_connect, *(unsigned *)*state, 0);
    assert_int_equal(world_sysctl(the_world, PLACE_A, "ipv4/tcp_fastopen", "1"), 0);
}

/* connect() to nowhere begins anew. */
static int connecting_again(int channel, void *arg)
{
    const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    const struct attempt *attempt = arg;
    _cleanup_fd_ int fd = tcp_socket(attempt);
    int r = attempt_connect(fd, &attempt->to);

    (void)channel;
    if (r < 0 && (connect(fd, &nowhere, sizeof(nowhere)) < 0 || attempt_connect(fd, &attempt->to) != r))
        return -EBADE;
    return r;
}

static void test_connecting_again(void **state)
{
    each_tcp(connecting_again, *(unsigned *)*state, 0);
}

static int uring_connect(int channel, void *arg)
{
    const struct attempt *attempt = arg;
    const struct linger reset = {.l_onoff = 1};
    _cleanup_fd_ int fd = socket(attempt->filter.family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct io_uring_sqe operation = {
        .opcode = IORING_OP_CONNECT, .fd = fd, .addr = (uintptr_t)&attempt->to, .off = address_size(&attempt->to)};

    (void)channel;
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    return uring_do(&operation);
}

static int uring_send(int channel, void *arg)
{
    const struct attempt *attempt = arg;
    _cleanup_fd_ int fd = udp_socket(attempt);
    const struct io_uring_sqe operation = {.opcode = IORING_OP_SEND, .fd = fd, .addr = (uintptr_t) "x", .len = 1};
    int r;

    (void)channel;
    if (fd < 0 || connect(fd, &attempt->to.any, address_size(&attempt->to)) < 0)
        return beside(-errno);
    r = uring_do(&operation);
    return r < 0 ? r : 0;
}

static void test_uring(void **state)
{
    if (uring_do(&(struct io_uring_sqe){.opcode = IORING_OP_NOP}) < 0)
        skip_because("this kernel has no io_uring", false);
    each_udp(uring_send, *(unsigned *)*state);
    barrier_up(*(unsigned *)*state);
    each_tcp(uring_connect, *(unsigned *)*state, 0);
}

/* Whichever call puts it in. */
static void put_in(const struct tcp *tcp)
{
    _cleanup_fd_ int file = memfd_create("file", MFD_CLOEXEC), from = -1, into = -1;
    int pipes[2];

    assert_return_code(pipe2(pipes, O_CLOEXEC), errno);
    from = pipes[0];
    into = pipes[1];
    assert_int_equal(send(tcp->a, "send", 4, MSG_NOSIGNAL), 4);
    assert_int_equal(write(into, "splice", 6), 6);
    assert_int_equal(splice(from, NULL, tcp->a, NULL, 6, 0), 6);
    assert_int_equal(write(file, "sendfile", 8), 8);
    assert_int_equal(sendfile(tcp->a, file, &(off_t){0}, 8), 8);
}

/* A connection from before: what is put in no longer leaves. */
static void test_established_connection(void **state)
{
    struct wire_filter filter = {.family = AF_INET, .protocol = IPPROTO_TCP};
    struct tctl_counters counters;
    struct tcp tcp;

    barrier_down();
    tcp = tcp_connect(the_world, BARRIER_USER, AF_INET, 1);
    transfer(tcp.a, tcp.b, 1000, 1000);
    acknowledge(tcp.b);
    barrier_up(*(unsigned *)*state);
    assert_int_equal(wire_reset(the_world), 0);
    put_in(&tcp);
    assert_int_equal(wire_count(the_world, &filter, &counters), 0);
    assert_int_equal(counters.tx_packets, 0);
    barrier_down();
    receive_all(tcp.b, 18); /* it goes on where it was */
    tcp_end(&tcp, true);
}

/* Nothing of this is IP. */
static int ask_for_links(int channel, void *arg)
{
    struct {
        struct nlmsghdr head;
        struct rtgenmsg body;
    } ask = {{.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtgenmsg)),
              .nlmsg_type = RTM_GETLINK,
              .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
             {.rtgen_family = AF_UNSPEC}};
    _cleanup_fd_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    char answer[8192];

    (void)channel;
    (void)arg;
    return fd < 0 || send(fd, &ask, ask.head.nlmsg_len, 0) < 0 || recv(fd, answer, sizeof(answer), 0) <= 0 ? -errno : 0;
}

static void test_netlink_goes_on(void **state)
{
    (void)state;
    assert_int_equal(as_uid(the_world, PLACE_A, BARRIER_USER, ask_for_links, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BARRIER_TESTS(test_connected_udp),
        BARRIER_TESTS(test_many_messages_at_once),
        BARRIER_TESTS(test_corked_datagram),
        BARRIER_TESTS(test_segmented_datagrams),
        BARRIER_TESTS(test_fragmented_datagram),
        BARRIER_TESTS(test_ping_socket),
        BARRIER_TESTS(test_ping_socket_of_ipv6_fails_silently),
        BARRIER_TESTS(test_multipath_tcp),
        BARRIER_TESTS(test_sctp),
        BARRIER_TESTS(test_mapped_address),
        BARRIER_TESTS(test_bound_socket),
        BARRIER_TESTS(test_socket_that_may_have_any_address),
        BARRIER_TESTS(test_fast_open),
        BARRIER_TESTS(test_connecting_again),
        BARRIER_TESTS(test_uring),
        BARRIER_TESTS(test_established_connection),
        BARRIER_TESTS(test_netlink_goes_on),
    };

    return run_shared("ways round: sockets", tests, ARRAY_SIZE(tests));
}
