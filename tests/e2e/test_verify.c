/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Every byte that links say they carried is a user's, or has a name. Interfaces are counted at BPF links. */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>

#include "fd.h"
#include "kit.h"
#include "program.h"
#include "verify_kit.h"

#define UID 10001
#define ETHERNET 14
#define ARP 28 /* bytes of a request for IPv4 */

static struct program said;

static void send_arp(enum place place, const char *device, unsigned int count)
{
    /* an answer that nobody asked for, about an address that nobody has: no one answers it, or notes it */
    static const uint8_t ANSWER[ARP] = {0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 0x77, 203, 0, 113, 7};
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP), .sll_halen = ETH_ALEN};
    _cleanup_fd_ int fd = socket_as(the_world, place, 0, AF_PACKET, SOCK_DGRAM, 0);

    assert_return_code(setns(the_world->netns[place], CLONE_NEWNET), errno);
    to.sll_ifindex = (int)if_nametoindex(device);
    assert_return_code(setns(the_world->home, CLONE_NEWNET), errno);
    memset(to.sll_addr, 0xff, ETH_ALEN);
    for (unsigned int i = 0; i < count; i++)
        assert_int_equal(sendto(fd, ANSWER, ARP, 0, (struct sockaddr *)&to, sizeof(to)), ARP);
}

/* Datagrams to a port in A that nobody has: A's kernel answers each, as far as it may. */
static void send_to_closed_port(int family, unsigned int count)
{
    union address to = address_of(family, 1, 9);
    _cleanup_fd_ int fd = socket_as(the_world, PLACE_B, 0, family, SOCK_DGRAM, 0);

    for (unsigned int i = 0; i < count; i++)
        assert_int_equal(sendto(fd, "closed", 6, 0, &to.any, address_size(&to)), 6);
}

static void traffic(int family)
{
    struct tcp tcp = tcp_connect(the_world, UID, family, 1);
    struct udp udp = udp_pair(the_world, UID + 1, family, 2);

    transfer(tcp.a, tcp.b, 300000, 65536);
    transfer(tcp.b, tcp.a, 300000, 65536);
    tcp_end(&tcp, false);
    for (size_t size = 1; size < 60000; size = size * 5 / 2 + 7) {
        udp_send(udp.a, udp.b, size);
        udp_send(udp.b, udp.a, size);
    }
    udp_close(&udp);
}

/* quiet: no kernel says anything of its own accord */
static void explains_traffic(int family, bool quiet)
{
    static const char *const NOTHING[] = {"other", "extra", "outside", "unlinked", "ownerless"};
    json_t *first = verify_all();

    traffic(family);
    json_t *then = verify_all();
    for (int out = 0; out < 2; out++) {
        const char *direction = out ? "tx" : "rx";
        for (size_t i = 0; i < (quiet ? ARRAY_SIZE(NOTHING) : 1); i++)
            assert_part(NOTHING[i], raised(first, then, direction, NOTHING[i]), 0, 0);
        assert_true(raised(first, then, direction, "users").bytes > 300000);
    }
    json_decref(first);
    json_decref(then);
}

static void explains_both(int family, bool quiet)
{
    static const bool OFFLOADS[][3] = {{false}, {false, true}, {false, true, true}, {true, true}, {true, true, true}};

    for (size_t i = 0; i < ARRAY_SIZE(OFFLOADS); i++) {
        begin(OFFLOADS[i][0], OFFLOADS[i][1], OFFLOADS[i][2]);
        explains_traffic(family, quiet);
    }
}

static void test_ipv6(void **state)
{
    (void)state;
    explains_both(AF_INET6, false);
}

/* From here on without IPv6, whose kernels report groups and ask for neighbours by themselves. */
static void test_ipv4(void **state)
{
    (void)state;
    assert_int_equal(world_sysctl(the_world, PLACE_A, "ipv6/conf/a0/disable_ipv6", "1"), 0);
    assert_int_equal(world_sysctl(the_world, PLACE_B, "ipv6/conf/b0/disable_ipv6", "1"), 0);
    explains_both(AF_INET, true);
}

/* One packet for the link, which says so little; the wire has them all. */
static void test_super_packets(void **state)
{
    begin(true, true, true);
    json_t *first = verify_all();

    (void)state;
    traffic(AF_INET);
    json_t *then = verify_all();
    struct part merged = raised(first, then, "tx", "merged");
    assert_true(merged.packets < -100 && merged.bytes < merged.packets * 40);
    json_decref(first);
    json_decref(then);
}

static void test_other_protocols(void **state)
{
    begin(true, true, true);
    json_t *first = verify_all();

    (void)state;
    send_arp(PLACE_A, "a0", 5);
    send_arp(PLACE_B, "b0", 3);
    json_t *then = verify_all();
    assert_part("tx", raised(first, then, "tx", "other"), 5, 5 * ARP);
    assert_part("rx", raised(first, then, "rx", "other"), 3, 3 * ARP);
    json_decref(first);
    json_decref(then);
}

