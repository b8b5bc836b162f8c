/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* To the byte, off the beaten track: headers with options under segmentation, ping and raw sockets, loopback. */
#include <errno.h>
#include <linux/udp.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "kit.h"

#define UID 10001
#define BULK 1000000

static void set_option(int fd, int level, int option, const void *value, socklen_t size)
{
    assert_return_code(setsockopt(fd, level, option, value, size), errno);
}

/* IPv4: record route, 40 bytes. IPv6: 16 bytes of destination options, before them as much of hop-by-hop ones. */
static void add_options(int fd, int family)
{
    static const uint8_t record[40] = {7, 39, 4}, header[16] = {0, 1, 0x1e, 12};

    if (family == AF_INET) {
        set_option(fd, IPPROTO_IP, IP_OPTIONS, record, sizeof(record));
        return;
    }
    set_option(fd, IPPROTO_IPV6, IPV6_HOPOPTS, header, sizeof(header));
    set_option(fd, IPPROTO_IPV6, IPV6_DSTOPTS, header, sizeof(header));
}

/* The side that connected has options: on 6.18 an accepted IPv6 socket that is given some sends nothing any more. */
static void tcp_with_options(int family)
{
    struct wire_filter filter = {.family = family, .protocol = IPPROTO_TCP};

    for (int i = 0; i < 2; i++) {
        struct meter meter = meter_start(the_world, UID, &filter);
        struct tcp tcp = i ? tcp_accept(the_world, UID, family, 1) : tcp_connect(the_world, UID, family, 1);

        add_options(i ? tcp.b : tcp.a, family);
        transfer(tcp.a, tcp.b, BULK, 1 << 20);
        transfer(tcp.b, tcp.a, BULK, 1 << 20);
        tcp_end(&tcp, true);
        meter_exact(&meter);
    }
}

static void test_tcp_with_options_in_the_network_header(void **state)
{
    (void)state;
    each_offload(tcp_with_options);
}

static void udp_gso_with_options(int family)
{
    static char block[65536];
    struct wire_filter filter = {.family = family, .protocol = IPPROTO_UDP};
    struct meter meter = meter_start(the_world, UID, &filter);
    struct udp udp = udp_pair(the_world, UID, family, 1);
    int segment = 700, from[2] = {udp.a, udp.b};

    for (int i = 0; i < 2; i++) {
        add_options(from[i], family);
        set_option(from[i], IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment));
        set_option(from[i], IPPROTO_UDP, UDP_GRO, &(int){1}, sizeof(int));
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(send(from[i], block, 21011, 0), 21011);
        receive_all(from[!i], 21011);
    }
    udp_close(&udp);
    meter_exact(&meter);
}

static void test_udp_gso_with_options_in_the_network_header(void **state)
{
    (void)state;
    each_offload(udp_gso_with_options);
}

/* An echo of size bytes, by a socket of a plain user; B's kernel answers. */
static void ping(int family, size_t size)
{
    bool v4 = family == AF_INET;
    uint8_t protocol = v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
    _cleanup_fd_ int fd = socket_as(the_world, PLACE_A, UID, family, SOCK_DGRAM, protocol);
    union address at = address_of(family, 3, 0), to = address_of(family, 0, 0);
    struct wire_filter filter = {.family = family, .protocol = protocol, .address = 3};
    static uint8_t packet[65536], answer[65536];
    struct meter meter;

    assert_true(fd >= 0);
    bind_to(fd, &at);
    packet[0] = v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
    meter = meter_start(the_world, UID, &filter);
    assert_int_equal(sendto(fd, packet, size, 0, &to.any, address_size(&to)), size);
    wait_for(fd, POLLIN);
    assert_int_equal(recv(fd, answer, sizeof(answer), 0), size);
    meter_exact(&meter);
}

static void test_ping(void **state)
{
    static const size_t sizes[] = {8, 64, 1452, 1453, 1480, 1481, 5000, 60000};

    (void)state;
    assert_int_equal(world_sysctl(the_world, PLACE_A, "ipv4/ping_group_range", "0 20000"), 0);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        ping(AF_INET, sizes[i]);
        ping(AF_INET6, sizes[i]);
    }
}

