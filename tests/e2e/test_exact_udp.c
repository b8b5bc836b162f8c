/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* UDP: single datagrams, segmentation offload, fragments of every cause, extension headers. */
#include <linux/ip.h>
#include <linux/udp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fd.h"
#include "kit.h"

#define UID 10001

static struct wire_filter udp_of(int family)
{
    return (struct wire_filter){.family = family, .protocol = IPPROTO_UDP};
}

static void set_option(int fd, int level, int option, const void *value, socklen_t size)
{
    assert_return_code(setsockopt(fd, level, option, value, size), 0);
}

static void set_int(int fd, int level, int option, int value)
{
    set_option(fd, level, option, &value, sizeof(value));
}

/* Sizes around every border, both ways. */
static void exchange(const struct udp *udp, const size_t *sizes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        udp_send(udp->a, udp->b, sizes[i]);
        udp_send(udp->b, udp->a, sizes[i]);
    }
}

static const size_t WHOLE[] = {0, 1, 100, 1000, 1200};
static const size_t LARGE[] = {1452, 1453, 1472, 1473, 1480, 2000, 2960, 2961, 8192, 60000, 65487, 65507};

static void whole(int family)
{
    struct wire_filter filter = udp_of(family);
    struct meter meter = meter_start(the_world, UID, &filter);
    struct udp udp = udp_pair(the_world, UID, family, 1);

    exchange(&udp, WHOLE, ARRAY_SIZE(WHOLE));
    udp_close(&udp);
    meter_exact(&meter);
}

static void test_udp(void **state)
{
    (void)state;
    each_offload(whole);
}

static void fragmented(int family)
{
    struct wire_filter filter = udp_of(family);
    struct udp udp = udp_pair(the_world, UID, family, 1);

    for (size_t i = 0; i < ARRAY_SIZE(LARGE); i++) {
        struct meter meter = meter_start(the_world, UID, &filter);

        exchange(&udp, &LARGE[i], 1);
        meter_exact(&meter);
    }
    udp_close(&udp);
}

static void test_udp_larger_than_the_mtu(void **state)
{
    (void)state;
    each_offload(fragmented);
}

/* One send of many datagrams: the last is shorter than the others. */
static void segmented(int family, int segment, bool gro)
{
    static char block[65536];
    size_t size = (size_t)segment * 40 + 17;
    struct wire_filter filter = udp_of(family);
    struct meter meter = meter_start(the_world, UID, &filter);
    struct udp udp = udp_pair(the_world, UID, family, 1);

    set_int(udp.a, IPPROTO_UDP, UDP_SEGMENT, segment);
    set_int(udp.b, IPPROTO_UDP, UDP_SEGMENT, segment);
    set_int(udp.a, IPPROTO_UDP, UDP_GRO, gro);
    set_int(udp.b, IPPROTO_UDP, UDP_GRO, gro);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(send(udp.a, block, size, 0), size);
        receive_all(udp.b, size);
        assert_int_equal(send(udp.b, block, size, 0), size);
        receive_all(udp.a, size);
    }
    udp_close(&udp);
    meter_exact(&meter);
}

static void segmented_each(int family)
{
    segmented(family, 100, false);
    segmented(family, 1400, false);
    segmented(family, 100, true);
    segmented(family, 1400, true);
}

static void test_udp_gso(void **state)
{
    (void)state;
    each_offload(segmented_each);
}

static void test_udp_route_mtu(void **state)
{
    (void)state;
    route_to_b("mtu 1300");
    each_offload(fragmented);
    route_to_b("mtu lock 1400");
    each_offload(fragmented);
    route_to_b("");
}