static void test_closed_ports(void **state)
{
    begin(true, true, true);
    json_t *first = verify_all();

    (void)state;
    send_to_closed_port(AF_INET, 2);
    json_t *then = verify_all();
    assert_part("rx", raised(first, then, "rx", "ownerless"), 2, 2 * 34);
    assert_part("users", raised(first, then, "rx", "users"), 0, 0);
    /* the answers are sent by a socket of the kernel's, which was made with the namespace, outside the world's cgroup
     */
    assert_part("tx", raised(first, then, "tx", "outside"), 2, 2 * 62);
    json_decref(first);
    json_decref(then);
}

static void test_forwarded_packets(void **state)
{
    (void)state;
    assert_int_equal(world_sysctl(the_world, PLACE_A, "ipv4/ip_forward", "1"), 0);
    assert_int_equal(world_sysctl(the_world, PLACE_A, "ipv4/conf/a0/send_redirects", "0"), 0);
    assert_int_equal(world_sysctl(the_world, PLACE_A, "ipv4/conf/all/send_redirects", "0"), 0);
    assert_int_equal(world_run(the_world, PLACE_B, "ip route add 203.0.113.0/24 via 192.0.2.1 dev b0 onlink"), 0);
    assert_int_equal(world_run(the_world, PLACE_A, "ip route add 203.0.113.0/24 via 198.51.100.1 dev a0 onlink"), 0);
    begin(true, true, true);
    json_t *first = verify_all();
    /* to A and out again by the same interface, back to B, which drops it */
    assert_int_equal(world_sysctl(the_world, PLACE_B, "ipv4/ip_forward", "0"), 0);
    union address to = address_of(AF_INET, 1, 9);
    _cleanup_fd_ int fd = socket_as(the_world, PLACE_B, 0, AF_INET, SOCK_DGRAM, 0);

    to.v4.sin_addr.s_addr = inet_addr("203.0.113.5");
    for (int i = 0; i < 4; i++)
        assert_int_equal(sendto(fd, "onward", 6, 0, &to.any, address_size(&to)), 6);
    json_t *then = verify_all();
    assert_part("rx", raised(first, then, "rx", "forwarded"), 4, 4 * 34);
    assert_part("tx", raised(first, then, "tx", "forwarded"), 4, 4 * 34);
    assert_part("users", raised(first, then, "rx", "users"), 0, 0);
    json_decref(first);
    json_decref(then);
    assert_int_equal(world_run(the_world, PLACE_A, "ip route del 203.0.113.0/24"), 0);
    assert_int_equal(world_run(the_world, PLACE_B, "ip route del 203.0.113.0/24"), 0);
    assert_int_equal(world_sysctl(the_world, PLACE_A, "ipv4/ip_forward", "0"), 0);
}

/* More than the link brought: no honest counter says so. */
static void add_to_interface(int64_t packets)
{
    _cleanup_fd_ int map = world_map(the_world, "traffic_iface_stats_map");
    struct tctl_stats_value values[256] = {0}; /* of all CPUs */
    uint32_t index;

    assert_return_code(setns(the_world->netns[PLACE_A], CLONE_NEWNET), errno);
    index = if_nametoindex("a0");
    assert_return_code(setns(the_world->home, CLONE_NEWNET), errno);
    assert_return_code(bpf_map_lookup_elem(map, &index, values), errno);
    values[0].rx_packets += (uint64_t)packets;
    values[0].rx_bytes += (uint64_t)packets * 1000;
    assert_return_code(bpf_map_update_elem(map, &index, values, BPF_ANY), errno);
}

static void test_what_nobody_can_explain(void **state)
{
    (void)state;
    add_to_interface(1000000);
    json_t *document = verify("verify a0", 4);
    assert_true(part_of(side_of(document, "a0", "rx"), "unexplained").packets < -900000);
    add_to_interface(-1000000);
    json_decref(document);
    json_decref(verify_all());
}

static void test_text(void **state)
{
    (void)state;
    traffic(AF_INET);
    assert_return_code(setns(the_world->netns[PLACE_A], CLONE_NEWNET), errno);
    run_ctl(the_world, "verify a0", 0, &said);
    assert_non_null(strstr(said.out, "IFACE  DIR"));
    assert_non_null(strstr(said.out, "headers of the link layer"));
    assert_null(strstr(said.out, "NOT EXPLAINED"));
    assert_null(strstr(said.out, "lo "));
    run_ctl(the_world, "verify nosuch0", 1, &said);
    assert_return_code(setns(the_world->home, CLONE_NEWNET), errno);
    run_ctl(the_world, "verify", 1, &said);
    assert_non_null(strstr(said.error, "another network namespace"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ipv6),
        cmocka_unit_test(test_ipv4),
        cmocka_unit_test(test_other_protocols),
        cmocka_unit_test(test_closed_ports),
        cmocka_unit_test(test_forwarded_packets),
        cmocka_unit_test(test_super_packets),
        cmocka_unit_test(test_what_nobody_can_explain),
        cmocka_unit_test(test_text),
    };
    const struct world_options shared = {.netfilter = "link"}, percpu = {.netfilter = "link", .percpu = true};

    return run_world("verify", tests, ARRAY_SIZE(tests), &shared) +
           run_world("verify", tests, ARRAY_SIZE(tests), &percpu);
}
