/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Where counted and wire differ, and by exactly what: the exceptions of trafficd(8). TIME_WAIT is in test_exact.c. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip_icmp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include <cmocka.h>

#include "fd.h"
#include "kit.h"

#define UID 10001
#define OTHER 10002

static const struct wire_filter UDP4 = {.family = AF_INET, .protocol = IPPROTO_UDP};
static const struct wire_filter TCP4 = {.family = AF_INET, .protocol = IPPROTO_TCP};
static const struct wire_filter ICMP4 = {.family = AF_INET, .protocol = IPPROTO_ICMP};

static uint16_t checksum(const void *data, size_t size)
{
    const uint8_t *byte = data;
    uint32_t sum = 0;

    for (size_t i = 0; i + 1 < size; i += 2)
        sum += (uint32_t)(byte[i] << 8 | byte[i + 1]);
    sum = (sum & 0xffff) + (sum >> 16);
    return htons((uint16_t) ~((sum & 0xffff) + (sum >> 16)));
}

static void send_to(int fd, const char *text, size_t size)
{
    static const char block[2000];
    union address to = {.v4 = {.sin_family = AF_INET, .sin_port = htons(9)}};

    assert_int_equal(inet_pton(AF_INET, text, &to.v4.sin_addr), 1);
    assert_int_equal(sendto(fd, block, size, 0, &to.any, sizeof(to.v4)), size);
}

static int udp_socket(enum place place, uid_t uid)
{
    int fd = socket_as(the_world, place, uid, AF_INET, SOCK_DGRAM, 0);

    assert_true(fd >= 0);
    return fd;
}

static int index_of(enum place place, const char *device)
{
    _cleanup_fd_ int fd = udp_socket(place, 0);
    struct ifreq name = {0};

    snprintf(name.ifr_name, sizeof(name.ifr_name), "%s", device);
    assert_return_code(ioctl(fd, SIOCGIFINDEX, &name), 0);
    return name.ifr_ifindex;
}

/* An IPv4 packet by hand, from and to these addresses, checksum filled in. */
static void ip_header(struct iphdr *ip, const char *from, const char *to, uint8_t protocol, size_t size)
{
    *ip = (struct iphdr){.version = 4, .ihl = 5, .ttl = 64, .protocol = protocol, .tot_len = htons((uint16_t)size)};
    assert_int_equal(inet_pton(AF_INET, from, &ip->saddr), 1);
    assert_int_equal(inet_pton(AF_INET, to, &ip->daddr), 1);
    ip->check = checksum(ip, sizeof(*ip));
}

static void test_packet_sockets_are_not_seen(void **state)
{
    _cleanup_fd_ int fd = socket_as(the_world, PLACE_A, 0, AF_PACKET, SOCK_DGRAM, 0);
    struct sockaddr_ll to = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(ETH_P_IP),
                             .sll_halen = 6,
                             .sll_addr = {2, 0, 0, 0, 0, 0xb},
                             .sll_ifindex = index_of(PLACE_A, "a0")};
    struct meter meter = meter_start(the_world, 0, &UDP4);
    uint8_t packet[100] = {0};

    (void)state;
    ip_header((struct iphdr *)packet, "192.0.2.1", WORLD_B4, IPPROTO_UDP, sizeof(packet));
    assert_int_equal(sendto(fd, packet, sizeof(packet), 0, (struct sockaddr *)&to, sizeof(to)), sizeof(packet));
    meter_differs(&meter, &(struct meter_extra){.tx_packets = -1, .tx_bytes = -100});
}

static void test_unresolved_neighbour_is_counted(void **state)
{
    _cleanup_fd_ int fd = udp_socket(PLACE_A, UID);
    struct meter meter = meter_start(the_world, UID, &UDP4);

    (void)state;
    send_to(fd, "192.0.2.200", 72);
    meter_differs(&meter, &(struct meter_extra){.tx_packets = 1, .tx_bytes = 100});
}

