/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Forwarded packets, those that nobody's socket sent, and super-packets: counted as on the wire, and told apart. Root.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fault.h"
#include "fd.h"
#include "links.h"
#include "meter.h"
#include "router.h"

static struct links *links;
static struct router router;

static int set_up(bool percpu, bool rules)
{
    links = links_new(percpu);
    router = router_new(links->world);
    if (rules)
        links_on_by_rules(links);
    else
        links_on(links);
    return 0;
}

static int set_up_shared(void **state)
{
    (void)state;
    return set_up(false, false);
}

static int set_up_percpu(void **state)
{
    (void)state;
    return set_up(true, false);
}

static int set_up_rules(void **state)
{
    (void)state;
    return set_up(false, true);
}

static int tear_down(void **state)
{
    (void)state;
    router_free(&router);
    links = links_free(links);
    return 0;
}

static const int FAMILIES[] = {AF_INET, AF_INET6};

static struct tctl_stats_value less(struct tctl_stats_value a, struct tctl_stats_value b)
{
    return (struct tctl_stats_value){a.rx_packets - b.rx_packets, a.rx_bytes - b.rx_bytes, a.tx_packets - b.tx_packets,
                                     a.tx_bytes - b.tx_bytes};
}

static void check_equal(const char *what, struct tctl_stats_value got, struct tctl_stats_value expected)
{
    if (memcmp(&got, &expected, sizeof(got)) != 0)
        fail_msg("%s: rx %lu/%lu tx %lu/%lu, expected rx %lu/%lu tx %lu/%lu", what, got.rx_packets, got.rx_bytes,
                 got.tx_packets, got.tx_bytes, expected.rx_packets, expected.rx_bytes, expected.tx_packets,
                 expected.tx_bytes);
}

static struct tctl_stats_value row_of(uint32_t iface)
{
    return fixture_row(links->fixture, PIN_IFACE_STATS, &iface);
}

/* What stands in maps and at C's device before something is sent. */
struct before {
    struct tctl_stats_value row0, row1, device;
    struct tctl_iface_parts part0, part1;
};

static struct before start(void)
{
    links_start(links);
    return (struct before){row_of(links->a0), row_of(router.a1), router_device(&router), links_parts(links, links->a0),
                           links_parts(links, router.a1)};
}

/* Both interfaces count what crossed their wires, and all of it was forwarded. */
static void check_forwarded(const struct before *before)
{
    struct tctl_stats_value row0 = less(row_of(links->a0), before->row0), row1 = less(row_of(router.a1), before->row1);
    struct tctl_stats_value device = less(router_device(&router), before->device);
    struct tctl_iface_parts part0 = links_parts(links, links->a0), part1 = links_parts(links, router.a1);

    links_exact(links);
    check_equal("a1", row1,
                (struct tctl_stats_value){device.tx_packets, device.tx_bytes, device.rx_packets, device.rx_bytes});
    check_equal("forwarded at a0", less(part0.forwarded, before->part0.forwarded), row0);
    check_equal("forwarded at a1", less(part1.forwarded, before->part1.forwarded), row1);
    check_equal("ownerless at a0", less(part0.ownerless, before->part0.ownerless), (struct tctl_stats_value){0});
}

static const size_t SIZES[] = {0, 1200, 1380, 1472, 1473, 2960, 8192, 60000};

static void forward_datagrams(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(FAMILIES); i++) {
        struct udp udp = router_udp(&router, FAMILIES[i]);
        for (size_t k = 0; k < ARRAY_SIZE(SIZES); k++) {
            struct before before = start();
            udp_send(udp.a, udp.b, SIZES[k]);
            udp_send(udp.b, udp.a, SIZES[k]);
            check_forwarded(&before);
        }
        udp_close(&udp);
    }
}

static void run_in_a(const char *line)
{
    assert_int_equal(world_run(links->world, PLACE_A, "%s", line), 0);
}

/* Connection tracking puts fragments together behind our hook, and the kernel cuts them again behind the other one. */
static void track_connections(void)
{
    run_in_a("nft add table inet track");
    run_in_a("nft add chain inet track before { type filter hook prerouting priority 0 ; }");
    run_in_a("nft add rule inet track before ct state new accept");
}

static void test_forwarded_datagrams(void **state)
{
    (void)state;
    forward_datagrams();
}

static void test_forwarded_datagrams_that_are_tracked(void **state)
{
    (void)state;
    track_connections();
    forward_datagrams();
}

