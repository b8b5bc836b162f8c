/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Who pays: accepted, chowned and passed-on sockets, other network namespaces, MPTCP. User namespaces: test_userns.c.
 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "kit.h"

#define FIRST 10001
#define SECOND 10002
#define THIRD 10003
#define FOURTH 10004
#define MPTCP_ADDRESS 9

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static const struct wire_filter UDP4 = {.family = AF_INET, .protocol = IPPROTO_UDP};
static const struct wire_filter TCP4 = {.family = AF_INET, .protocol = IPPROTO_TCP};

static void both_ways(const struct udp *udp)
{
    udp_send(udp->a, udp->b, 100);
    udp_send(udp->b, udp->a, 200);
}

static void test_chowned_socket_changes_its_payer(void **state)
{
    struct udp udp = udp_pair(the_world, FIRST, AF_INET, 1);
    struct meter first = meter_start(the_world, FIRST, &UDP4), second;

    (void)state;
    both_ways(&udp);
    meter_exact(&first);
    assert_return_code(fchown(udp.a, SECOND, SECOND), errno);
    first = meter_start(the_world, FIRST, &UDP4);
    second = meter_start(the_world, SECOND, &UDP4);
    both_ways(&udp);
    meter_exact(&second);
    assert_counters_equal("the owner before", meter_counted(&first), (struct tctl_counters){0});
    udp_close(&udp);
}

/* Two acceptors of one listener, one after the other. */
static void test_accepted_socket_is_the_acceptors(void **state)
{
    struct tcp tcp = tcp_accept(the_world, FIRST, AF_INET, 1);
    struct meter meter = meter_start(the_world, FIRST, &TCP4), second;
    union address at_a = name_of(tcp.listener);
    struct tcp more = {.listener = tcp.listener, .b = socket_as(the_world, PLACE_B, 0, AF_INET, SOCK_STREAM, 0)};

    (void)state;
    transfer(tcp.a, tcp.b, 5000, 1000);
    meter_exact(&meter);
    assert_true(connect(more.b, &at_a.any, sizeof(at_a.v4)) == 0 || errno == EINPROGRESS);
    more.a = accept_as(the_world, PLACE_A, SECOND, more.listener);
    assert_true(more.a >= 0);
    meter = meter_start(the_world, FIRST, &TCP4);
    second = meter_start(the_world, SECOND, &TCP4);
    transfer(more.a, more.b, 5000, 1000);
    transfer(more.b, more.a, 7000, 1000);
    more.listener = -1;
    tcp_end(&more, true);
    meter_exact(&second);
    assert_counters_equal("the listener's owner", meter_counted(&meter), (struct tctl_counters){0});
    tcp_end(&tcp, true);
}

static int use_passed(int channel, void *arg)
{
    int fd = channel_recv_fd(channel);

    (void)arg;
    return fd < 0 ? fd : send(fd, "hello", 5, 0) == 5 ? 0 : -errno;
}

/* Owner, not user: a descriptor is passed on, and its maker goes on paying until somebody chowns it. */
static void test_passed_on_socket_is_its_makers(void **state)
{
    struct udp udp = udp_pair(the_world, FIRST, AF_INET, 1);
    struct meter maker = meter_start(the_world, FIRST, &UDP4), user = meter_start(the_world, SECOND, &UDP4);
    struct actor actor;

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(actor_start(the_world, PLACE_A, SECOND, use_passed, NULL, &actor), 0);
        assert_int_equal(channel_send_fd(actor.channel, udp.a), 0);
        assert_int_equal(actor_wait(&actor), 0);
        if (i)
            break;
        meter_exact(&maker);
        assert_counters_equal("the user", meter_counted(&user), (struct tctl_counters){0});
        assert_return_code(fchown(udp.a, SECOND, SECOND), errno);
        maker = meter_start(the_world, FIRST, &UDP4);
        user = meter_start(the_world, SECOND, &UDP4);
    }
    meter_exact(&user);
    assert_counters_equal("the maker", meter_counted(&maker), (struct tctl_counters){0});
    udp_close(&udp);
}