/* A protocol that only its two raw sockets know. */
static void raw(int family, size_t size)
{
    static uint8_t packet[65536], got[65536];
    struct wire_filter filter = {.family = family, .protocol = 253};
    _cleanup_fd_ int a = socket_as(the_world, PLACE_A, 0, family, SOCK_RAW, 253);
    _cleanup_fd_ int b = socket_as(the_world, PLACE_B, 0, family, SOCK_RAW, 253);
    union address to_a = address_of(family, 1, 0), to_b = address_of(family, 0, 0);
    struct meter meter;

    assert_return_code(fchown(a, UID, UID), errno);
    meter = meter_start(the_world, UID, &filter);
    assert_int_equal(sendto(a, packet, size, 0, &to_b.any, address_size(&to_b)), size);
    wait_for(b, POLLIN);
    assert_true(recv(b, got, sizeof(got), 0) > 0);
    assert_int_equal(sendto(b, packet, size, 0, &to_a.any, address_size(&to_a)), size);
    wait_for(a, POLLIN);
    assert_true(recv(a, got, sizeof(got), 0) > 0);
    meter_exact(&meter);
}

static void test_raw(void **state)
{
    static const size_t sizes[] = {1, 1000, 1480, 1481, 5000};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        raw(AF_INET, sizes[i]);
        raw(AF_INET6, sizes[i]);
    }
}

/* Handed in whole with its own header: what is longer than the route is cut like anything else. */
static void test_raw_with_its_own_header(void **state)
{
    static uint8_t packet[1400];
    struct iphdr *ip = (struct iphdr *)packet;
    struct wire_filter filter = {.family = AF_INET, .protocol = 253};
    _cleanup_fd_ int fd = socket_as(the_world, PLACE_A, 0, AF_INET, SOCK_RAW, IPPROTO_RAW);
    union address from = address_of(AF_INET, 1, 0), to = address_of(AF_INET, 0, 0);
    struct meter meter;

    (void)state;
    *ip = (struct iphdr){.version = 4, .ihl = 5, .ttl = 64, .protocol = 253};
    ip->saddr = from.v4.sin_addr.s_addr;
    ip->daddr = to.v4.sin_addr.s_addr;
    assert_return_code(fchown(fd, UID, UID), errno);
    route_to_b("mtu 1000");
    meter = meter_start(the_world, UID, &filter);
    for (size_t size = 900; size <= sizeof(packet); size += 100) {
        ip->tot_len = htons(size);
        assert_int_equal(sendto(fd, packet, size, 0, &to.any, sizeof(to.v4)), size);
    }
    route_to_b("");
    meter_exact(&meter);
    assert_int_equal(meter_wire(&meter).tx_packets, 2 + 4 * 2);
}

/* Whole datagrams on loopback, whose mtu is 65536: sent and received once each, under its own interface. */
static void loopback(int family)
{
    union address at = {.any.sa_family = (sa_family_t)family};
    int fd = socket_as(the_world, PLACE_A, UID, family, SOCK_DGRAM, 0);
    struct tctl_filter lo = {
        .has_uid = true, .uid = UID, .ifaces = (const char *const[]){"lo"}, .iface_count = 1, .has_tag = true};
    struct tctl_counters before = detail_sum(the_world, &lo), grown;
    uint64_t bytes = (family == AF_INET ? 28 : 48) + 40000;

    if (family == AF_INET)
        at.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        at.v6.sin6_addr = in6addr_loopback;
    bind_to(fd, &at);
    at = name_of(fd);
    assert_return_code(connect(fd, &at.any, address_size(&at)), errno);
    udp_send(fd, fd, 40000);
    fd_close(fd);
    grown = counters_less(detail_sum(the_world, &lo), before);
    assert_counters_equal("loopback", grown, (struct tctl_counters){bytes, 1, bytes, 1});
}

static void test_loopback(void **state)
{
    (void)state;
    loopback(AF_INET);
    loopback(AF_INET6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tcp_with_options_in_the_network_header),
        cmocka_unit_test(test_udp_gso_with_options_in_the_network_header),
        cmocka_unit_test(test_ping),
        cmocka_unit_test(test_raw),
        cmocka_unit_test(test_raw_with_its_own_header),
        cmocka_unit_test(test_loopback),
    };

    return run_both("exact: more", tests, ARRAY_SIZE(tests));
}
