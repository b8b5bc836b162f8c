/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Rows of interfaces where packets take unusual ways: copies for this machine's own ears, raw protocols, fragments. */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "iface_kit.h"
#include "inside.h"
#include "kit.h"
#include "program.h"

#define UID 10001
#define PORT 5353

static struct program said;

static const int FAMILIES[] = {AF_INET, AF_INET6};

/* 224.0.0.251, ff02::fb: as mDNS. */
static union address group_of(int family)
{
    union address group = {.any.sa_family = (sa_family_t)family};

    if (family == AF_INET)
        group.v4.sin_addr.s_addr = htonl(0xe00000fb);
    else
        memcpy(&group.v6.sin6_addr, (uint8_t[16]){0xff, 0x02, [15] = 0xfb}, 16);
    group.v4.sin_port = htons(PORT); /* at the same place in both */
    return group;
}

static void set(int fd, int level, int option, int value)
{
    assert_return_code(setsockopt(fd, level, option, &value, sizeof(value)), errno);
}

/* device: its number where the socket is. */
static void join(int fd, int family, int device)
{
    union address group = group_of(family);
    struct ip_mreqn v4 = {.imr_multiaddr = group.v4.sin_addr, .imr_ifindex = device};
    struct ipv6_mreq v6 = {.ipv6mr_multiaddr = group.v6.sin6_addr, .ipv6mr_interface = (unsigned int)device};

    if (family == AF_INET) {
        assert_return_code(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &v4, sizeof(v4)), errno);
        assert_return_code(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &v4, sizeof(v4)), errno);
    } else {
        assert_return_code(setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &v6, sizeof(v6)), errno);
        set(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, device);
    }
}

/* 224.0.0.22, where IGMPv3 tells. */
static void join_reports(int fd, int device)
{
    struct ip_mreqn all = {.imr_multiaddr.s_addr = htonl(0xe0000016), .imr_ifindex = device};

    assert_return_code(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &all, sizeof(all)), errno);
}

static int device_in(enum place place)
{
    int number;

    assert_int_equal(place_enter(the_world, place), 0);
    number = (int)if_nametoindex(place == PLACE_A ? "a0" : "b0");
    assert_int_equal(place_enter(the_world, PLACE_A), 0);
    assert_int_not_equal(number, 0);
    return number;
}

static int socket_on_port(enum place place, int family)
{
    union address any = {.any.sa_family = (sa_family_t)family};
    int fd = socket_as(the_world, place, place == PLACE_A ? UID : 0, family, SOCK_DGRAM, 0);

    assert_return_code(fd, -fd);
    any.v4.sin_port = htons(PORT);
    set(fd, SOL_SOCKET, SO_BROADCAST, 1);
    bind_to(fd, &any);
    return fd;
}

static int member(enum place place, int family)
{
    int fd = socket_on_port(place, family);

    join(fd, family, device_in(place));
    return fd;
}

static void receive(int fd, size_t size)
{
    static char block[65536];

    wait_for(fd, POLLIN);
    assert_int_equal(recv(fd, block, sizeof(block), 0), size);
}

static void send_to(int fd, const union address *to, size_t size)
{
    static const char block[65536];

    assert_int_equal(sendto(fd, block, size, 0, &to->any, address_size(to)), size);
}

static const size_t SIZES[] = {1, 200, 1400, 3000, 20000};
#define WHOLE 3 /* that many need no fragments, which are not told without BTF */

/* loop: what a sends comes back to it, by no wire. */
static void exchange(int a, int b, const union address *to, bool loop)
{
    const size_t sizes = the_world->options.hide_btf ? WHOLE : ARRAY_SIZE(SIZES);

    for (size_t i = 0; i < sizes; i++) {
        send_to(a, to, SIZES[i]);
        receive(b, SIZES[i]);
        if (loop)
            receive(a, SIZES[i]);
        send_to(b, to, SIZES[i]);
        receive(a, SIZES[i]);
        receive(b, SIZES[i]);
    }
}