/* In the world's cgroup, but in B's network: sends from B to A. */
static int send_from_b(int channel, void *arg)
{
    union address to = *(union address *)arg;
    _cleanup_fd_ int fd = -1;

    (void)channel;
    if (setns(the_world->netns[PLACE_B], CLONE_NEWNET) < 0 || setresgid(THIRD, THIRD, THIRD) < 0 ||
        setresuid(THIRD, THIRD, THIRD) < 0)
        return -errno;
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    for (int i = 0; i < 5; i++)
        if (fd < 0 || sendto(fd, "hello", 5, 0, &to.any, sizeof(to.v4)) != 5)
            return -errno;
    return 0;
}

/* In A's network, but not in the world's cgroup. */
static int listen_outside(int channel, void *arg)
{
    const union address *at = arg;
    _cleanup_fd_ int fd = -1;

    if (setns(the_world->netns[PLACE_A], CLONE_NEWNET) < 0 || setresgid(FIRST, FIRST, FIRST) < 0 ||
        setresuid(FIRST, FIRST, FIRST) < 0)
        return -errno;
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, &at->any, sizeof(at->v4)) < 0 || listen(fd, 1) < 0)
        return -errno;
    return channel_send_fd(channel, fd);
}

/* Socket activation: the connection belongs to the cgroup of its listener, whoever accepts it. */
static void test_listener_from_outside_is_not_counted(void **state)
{
    struct meter meter = meter_start(the_world, FIRST, &TCP4);
    union address at_a = address_of(AF_INET, 1, 0);
    struct tcp tcp = {.b = socket_as(the_world, PLACE_B, 0, AF_INET, SOCK_STREAM, 0)};
    struct actor actor;

    (void)state;
    assert_int_equal(actor_start(the_world, PLACE_B, 0, listen_outside, &at_a, &actor), 0);
    tcp.listener = channel_recv_fd(actor.channel);
    assert_int_equal(actor_wait(&actor), 0);
    assert_true(tcp.listener >= 0);
    at_a = name_of(tcp.listener);
    assert_true(connect(tcp.b, &at_a.any, sizeof(at_a.v4)) == 0 || errno == EINPROGRESS);
    tcp.a = accept_as(the_world, PLACE_A, FIRST, tcp.listener);
    assert_true(tcp.a >= 0);
    transfer(tcp.a, tcp.b, 5000, 1000);
    tcp_end(&tcp, true);
    assert_true(meter_wire(&meter).tx_bytes > 5000);
    assert_counters_equal("counted", meter_counted(&meter), (struct tctl_counters){0});
}

static void test_other_network_namespace_has_no_interface(void **state)
{
    _cleanup_fd_ int receiver = socket_as(the_world, PLACE_A, FIRST, AF_INET, SOCK_DGRAM, 0);
    struct meter meter = meter_start(the_world, THIRD, &UDP4), reader = meter_start(the_world, FIRST, &UDP4);
    union address at_a = address_of(AF_INET, 1, 0);
    struct tctl_counters sent = {.tx_packets = 5, .tx_bytes = 5 * 33}, counted;

    (void)state;
    bind_to(receiver, &at_a);
    at_a = name_of(receiver);
    assert_int_equal(as_uid(the_world, PLACE_A, 0, send_from_b, &at_a), 0);
    assert_true(meter_reaches_tx(&meter, 5));
    assert_counters_equal("total", meter_counted(&meter), sent);
    counted = detail_sum(
        the_world,
        &(struct tctl_filter){
            .has_uid = true, .uid = THIRD, .ifaces = (const char *const[]){"0"}, .iface_count = 1, .has_tag = true});
    assert_counters_equal("rows without an interface", counted, uid_total(the_world, THIRD));
    meter_exact(&reader);
}