/* A path mtu that the kernel learnt, rather than one that somebody configured: an ICMP error that B sends. */
static void learn_pmtu(struct udp *udp, int family)
{
    _cleanup_fd_ int raw =
        socket_as(the_world, PLACE_B, 0, family, SOCK_RAW, family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
    uint16_t ports[2] = {udp->at_a.v4.sin_port, udp->at_b.v4.sin_port};
    union address to = udp->at_a;
    uint8_t error4[36] = {
        [0] = 3, [1] = 4, [6] = 1280 >> 8, [7] = 1280 & 0xff, [8] = 0x45, [10] = 5, [11] = 0xdc, [16] = 64, [17] = 17};
    uint8_t error6[56] = {[0] = 2, [6] = 1280 >> 8, [7] = 1280 & 0xff, [8] = 0x60, [12] = 5, [14] = 17, [15] = 64};
    uint32_t sum = 0;

    assert_true(raw >= 0);
    if (family == AF_INET) {
        memcpy(error4 + 20, &udp->at_a.v4.sin_addr, 4);
        memcpy(error4 + 24, &udp->at_b.v4.sin_addr, 4);
        memcpy(error4 + 28, ports, 4);
        for (size_t i = 0; i < sizeof(error4); i += 2)
            sum += (uint32_t)(error4[i] << 8 | error4[i + 1]);
        sum = (sum & 0xffff) + (sum >> 16);
        sum = ~((sum & 0xffff) + (sum >> 16));
        error4[2] = (uint8_t)(sum >> 8);
        error4[3] = (uint8_t)sum;
        to.v4.sin_port = 0;
        assert_int_equal(sendto(raw, error4, sizeof(error4), 0, &to.any, sizeof(to.v4)), sizeof(error4));
    } else {
        memcpy(error6 + 16, &udp->at_a.v6.sin6_addr, 16);
        memcpy(error6 + 32, &udp->at_b.v6.sin6_addr, 16);
        memcpy(error6 + 48, ports, 4);
        to.v6.sin6_port = 0;
        assert_int_equal(sendto(raw, error6, sizeof(error6), 0, &to.any, sizeof(to.v6)), sizeof(error6));
    }
}

static void wait_for_mtu(int fd, int family, int mtu)
{
    int level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6, option = family == AF_INET ? IP_MTU : IPV6_MTU;
    uint64_t deadline = now_ms() + 3000;
    int got = 0;

    while (got != mtu && now_ms() < deadline) {
        socklen_t size = sizeof(got);

        assert_return_code(getsockopt(fd, level, option, &got, &size), 0);
    }
    assert_int_equal(got, mtu);
}

static void learnt(int family)
{
    static const size_t sizes[] = {1200, 1252, 1253, 1300, 1472, 5000};
    struct wire_filter filter = udp_of(family);
    struct udp udp = udp_pair(the_world, UID, family, 1);
    struct meter meter;

    if (family == AF_INET)
        set_int(udp.a, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_WANT);
    udp_send(udp.a, udp.b, 10);
    learn_pmtu(&udp, family);
    wait_for_mtu(udp.a, family, 1280);
    meter = meter_start(the_world, UID, &filter);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        /* with a learnt mtu the error may still be pending on the socket, and the first send would return it */
        assert_int_equal(getsockopt(udp.a, SOL_SOCKET, SO_ERROR, &(int){0}, &(socklen_t){sizeof(int)}), 0);
        udp_send(udp.a, udp.b, sizes[i]);
    }
    udp_close(&udp);
    meter_exact(&meter);
}

static void test_udp_learnt_mtu(void **state)
{
    (void)state;
    learnt(AF_INET);
    learnt(AF_INET6);
    assert_int_equal(world_run(the_world, PLACE_A, "ip route flush cache"), 0);
    assert_int_equal(world_run(the_world, PLACE_A, "ip -6 route flush cache"), 0);
}

/* What the socket says about path MTU decides which mtu holds. */
static void discover(int family, int mode, size_t largest)
{
    static const size_t sizes[] = {1200, 1300, 1400, 1440, 1473, 3000, 20000};
    int level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
    int option = family == AF_INET ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER;
    struct wire_filter filter = udp_of(family);
    struct udp udp = udp_pair(the_world, UID, family, 1);

    set_int(udp.a, level, option, mode);
    for (size_t i = 0; i < ARRAY_SIZE(sizes) && sizes[i] <= largest; i++) {
        struct meter meter = meter_start(the_world, UID, &filter);

        udp_send(udp.a, udp.b, sizes[i]);
        meter_exact(&meter);
    }
    udp_close(&udp);
}

