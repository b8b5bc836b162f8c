/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* TCP: what is counted for a UID equals what the capture on the wire saw, packets and bytes. */
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "kit.h"

#define UID 10001
#define BULK 1500000

/* linux/if_link.h of 6.3 */
#ifndef IFLA_GRO_MAX_SIZE
#define IFLA_GRO_MAX_SIZE 58
#endif
#define TCTL_IFLA_GSO_IPV4_MAX_SIZE 63
#define TCTL_IFLA_GRO_IPV4_MAX_SIZE 64

static struct wire_filter tcp_of(int family)
{
    return (struct wire_filter){.family = family, .protocol = IPPROTO_TCP};
}

static void bulk_out(int family)
{
    struct wire_filter filter = tcp_of(family);
    struct meter meter = meter_start(the_world, UID, &filter);
    struct tcp tcp = tcp_connect(the_world, UID, family, 1);

    transfer(tcp.a, tcp.b, BULK, 1 << 20);
    tcp_end(&tcp, true);
    meter_exact(&meter);
}

static void bulk_in(int family)
{
    struct wire_filter filter = tcp_of(family);
    struct meter meter = meter_start(the_world, UID, &filter);
    struct tcp tcp = tcp_accept(the_world, UID, family, 1);

    transfer(tcp.b, tcp.a, BULK, 1 << 20);
    tcp_end(&tcp, false);
    meter_exact(&meter);
}

static void small(int family)
{
    struct wire_filter filter = tcp_of(family);
    struct meter meter = meter_start(the_world, UID, &filter);
    struct tcp tcp = tcp_connect(the_world, UID, family, 1);

    assert_return_code(setsockopt(tcp.a, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)), 0);
    for (size_t size = 1; size < 400; size += 37) {
        transfer(tcp.a, tcp.b, size, size);
        transfer(tcp.b, tcp.a, 3 * size, size);
    }
    tcp_end(&tcp, true);
    meter_exact(&meter);
}

static void test_tcp_bulk_sent(void **state)
{
    (void)state;
    each_offload(bulk_out);
    assert_true(wire_largest(the_world) > 1500); /* the last run had TSO: super-packets were there to be counted */
}

static void test_tcp_bulk_received(void **state)
{
    (void)state;
    each_offload(bulk_in);
}

static void test_tcp_small(void **state)
{
    (void)state;
    each_offload(small);
}

/* FIN and last ACK of a peer that the kernel keeps as a TIME_WAIT bucket only: one packet each way. */
static void closed(int family, bool a_first)
{
    int64_t bytes = family == AF_INET ? 52 : 72;
    struct wire_filter filter = tcp_of(family);
    struct meter meter = meter_start(the_world, UID, &filter);
    struct tcp tcp = tcp_connect(the_world, UID, family, 1);

    transfer(tcp.a, tcp.b, 100000, 10000);
    tcp_close(&tcp, a_first);
    if (a_first)
        meter_differs(&meter, &(struct meter_extra){-1, -bytes, -1, -bytes});
    else
        meter_exact(&meter);
}

static void test_tcp_plain_close_misses_time_wait(void **state)
{
    (void)state;
    closed(AF_INET, true);
    closed(AF_INET6, true);
}

static void test_tcp_plain_close_by_the_peer_misses_nothing(void **state)
{
    (void)state;
    closed(AF_INET, false);
    closed(AF_INET6, false);
}

struct link_request {
    struct nlmsghdr head;
    struct ifinfomsg link;
    struct {
        struct rtattr attr;
        uint32_t value;
    } set;
};

/* iproute2 of Debian 12 does not know the IPv4 sizes. */
static int link_set(enum place place, const char *device, uint16_t attribute, uint32_t value)
{
    _cleanup_fd_ int fd = socket_as(the_world, place, 0, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    struct link_request request = {
        .head = {.nlmsg_len = sizeof(request), .nlmsg_type = RTM_NEWLINK, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
        .set = {.attr = {.rta_len = RTA_LENGTH(4), .rta_type = attribute}, .value = value},
    };
    struct {
        struct nlmsghdr head;
        struct nlmsgerr error;
        char rest[256];
    } answer;
    struct ifreq name = {0};

    snprintf(name.ifr_name, sizeof(name.ifr_name), "%s", device);
    assert_return_code(ioctl(fd, SIOCGIFINDEX, &name), 0);
    request.link.ifi_index = name.ifr_ifindex;
    assert_int_equal(send(fd, &request, sizeof(request), 0), sizeof(request));
    wait_for(fd, POLLIN);
    assert_true(recv(fd, &answer, sizeof(answer), 0) > 0);
    return answer.error.error;
}

static int big_tcp(uint32_t size)
{
    static const uint16_t attributes[] = {IFLA_GSO_MAX_SIZE, IFLA_GRO_MAX_SIZE, TCTL_IFLA_GSO_IPV4_MAX_SIZE,
                                          TCTL_IFLA_GRO_IPV4_MAX_SIZE};
    int r = 0;

    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(attributes); i++)
        r = link_set(PLACE_A, "a0", attributes[i], size) ?: link_set(PLACE_B, "b0", attributes[i], size);
    return r;
}

static void test_tcp_big(void **state)
{
    (void)state;
    if (big_tcp(200000) < 0)
        skip_because("this kernel has no BIG TCP for IPv4 (6.3)", false);
    assert_int_equal(world_offload(the_world, true, true, true), 0);
    for (int i = 0; i < 4; i++) {
        bulk_out(i & 1 ? AF_INET6 : AF_INET);
        assert_true(wire_largest(the_world) > 65536);
        bulk_in(i & 1 ? AF_INET6 : AF_INET);
        assert_true(wire_largest(the_world) > 65536);
    }
    assert_int_equal(big_tcp(65536), 0);
}

static void links_mtu(unsigned mtu)
{
    static const char line[] = "ip link set %s mtu %u";

    assert_int_equal(world_run(the_world, PLACE_M, line, "br0", mtu), 0);
    assert_int_equal(world_run(the_world, PLACE_M, line, "m0", mtu), 0);
    assert_int_equal(world_run(the_world, PLACE_M, line, "m1", mtu), 0);
    assert_int_equal(world_run(the_world, PLACE_A, line, "a0", mtu), 0);
    assert_int_equal(world_run(the_world, PLACE_B, line, "b0", mtu), 0);
}

static void jumbo_udp(int family)
{
    struct wire_filter filter = {.family = family, .protocol = IPPROTO_UDP};
    struct meter meter = meter_start(the_world, UID, &filter);
    struct udp udp = udp_pair(the_world, UID, family, 1);

    udp_send(udp.a, udp.b, 8900);
    udp_send(udp.a, udp.b, 60000);
    udp_send(udp.b, udp.a, 8900);
    udp_send(udp.b, udp.a, 60000);
    udp_close(&udp);
    meter_exact(&meter);
}

static void test_jumbo_mtu(void **state)
{
    (void)state;
    links_mtu(9000);
    each_offload(bulk_out);
    each_offload(bulk_in);
    each_offload(jumbo_udp);
    links_mtu(1500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tcp_bulk_sent),
        cmocka_unit_test(test_tcp_bulk_received),
        cmocka_unit_test(test_tcp_small),
        cmocka_unit_test(test_tcp_plain_close_misses_time_wait),
        cmocka_unit_test(test_tcp_plain_close_by_the_peer_misses_nothing),
        cmocka_unit_test(test_tcp_big),
        cmocka_unit_test(test_jumbo_mtu),
    };

    return run_both("exact: TCP", tests, ARRAY_SIZE(tests));
}