/* From an address of its own: connections of earlier tests may still say goodbye. */
static struct tcp mptcp_connect(void)
{
    union address at_a = address_of(AF_INET, MPTCP_ADDRESS, 0), at_b = address_of(AF_INET, 0, 0);
    struct tcp tcp = {.a = socket_as(the_world, PLACE_A, FOURTH, AF_INET, SOCK_STREAM, IPPROTO_MPTCP),
                      .listener = socket_as(the_world, PLACE_B, 0, AF_INET, SOCK_STREAM, IPPROTO_MPTCP)};

    if (tcp.a < 0 || tcp.listener < 0)
        skip_because("this kernel has no MPTCP", false);
    bind_to(tcp.a, &at_a);
    bind_to(tcp.listener, &at_b);
    assert_return_code(listen(tcp.listener, 1), errno);
    at_b = name_of(tcp.listener);
    tag_write(the_world, tcp.a, FOURTH, 77);
    assert_true(connect(tcp.a, &at_b.any, sizeof(at_b.v4)) == 0 || errno == EINPROGRESS);
    tcp.b = accept_as(the_world, PLACE_B, 0, tcp.listener);
    assert_true(tcp.b >= 0);
    return tcp;
}

/* The tag is on the cookie of the descriptor; packets carry subflows of their own cookies. */
static void test_mptcp_is_tagged_by_its_descriptor(void **state)
{
    struct tctl_counters tagged = tag_sum(the_world, FOURTH, 77);
    struct wire_filter own = {.family = AF_INET, .protocol = IPPROTO_TCP, .address = MPTCP_ADDRESS};
    struct meter meter = meter_start(the_world, FOURTH, &own);
    struct tcp tcp = mptcp_connect();

    (void)state;
    transfer(tcp.a, tcp.b, 300000, 10000);
    transfer(tcp.b, tcp.a, 300000, 10000);
    meter_exact(&meter);
    assert_counters_equal("rows of the tag", counters_less(tag_sum(the_world, FOURTH, 77), tagged),
                          meter_counted(&meter));
    fd_close(tcp.a);
    fd_close(tcp.b);
    fd_close(tcp.listener);
}

/* A listener's tag outlives the connections taken from it. */
static void test_mptcp_listener_keeps_its_tag(void **state)
{
    union address at_a = address_of(AF_INET, 1, 0);
    int listener = socket_as(the_world, PLACE_A, FIRST, AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
    struct tctl_counters before, after;

    (void)state;
    if (listener < 0)
        skip_because("this kernel has no MPTCP", false);
    tag_write(the_world, listener, FIRST, 78);
    bind_to(listener, &at_a);
    assert_return_code(listen(listener, 4), errno);
    at_a = name_of(listener);
    for (int i = 0; i < 3; i++) {
        int peer = socket_as(the_world, PLACE_B, 0, AF_INET, SOCK_STREAM, IPPROTO_MPTCP), accepted;

        before = tag_sum(the_world, FIRST, 78);
        assert_true(connect(peer, &at_a.any, sizeof(at_a.v4)) == 0 || errno == EINPROGRESS);
        accepted = accept_as(the_world, PLACE_A, FIRST, listener);
        assert_true(accepted >= 0);
        after = counters_less(tag_sum(the_world, FIRST, 78), before);
        assert_true(after.rx_packets >= 2 && after.tx_packets >= 1); /* the handshake at least */
        fd_close(accepted);
        fd_close(peer);
    }
    assert_int_equal(map_rows(the_world, "traffic_cookie_tag_map"), 1);
    fd_close(listener);
    assert_int_equal(map_rows(the_world, "traffic_cookie_tag_map"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chowned_socket_changes_its_payer),
        cmocka_unit_test(test_accepted_socket_is_the_acceptors),
        cmocka_unit_test(test_passed_on_socket_is_its_makers),
        cmocka_unit_test(test_listener_from_outside_is_not_counted),
        cmocka_unit_test(test_other_network_namespace_has_no_interface),
        cmocka_unit_test(test_mptcp_listener_keeps_its_tag),
        cmocka_unit_test(test_mptcp_is_tagged_by_its_descriptor),
    };

    return run_both("owner", tests, ARRAY_SIZE(tests));
}
