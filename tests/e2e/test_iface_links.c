/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Rows of interfaces that are no plain Ethernet: a bridge with and without netfilter, tun, vxlan; ESP; fragments. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "iface_kit.h"
#include "inside.h"
#include "kit.h"

#define UID 10001

static const int FAMILIES[] = {AF_INET, AF_INET6};

__attribute__((format(printf, 2, 3))) static void run_in(enum place place, const char *format, ...)
{
    char line[300];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    assert_int_equal(world_run(the_world, place, "%s", line), 0);
    assert_int_equal(place_enter(the_world, PLACE_A), 0);
}

static void sysctl_in(enum place place, const char *path, const char *value)
{
    assert_int_equal(world_sysctl(the_world, place, path, value), 0);
    assert_int_equal(place_enter(the_world, PLACE_A), 0);
}

/* Host number of 10.<net>.0.0/24 and fd<net>::/64, on a device that says nothing of its own accord. */
static void address_on(enum place place, const char *device, int net, int number)
{
    run_in(place, "ip link set %s up", device);
    run_in(place, "ip addr add 10.%d.0.%d/24 dev %s", net, number, device);
    run_in(place, "ip addr add fd%02d::%d/64 dev %s nodad", net, number, device);
}

static void neighbour_on(enum place place, const char *device, int net, int number, int mac)
{
    run_in(place, "ip neigh add 10.%d.0.%d lladdr 02:00:00:00:00:%02x nud permanent dev %s", net, number, mac, device);
    run_in(place, "ip neigh add fd%02d::%d lladdr 02:00:00:00:00:%02x nud permanent dev %s", net, number, mac, device);
}

static int socket_at(enum place place, int family, int net, int number)
{
    union address at = {.any.sa_family = (sa_family_t)family};
    char text[64];
    int fd = socket_as(the_world, place, place == PLACE_A ? UID : 0, family, SOCK_DGRAM, 0);

    assert_return_code(fd, -fd);
    snprintf(text, sizeof(text), family == AF_INET ? "10.%d.0.%d" : "fd%02d::%d", net, number);
    assert_int_equal(inet_pton(family, text, family == AF_INET ? (void *)&at.v4.sin_addr : (void *)&at.v6.sin6_addr),
                     1);
    bind_to(fd, &at);
    return fd;
}

static void connect_both(int a, int b)
{
    const union address at_a = name_of(a), at_b = name_of(b);

    assert_return_code(connect(a, &at_b.any, address_size(&at_b)), errno);
    assert_return_code(connect(b, &at_a.any, address_size(&at_a)), errno);
}

/* A port of A's bridge, its other end with an address in another place. */
static void port_new(const char *port, const char *end, enum place place, int number)
{
    run_in(PLACE_A, "ip link add %s type veth peer name %s address 02:00:00:00:00:%02x", port, end, 0xc0 + number);
    run_in(PLACE_A, "ip link set %s netns /proc/%d/fd/%d", end, getpid(), the_world->netns[place]);
    run_in(PLACE_A, "ip link set %s master br1 up", port);
    if (place == PLACE_M) /* where IPv6 is off */
        sysctl_in(place, "ipv6/conf/q3/disable_ipv6", "0");
    address_on(place, end, 9, number);
}

static void bridge_new(void)
{
    run_in(PLACE_A, "ip link add br1 address 02:00:00:00:00:c1 type bridge mcast_snooping 0 forward_delay 0");
    address_on(PLACE_A, "br1", 9, 1);
    port_new("p2", "q2", PLACE_B, 2);
    port_new("p3", "q3", PLACE_M, 3);
    neighbour_on(PLACE_A, "br1", 9, 2, 0xc2);
    neighbour_on(PLACE_B, "q2", 9, 1, 0xc1);
    neighbour_on(PLACE_B, "q2", 9, 3, 0xc3);
    neighbour_on(PLACE_M, "q3", 9, 2, 0xc2);
}