static void test_looped_multicast_is_on_no_wire(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(FAMILIES); i++) {
        union address group = group_of(FAMILIES[i]);
        int a = member(PLACE_A, FAMILIES[i]), b = member(PLACE_B, FAMILIES[i]);
        for (int loop = 0; loop < 2; loop++) {
            struct tctl_counters before = a0_start();
            if (FAMILIES[i] == AF_INET)
                set(a, IPPROTO_IP, IP_MULTICAST_LOOP, loop);
            else
                set(a, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, loop);
            exchange(a, b, &group, loop);
            a0_exact(before);
        }
        fd_close(a);
        fd_close(b);
    }
    run_ctl(the_world, "verify", 0, &said); /* users have the copies besides */
}

/* What nobody here listens to is not looped: it has to count all the same. */
static void test_broadcasts_are_counted_once(void **state)
{
    const union address all = {.v4 = {AF_INET, htons(PORT), {INADDR_BROADCAST}, {0}}};
    int a = socket_on_port(PLACE_A, AF_INET), b = socket_on_port(PLACE_B, AF_INET);
    struct tctl_counters before = a0_start();

    (void)state;
    set(a, IPPROTO_IP, IP_UNICAST_IF, (int)htonl((uint32_t)device_in(PLACE_A)));
    set(b, IPPROTO_IP, IP_UNICAST_IF, (int)htonl((uint32_t)device_in(PLACE_B)));
    exchange(a, b, &all, true);
    a0_exact(before);
    fd_close(a);
    fd_close(b);
}

/* One that was sent since the wire was reset; what was on its way before may come first. */
static void wait_for_report(int told)
{
    const struct wire_filter igmp = {.family = AF_INET, .protocol = IPPROTO_IGMP};
    struct tctl_counters wire;
    char packet[200];

    do {
        wait_for(told, POLLIN);
        assert_true(recv(told, packet, sizeof(packet), 0) > 0);
        assert_return_code(wire_count(the_world, &igmp, &wire), errno);
    } while (wire.tx_packets == 0);
}

/* The kernel tells the link itself what is joined here; by IGMPv2, to the group, where it hears itself. */
static void test_reports_of_the_kernel_are_counted_once(void **state)
{
    (void)state;
    assert_int_equal(world_sysctl(the_world, PLACE_A, "ipv4/conf/a0/igmpv2_unsolicited_report_interval", "10"), 0);
    for (int version = 2; version <= 3; version++) {
        int told = socket_as(the_world, PLACE_B, 0, AF_INET, SOCK_RAW, IPPROTO_IGMP), b, a;
        char number[8];

        snprintf(number, sizeof(number), "%d", version);
        assert_int_equal(world_sysctl(the_world, PLACE_A, "ipv4/conf/a0/force_igmp_version", number), 0);
        assert_int_equal(place_enter(the_world, PLACE_A), 0);
        join(told, AF_INET, device_in(PLACE_B));
        join_reports(told, device_in(PLACE_B));
        b = socket_on_port(PLACE_B, AF_INET);
        struct tctl_counters before = a0_start();
        a = member(PLACE_A, AF_INET);
        wait_for_report(told);
        struct udp udp = udp_pair(the_world, UID, AF_INET, 1);
        udp_send(udp.b, udp.a, 1);
        a0_exact(before);
        udp_close(&udp);
        fd_close(a);
        fd_close(b);
        fd_close(told);
    }
}

static const struct CMUnitTest tests[] = {
    IN_A_PLACE(test_looped_multicast_is_on_no_wire),
    IN_A_PLACE(test_broadcasts_are_counted_once),
    IN_A_PLACE(test_reports_of_the_kernel_are_counted_once),
};

int main(void)
{
    static const char *const ways[] = {"link", "nft", "legacy"};
    int failed = 0;

    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        char name[64];

        snprintf(name, sizeof(name), "interfaces %s", ways[i]);
        failed +=
            run_world(name, tests, ARRAY_SIZE(tests), &(struct world_options){.netfilter = ways[i], .percpu = i == 1});
    }
    return failed + run_world("interfaces without BTF", tests, 2,
                              &(struct world_options){.netfilter = "auto", .hide_btf = true});
}