/* Only IPv4 is cut on its way. */
static void test_forwarded_into_a_narrower_link(void **state)
{
    (void)state;
    run_in_a("ip link set a0 mtu 1400");
    for (int tracked = 0; tracked < 2; tracked++) {
        struct udp udp = router_udp(&router, AF_INET);
        for (size_t k = 0; k < ARRAY_SIZE(SIZES); k++) {
            struct before before = start();
            udp_send(udp.a, udp.b, SIZES[k]);
            links_exact(links);
            assert_int_equal(links_counted(links).tx_packets,
                             links_parts(links, links->a0).forwarded.tx_packets - before.part0.forwarded.tx_packets);
        }
        udp_close(&udp);
        track_connections();
    }
}

static void test_forwarded_tcp(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(FAMILIES); i++) {
        struct before before = start();
        struct tcp tcp = router_tcp(&router, FAMILIES[i]);
        transfer(tcp.a, tcp.b, 3000000, 100000);
        transfer(tcp.b, tcp.a, 3000000, 100000);
        tcp_end(&tcp, true);
        check_forwarded(&before);
    }
}

/* A socket's packets are neither forwarded nor nobody's, wherever they go. */
static void test_packets_of_sockets_have_no_such_part(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(FAMILIES); i++) {
        struct before before = start();
        struct udp udp = udp_pair(links->world, 10001, FAMILIES[i], 1);
        udp_send(udp.a, udp.b, 1000);
        udp_send(udp.b, udp.a, 1000);
        udp_send(udp.a, udp.b, 5000);
        udp_close(&udp);
        struct tctl_iface_parts parts = links_parts(links, links->a0);
        links_exact(links);
        assert_memory_equal(&parts, &before.part0, sizeof(parts));
    }
}

static void join(int fd, union address at, uint32_t group)
{
    struct ip_mreq request = {.imr_multiaddr.s_addr = htonl(group), .imr_interface = at.v4.sin_addr};

    assert_return_code(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof(request)), errno);
}

/* IGMP: the kernel tells the others on the link which groups somebody joins. */
static void test_packets_of_nobody(void **state)
{
    (void)state;
    struct before before = start();
    int teller = socket_as(links->world, PLACE_A, 10001, AF_INET, SOCK_DGRAM, 0);
    int told = socket_as(links->world, PLACE_B, 0, AF_INET, SOCK_RAW, IPPROTO_IGMP);

    assert_return_code(teller, -teller);
    assert_return_code(told, -told);
    join(told, address_of(AF_INET, 0, 0), 0xe0000016);   /* 224.0.0.22, where reports go */
    join(teller, address_of(AF_INET, 1, 0), 0xe9fc0001); /* 233.252.0.1, MCAST-TEST-NET */
    wait_for(told, POLLIN);
    struct tctl_stats_value sent = less(links_parts(links, links->a0).ownerless, before.part0.ownerless);
    assert_true(sent.tx_packets > 0);
    assert_true(sent.tx_bytes >= 32 * sent.tx_packets);
    assert_int_equal(sent.rx_packets, 0);
    fd_close(teller);
    fd_close(told);
}

/* What the device counts as one packet: with the merged part taken off, rows are what it says itself. */
static void test_super_packets_are_merged(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(FAMILIES); i++) {
        struct before before = start();
        struct tcp tcp = tcp_connect(links->world, 10001, FAMILIES[i], 1);
        transfer(tcp.a, tcp.b, 1000000, 100000);
        tcp_end(&tcp, true);
        struct tctl_stats_value merged = less(links_parts(links, links->a0).merged, before.part0.merged);
        struct tctl_stats_value counted = links_counted(links);
        uint32_t headers = FAMILIES[i] == AF_INET ? 52 : 72; /* with timestamps */
        links_exact(links);
        assert_true(merged.tx_packets > 600);
        assert_int_equal(merged.tx_bytes, merged.tx_packets * headers);
        assert_true(merged.tx_packets < counted.tx_packets);
    }
}

/* By links in both kinds of counters, and by rules: programs of another type that have to count the same. */
#define EACH(test)                                                                                                     \
    {#test, test, set_up_shared, tear_down, NULL}, {#test "_percpu", test, set_up_percpu, tear_down, NULL},            \
    {                                                                                                                  \
#test "_rules", test, set_up_rules, tear_down, NULL                                                            \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(test_forwarded_datagrams),
        EACH(test_forwarded_datagrams_that_are_tracked),
        EACH(test_forwarded_into_a_narrower_link),
        EACH(test_forwarded_tcp),
        EACH(test_packets_of_sockets_have_no_such_part),
        EACH(test_packets_of_nobody),
        EACH(test_super_packets_are_merged),
    };

    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: parts of interfaces", tests, NULL, NULL);
}