/* Of a family's UDP, what rows say beside the kernel's own talk. */
struct seen {
    struct tctl_counters bridge, port2, port3;
};

static struct seen look(void)
{
    return (struct seen){iface_total("br1"), iface_total("p2"), iface_total("p3")};
}

static void assert_seen(const struct seen *before, uint64_t bridge_rx, uint64_t bridge_tx, uint64_t port2_tx,
                        uint64_t port3_tx)
{
    const struct seen now = look();

    assert_int_equal(now.bridge.rx_bytes - before->bridge.rx_bytes, bridge_rx);
    assert_int_equal(now.bridge.tx_bytes - before->bridge.tx_bytes, bridge_tx);
    assert_int_equal(now.port2.tx_bytes - before->port2.tx_bytes, port2_tx);
    assert_int_equal(now.port3.tx_bytes - before->port3.tx_bytes, port3_tx);
    assert_int_equal(now.port2.rx_bytes - before->port2.rx_bytes, 0);
    assert_int_equal(now.port3.rx_bytes - before->port3.rx_bytes, 0);
}

/* Once in and once out: in by the bridge, out by the port; the bridge's own by the bridge alone. */
static void across(int family, bool shown)
{
    const uint64_t header = family == AF_INET ? 28 : 48;
    int a = socket_at(PLACE_A, family, 9, 1), b = socket_at(PLACE_B, family, 9, 2),
        c = socket_at(PLACE_M, family, 9, 3);
    struct seen before = look();

    connect_both(b, c);
    for (int i = 0; i < 3; i++)
        udp_send(b, c, 500);
    udp_send(c, b, 300);
    assert_seen(&before, shown ? 3 * (500 + header) + 300 + header : 0, 0, shown ? 300 + header : 0,
                shown ? 3 * (500 + header) : 0);
    before = look();
    connect_both(a, b);
    udp_send(b, a, 200);
    udp_send(a, b, 100);
    assert_seen(&before, 200 + header, 100 + header, 0, 0);
    fd_close(a);
    fd_close(b);
    fd_close(c);
}

static void test_bridge(void **state)
{
    (void)state;
    bridge_new();
    for (int shown = 0; shown < 2; shown++) {
        sysctl_in(PLACE_A, "bridge/bridge-nf-call-iptables", shown ? "1" : "0");
        sysctl_in(PLACE_A, "bridge/bridge-nf-call-ip6tables", shown ? "1" : "0");
        across(AF_INET, shown);
        across(AF_INET6, shown);
    }
    run_in(PLACE_A, "ip link del br1");
}

static int tun_make(int channel, void *arg)
{
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    _cleanup_fd_ int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

    (void)arg;
    snprintf(request.ifr_name, sizeof(request.ifr_name), "t0");
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0)
        return -errno;
    return channel_send_fd(channel, fd);
}

/* Raw IP: what is read from it went out, and what is written comes in. */
static void test_tun(void **state)
{
    _cleanup_fd_ int tun = -1;
    struct actor actor;

    (void)state;
    sysctl_in(PLACE_A, "ipv6/conf/default/addr_gen_mode", "1"); /* nothing that the kernel says itself */
    assert_int_equal(actor_start(the_world, PLACE_A, 0, tun_make, NULL, &actor), 0);
    tun = channel_recv_fd(actor.channel);
    assert_int_equal(actor_wait(&actor), 0);
    address_on(PLACE_A, "t0", 8, 1);
    for (size_t i = 0; i < ARRAY_SIZE(FAMILIES); i++) {
        int from = socket_at(PLACE_A, FAMILIES[i], 8, 1), at = socket_at(PLACE_A, FAMILIES[i], 8, 1);
        union address to = name_of(at);
        struct tctl_counters before, read_and_written = {0};
        uint8_t packet[2000];
        ssize_t n;

        while (read(tun, packet, sizeof(packet)) > 0)
            ;
        before = iface_total("t0");
        *(FAMILIES[i] == AF_INET ? (uint8_t *)&to.v4.sin_addr + 3 : &to.v6.sin6_addr.s6_addr[15]) = 2;
        for (size_t size = 0; size < 4000; size += 300)
            assert_int_equal(sendto(from, packet, size, 0, &to.any, address_size(&to)), size);
        while ((n = read(tun, packet, sizeof(packet))) > 0) {
            read_and_written.tx_packets++;
            read_and_written.tx_bytes += (uint64_t)n;
            if (FAMILIES[i] != AF_INET)
                continue;
            packet[15]++, packet[19]--; /* back, from where it went: the sum stays */
            assert_int_equal(write(tun, packet, (size_t)n), n);
            read_and_written.rx_packets++;
            read_and_written.rx_bytes += (uint64_t)n;
        }
        assert_true(read_and_written.tx_packets > 20);
        assert_counters_equal("t0", counters_less(iface_total("t0"), before), read_and_written);
        fd_close(from);
        fd_close(at);
    }
}