static void test_qdisc_drop_is_counted(void **state)
{
    _cleanup_fd_ int fd = udp_socket(PLACE_A, UID);
    struct meter meter = meter_start(the_world, UID, &UDP4);

    (void)state;
    /* the bucket never holds 500 bytes, so a packet of that size is dropped at once */
    assert_int_equal(world_run(the_world, PLACE_A, "tc qdisc add dev a0 root tbf rate 1mbit burst 300 limit 3000"), 0);
    send_to(fd, WORLD_B4, 100);
    send_to(fd, WORLD_B4, 472);
    meter_differs(&meter, &(struct meter_extra){.tx_packets = 1, .tx_bytes = 500});
    assert_int_equal(world_run(the_world, PLACE_A, "tc qdisc del dev a0 root"), 0);
}

static void test_device_drop_is_counted(void **state)
{
    _cleanup_fd_ int fd = udp_socket(PLACE_A, UID);
    struct meter meter = meter_start(the_world, UID, &UDP4);

    (void)state;
    assert_int_equal(world_run(the_world, PLACE_M, "ip link set m0 mtu 600"),
                     0); /* veth refuses what its peer cannot take */
    send_to(fd, WORLD_B4, 100);
    send_to(fd, WORLD_B4, 972);
    meter_differs(&meter, &(struct meter_extra){.tx_packets = 1, .tx_bytes = 1000});
    assert_int_equal(world_run(the_world, PLACE_M, "ip link set m0 mtu 1500"), 0);
}

/* A program of somebody else on the same cgroup that lets nothing out. */
static void test_drop_of_another_program_is_counted(void **state)
{
    static const struct bpf_insn drop[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K}, {.code = BPF_JMP | BPF_EXIT}};
    _cleanup_fd_ int program = bpf_prog_load(BPF_PROG_TYPE_CGROUP_SKB, "drop", "GPL", drop, 2, NULL);
    _cleanup_fd_ int fd = udp_socket(PLACE_A, UID), link = -1;
    struct meter meter = meter_start(the_world, UID, &UDP4);
    union address to = address_of(AF_INET, 0, 9);

    (void)state;
    assert_true(program >= 0);
    link = bpf_link_create(program, the_world->cgroup_fd, BPF_CGROUP_INET_EGRESS, NULL);
    assert_true(link >= 0);
    assert_int_equal(sendto(fd, "x", 1, 0, &to.any, sizeof(to.v4)), -1);
    assert_int_equal(errno, EPERM);
    meter_differs(&meter, &(struct meter_extra){.tx_packets = 1, .tx_bytes = 29});
}

static int multicast_member(uid_t uid)
{
    union address at = {.v4 = {.sin_family = AF_INET, .sin_port = htons(5555)}};
    struct ip_mreqn group = {.imr_multiaddr.s_addr = htonl(0xef010203), .imr_ifindex = index_of(PLACE_A, "a0")};
    int fd = udp_socket(PLACE_A, uid);

    assert_return_code(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)), 0);
    bind_to(fd, &at);
    assert_return_code(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)), 0);
    return fd;
}

static void test_multicast_counts_for_each_receiver(void **state)
{
    _cleanup_fd_ int first = multicast_member(UID), second = multicast_member(UID), third = multicast_member(OTHER);
    _cleanup_fd_ int sender = udp_socket(PLACE_B, 0);
    struct meter meter = meter_start(the_world, UID, &UDP4), other = meter_start(the_world, OTHER, &UDP4);
    union address to = {.v4 = {.sin_family = AF_INET, .sin_port = htons(5555), .sin_addr.s_addr = htonl(0xef010203)}};
    struct ip_mreqn via = {.imr_ifindex = index_of(PLACE_B, "b0")};

    (void)state;
    assert_return_code(setsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &via, sizeof(via)), 0);
    assert_int_equal(sendto(sender, "1234567890", 10, 0, &to.any, sizeof(to.v4)), 10);
    wait_for(first, POLLIN);
    wait_for(second, POLLIN);
    wait_for(third, POLLIN);
    /* B's packet to the group shows no address of A, but it is the only UDP packet there is */
    assert_int_equal(meter_wire(&meter).rx_packets, 1);
    meter_differs(&meter, &(struct meter_extra){.rx_packets = 1, .rx_bytes = 38});
    meter_exact(&other);
}