static void test_udp_mtu_discovery_modes(void **state)
{
    (void)state;
    route_to_b("mtu 1300");
    for (int i = 0; i < 2; i++) {
        int family = i ? AF_INET6 : AF_INET;

        discover(family, IP_PMTUDISC_DONT, 20000);
        discover(family, IP_PMTUDISC_WANT, 20000);
        discover(family, IP_PMTUDISC_OMIT, 20000);
        discover(family, IP_PMTUDISC_INTERFACE, 1440);
        discover(family, IP_PMTUDISC_PROBE, 1440);
    }
    route_to_b("");
}

/* IPV6_MTU on a socket: its own size of fragments. */
static void test_udp6_fragment_size_of_the_socket(void **state)
{
    struct wire_filter filter = udp_of(AF_INET6);
    struct udp udp = udp_pair(the_world, UID, AF_INET6, 1);
    struct meter meter = meter_start(the_world, UID, &filter);

    (void)state;
    set_int(udp.a, IPPROTO_IPV6, IPV6_MTU, 1300);
    udp_send(udp.a, udp.b, 1252);
    udp_send(udp.a, udp.b, 1253);
    udp_send(udp.a, udp.b, 1400);
    udp_send(udp.a, udp.b, 10000);
    udp_close(&udp);
    meter_exact(&meter);
}

static void test_udp4_record_route(void **state)
{
    static const uint8_t record[40] = {7, 39, 4};
    static const size_t sizes[] = {10, 1000, 1432, 1433, 1440, 3000, 20000, 60000};
    struct wire_filter filter = udp_of(AF_INET);
    struct udp udp = udp_pair(the_world, UID, AF_INET, 1);

    (void)state;
    set_option(udp.a, IPPROTO_IP, IP_OPTIONS, record, sizeof(record));
    set_option(udp.b, IPPROTO_IP, IP_OPTIONS, record, sizeof(record));
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct meter meter = meter_start(the_world, UID, &filter);

        exchange(&udp, &sizes[i], 1);
        meter_exact(&meter);
    }
    udp_close(&udp);
}

/* Extension headers of 16 bytes: an option type that is skipped, filled with zeroes. */
static void extension(const struct udp *udp, int option)
{
    static const uint8_t header[16] = {0, 1, 0x1e, 12};

    set_option(udp->a, IPPROTO_IPV6, option, header, sizeof(header));
    set_option(udp->b, IPPROTO_IPV6, option, header, sizeof(header));
}

static void extended(bool hop, bool destination)
{
    static const size_t sizes[] = {10, 1000, 1404, 1420, 1421, 1436, 1437, 1452, 1453, 3000, 20000, 60000};
    struct wire_filter filter = udp_of(AF_INET6);
    struct udp udp = udp_pair(the_world, UID, AF_INET6, 1);

    if (hop)
        extension(&udp, IPV6_HOPOPTS);
    if (destination)
        extension(&udp, IPV6_DSTOPTS);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct meter meter = meter_start(the_world, UID, &filter);

        exchange(&udp, &sizes[i], 1);
        meter_exact(&meter);
    }
    udp_close(&udp);
}

static void test_udp6_destination_options(void **state)
{
    (void)state;
    extended(false, true);
}

static void test_udp6_hop_by_hop(void **state)
{
    (void)state;
    extended(true, false);
}

static void test_udp6_both_extension_headers(void **state)
{
    (void)state;
    extended(true, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_udp),
        cmocka_unit_test(test_udp_larger_than_the_mtu),
        cmocka_unit_test(test_udp_gso),
        cmocka_unit_test(test_udp_route_mtu),
        cmocka_unit_test(test_udp_mtu_discovery_modes),
        cmocka_unit_test(test_udp6_fragment_size_of_the_socket),
        cmocka_unit_test(test_udp4_record_route),
        cmocka_unit_test(test_udp6_destination_options),
        cmocka_unit_test(test_udp6_hop_by_hop),
        cmocka_unit_test(test_udp6_both_extension_headers),
        cmocka_unit_test(test_udp_learnt_mtu),
    };

    return run_both("exact: UDP", tests, ARRAY_SIZE(tests));
}