/* What is around a vxlan's packets crosses a0; some of it as multicasts that no socket sends, and that are no copies.
 */
static void test_vxlan(void **state)
{
    struct tctl_counters before;

    (void)state;
    if (world_run(the_world, PLACE_A, "ip link add vx0 type vxlan id 7 group 239.1.1.1 dstport 4789 dev a0") < 0)
        skip_because("this kernel has no vxlan", true);
    assert_int_equal(place_enter(the_world, PLACE_A), 0);
    run_in(PLACE_B, "ip link add vx0 type vxlan id 7 group 239.1.1.1 dstport 4789 dev b0");
    before = a0_start();
    address_on(PLACE_A, "vx0", 7, 1);
    address_on(PLACE_B, "vx0", 7, 2);
    for (size_t i = 0; i < ARRAY_SIZE(FAMILIES); i++) {
        int a = socket_at(PLACE_A, FAMILIES[i], 7, 1), b = socket_at(PLACE_B, FAMILIES[i], 7, 2);
        connect_both(a, b);
        for (size_t size = 1; size < 10000; size = 4 * size + 3) {
            udp_send(a, b, size);
            udp_send(b, a, size);
        }
        fd_close(a);
        fd_close(b);
    }
    a0_exact(before);
    run_in(PLACE_A, "ip link del vx0");
    run_in(PLACE_B, "ip link del vx0");
}

static void big_tcp(int size)
{
    run_in(PLACE_A, "ip link set a0 gso_max_size %d gro_max_size %d", size, size);
    run_in(PLACE_B, "ip link set b0 gso_max_size %d gro_max_size %d", size, size);
}

/* Super-packets with a jumbo header, which no wire has. (IPv4's have none.) */
static void test_big_tcp(void **state)
{
    struct tctl_counters before;

    (void)state;
    big_tcp(200000);
    assert_int_equal(world_offload(the_world, true, true, true), 0);
    assert_int_equal(place_enter(the_world, PLACE_A), 0);
    before = a0_start();
    struct tcp tcp = tcp_connect(the_world, UID, AF_INET6, 1);
    transfer(tcp.a, tcp.b, 3000000, 1 << 20);
    assert_true(wire_largest(the_world) > 65536);
    transfer(tcp.b, tcp.a, 300000, 1 << 20); /* all of it fits into a0's queue, where nobody has counted yet */
    tcp_end(&tcp, true);
    a0_exact(before);
    big_tcp(65536);
}

/* IPsec's own packets are as any other. */
static void test_esp(void **state)
{
    char bytes[600] = {0, 0, 1, 1};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(FAMILIES); i++) {
        union address at_a = address_of(FAMILIES[i], 1, 0), at_b = address_of(FAMILIES[i], 0, 0);
        int a = socket_as(the_world, PLACE_A, 0, FAMILIES[i], SOCK_RAW, IPPROTO_ESP);
        int b = socket_as(the_world, PLACE_B, 0, FAMILIES[i], SOCK_RAW, IPPROTO_ESP);
        struct tctl_counters before = a0_start();
        assert_int_equal(sendto(a, bytes, sizeof(bytes), 0, &at_b.any, address_size(&at_b)), sizeof(bytes));
        wait_for(b, POLLIN);
        assert_int_equal(sendto(b, bytes, sizeof(bytes), 0, &at_a.any, address_size(&at_a)), sizeof(bytes));
        wait_for(a, POLLIN);
        a0_exact(before);
        fd_close(a);
        fd_close(b);
    }
}