static void test_raw_icmp_counts_for_each_receiver(void **state)
{
    _cleanup_fd_ int first = socket_as(the_world, PLACE_A, 0, AF_INET, SOCK_RAW, IPPROTO_ICMP);
    _cleanup_fd_ int second = socket_as(the_world, PLACE_A, 0, AF_INET, SOCK_RAW, IPPROTO_ICMP);
    _cleanup_fd_ int sender = socket_as(the_world, PLACE_B, 0, AF_INET, SOCK_RAW, IPPROTO_ICMP);
    struct meter meter = meter_start(the_world, 0, &ICMP4);
    union address to = address_of(AF_INET, 1, 0);
    struct icmphdr echo = {.type = ICMP_ECHO, .un.echo.id = htons(7)};

    (void)state;
    echo.checksum = checksum(&echo, sizeof(echo));
    assert_int_equal(sendto(sender, &echo, sizeof(echo), 0, &to.any, sizeof(to.v4)), sizeof(echo));
    wait_for(first, POLLIN);
    wait_for(second, POLLIN);
    wait_for(sender, POLLIN);
    /* the request came twice for root; the kernel's own answer belongs to nobody */
    meter_differs(&meter, &(struct meter_extra){1, 28, -1, -28});
}

static void test_handshake_is_charged_to_the_listener(void **state)
{
    union address at_a = address_of(AF_INET, 1, 0), at_b = address_of(AF_INET, 0, 0);
    struct tcp tcp = {.listener = socket_as(the_world, PLACE_A, UID, AF_INET, SOCK_STREAM, 0),
                      .b = socket_as(the_world, PLACE_B, 0, AF_INET, SOCK_STREAM, 0)};
    struct meter listener, owner;

    (void)state;
    bind_to(tcp.listener, &at_a);
    bind_to(tcp.b, &at_b);
    assert_return_code(listen(tcp.listener, 1), 0);
    at_a = name_of(tcp.listener);
    listener = meter_start(the_world, UID, &TCP4);
    assert_true(connect(tcp.b, &at_a.any, sizeof(at_a.v4)) == 0 || errno == EINPROGRESS);
    wait_for(tcp.listener, POLLIN);
    meter_exact(&listener);
    assert_counters_equal("handshake", meter_counted(&listener), (struct tctl_counters){60 + 52, 2, 60, 1});
    tcp.a = accept_as(the_world, PLACE_A, OTHER, tcp.listener);
    assert_true(tcp.a >= 0);
    owner = meter_start(the_world, OTHER, &TCP4);
    transfer(tcp.a, tcp.b, 100000, 10000);
    transfer(tcp.b, tcp.a, 100000, 10000);
    tcp_end(&tcp, true);
    meter_exact(&owner);
    assert_counters_equal("the listener afterwards", meter_counted(&listener),
                          (struct tctl_counters){60 + 52, 2, 60, 1});
}

/* One fragment with its piece of a UDP datagram. */
static void send_fragment(int raw, uint8_t *datagram, size_t offset, size_t size, bool more)
{
    uint8_t packet[1500];
    struct iphdr *ip = (struct iphdr *)packet;
    union address to = address_of(AF_INET, 1, 0);

    ip_header(ip, WORLD_B4, "192.0.2.1", IPPROTO_UDP, 20 + size);
    ip->id = htons(4242);
    ip->frag_off = htons((uint16_t)(offset / 8 | (more ? 0x2000 : 0)));
    memcpy(packet + 20, datagram + offset, size);
    assert_int_equal(sendto(raw, packet, 20 + size, 0, &to.any, sizeof(to.v4)), 20 + size);
}

static void test_unequal_fragments_are_taken_for_equal(void **state)
{
    _cleanup_fd_ int fd = udp_socket(PLACE_A, UID),
                     raw = socket_as(the_world, PLACE_B, 0, AF_INET, SOCK_RAW, IPPROTO_RAW);
    union address at = address_of(AF_INET, 1, 5556);
    uint8_t datagram[1400] = {5555 >> 8, 5555 & 0xff, 5556 >> 8, 5556 & 0xff, 1400 >> 8, 1400 & 0xff};
    struct meter meter;

    (void)state;
    bind_to(fd, &at);
    meter = meter_start(the_world, UID, &UDP4);
    send_fragment(raw, datagram, 0, 800, true);
    send_fragment(raw, datagram, 800, 400, true);
    send_fragment(raw, datagram, 1200, 200, false);
    wait_for(fd, POLLIN);
    assert_counters_equal("wire", meter_wire(&meter), (struct tctl_counters){.rx_packets = 3, .rx_bytes = 1400 + 60});
    /* the largest was 820 bytes, so 1400 bytes of payload look like two */
    meter_differs(&meter, &(struct meter_extra){.rx_packets = -1, .rx_bytes = -20});
}

static void vxlan(enum place place, const char *device, unsigned mine, unsigned other)
{
    static const char add[] =
        "ip link add vx0 address 02:00:00:00:01:0%u type vxlan id 7 local %s remote %s dstport 4789 dev %s noudpcsum";
    bool a = place == PLACE_A;

    if (world_run(the_world, place, add, mine, a ? "192.0.2.1" : WORLD_B4, a ? WORLD_B4 : "192.0.2.1", device) < 0)
        skip_because("this kernel has no vxlan", false);
    /* IPv6 would greet its neighbours through the tunnel */
    assert_int_equal(world_sysctl(the_world, place, "ipv6/conf/vx0/disable_ipv6", "1"), 0);
    assert_int_equal(world_run(the_world, place, "ip addr add 10.99.0.%u/24 dev vx0", mine), 0);
    assert_int_equal(world_run(the_world, place, "ip link set vx0 up"), 0);
    assert_int_equal(world_run(the_world, place,
                               "ip neigh add 10.99.0.%u lladdr 02:00:00:00:01:0%u nud permanent dev vx0", other, other),
                     0);
}

static void test_outer_packets_of_vxlan_are_not_seen(void **state)
{
    _cleanup_fd_ int fd = udp_socket(PLACE_A, UID), sink = udp_socket(PLACE_B, 0);
    union address at = {.v4 = {.sin_family = AF_INET, .sin_port = htons(9)}};
    struct meter meter;

    (void)state;
    bind_to(sink, &at); /* or an ICMP error would come back through the tunnel */
    vxlan(PLACE_A, "a0", 1, 2);
    vxlan(PLACE_B, "b0", 2, 1);
    meter = meter_start(the_world, UID, &UDP4);
    send_to(fd, "10.99.0.2", 72);
    /* outer IPv4, UDP, VXLAN and inner Ethernet header: on the wire, and in nobody's account */
    meter_differs(&meter, &(struct meter_extra){.tx_bytes = -(20 + 8 + 8 + 14)});
    assert_int_equal(meter_counted(&meter).tx_bytes, 100);
    assert_int_equal(world_run(the_world, PLACE_A, "ip link del vx0"), 0);
    assert_int_equal(world_run(the_world, PLACE_B, "ip link del vx0"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packet_sockets_are_not_seen),
        cmocka_unit_test(test_unresolved_neighbour_is_counted),
        cmocka_unit_test(test_qdisc_drop_is_counted),
        cmocka_unit_test(test_device_drop_is_counted),
        cmocka_unit_test(test_drop_of_another_program_is_counted),
        cmocka_unit_test(test_multicast_counts_for_each_receiver),
        cmocka_unit_test(test_raw_icmp_counts_for_each_receiver),
        cmocka_unit_test(test_handshake_is_charged_to_the_listener),
        cmocka_unit_test(test_unequal_fragments_are_taken_for_equal),
        cmocka_unit_test(test_outer_packets_of_vxlan_are_not_seen),
    };

    return run_both("exceptions", tests, ARRAY_SIZE(tests));
}