/* A piece of a datagram of IPv4, of so many bytes after the header. */
static void send_piece(int raw, unsigned int offset, size_t size, bool more)
{
    uint8_t packet[2000] = {0};
    union address to = address_of(AF_INET, 1, 0);
    struct iphdr ip = {
        .version = 4,
        .ihl = 5,
        .tot_len = htons((uint16_t)(sizeof(ip) + size)),
        .id = htons(77),
        .frag_off = htons((uint16_t)(offset / 8 | (more ? 0x2000 : 0))),
        .ttl = 64,
        .protocol = 253, /* RFC 3692: for experiments */
        .saddr = address_of(AF_INET, 0, 0).v4.sin_addr.s_addr,
        .daddr = to.v4.sin_addr.s_addr,
    };

    memcpy(packet, &ip, sizeof(ip));
    assert_int_equal(sendto(raw, packet, sizeof(ip) + size, 0, &to.any, address_size(&to)), sizeof(ip) + size);
}

/* Pieces of unequal sizes, as no kernel cuts them. */
static void unequal_pieces(void)
{
    int raw = socket_as(the_world, PLACE_B, 0, AF_INET, SOCK_RAW, IPPROTO_RAW);
    int all = socket_as(the_world, PLACE_A, 0, AF_INET, SOCK_RAW, 253);
    struct udp udp = udp_pair(the_world, UID, AF_INET, 1);
    struct tctl_counters before = a0_start();

    send_piece(raw, 0, 400, true);
    send_piece(raw, 400, 1200, true);
    send_piece(raw, 1600, 96, true);
    send_piece(raw, 1696, 9, false);
    wait_for(all, POLLIN);
    udp_send(udp.a, udp.b, 1);
    a0_exact(before);
    udp_close(&udp);
    fd_close(raw);
    fd_close(all);
}

/* With connection tracking what came in pieces is whole before the table raw sees it. */
static void test_fragments_that_are_tracked(void **state)
{
    (void)state;
    run_in(PLACE_A, "nft add table inet track");
    run_in(PLACE_A, "nft add chain inet track before { type filter hook prerouting priority 0 ; }");
    run_in(PLACE_A, "nft add rule inet track before ct state new accept");
    for (size_t i = 0; i < ARRAY_SIZE(FAMILIES); i++) {
        struct udp udp = udp_pair(the_world, UID, FAMILIES[i], 1);
        struct tctl_counters before = a0_start();
        for (size_t size = 1400; size < 65000; size = size * 3 / 2) {
            udp_send(udp.a, udp.b, size);
            udp_send(udp.b, udp.a, size);
        }
        a0_exact(before);
        udp_close(&udp);
    }
    unequal_pieces();
    run_in(PLACE_A, "nft delete table inet track");
}

static const struct CMUnitTest tests[] = {
    IN_A_PLACE(test_bridge), IN_A_PLACE(test_tun), IN_A_PLACE(test_big_tcp),
    IN_A_PLACE(test_vxlan),  IN_A_PLACE(test_esp), IN_A_PLACE(test_fragments_that_are_tracked),
};

int main(void)
{
    static const char *const ways[] = {"link", "nft", "legacy"};
    int failed = 0;

    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        char name[64];

        snprintf(name, sizeof(name), "links by %s", ways[i]);
        failed +=
            run_world(name, tests, ARRAY_SIZE(tests), &(struct world_options){.netfilter = ways[i], .percpu = i == 1});
    }
    return failed;
}
