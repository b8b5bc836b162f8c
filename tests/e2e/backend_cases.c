/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "backend_cases.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "inside.h"
#include "kit.h"

#define SETTLE_MS 1000

static struct meter start(const struct backend_case *one, uint32_t uid, unsigned int address, uint8_t protocol)
{
    const struct wire_filter filter = {.family = one->family, .protocol = protocol, .address = address};
    return meter_start(the_world, uid, &filter);
}

/* One direction of it. */
struct way {
    uint64_t packets, bytes;
};

static bool is_seen(enum sight sight, struct way counted, struct way crossed)
{
    switch (sight) {
    case WHOLE:
        return counted.packets == crossed.packets && counted.bytes == crossed.bytes;
    case PART:
        return counted.packets > 0 && counted.packets < crossed.packets;
    case NOTHING:
        return counted.packets == 0 && crossed.packets > 0;
    }
    return false;
}

static bool is_as_said(const struct backend_case *one, enum backend backend, struct tctl_counters counted,
                       struct tctl_counters wire)
{
    const struct way rx = {wire.rx_packets + one->beyond.rx_packets, wire.rx_bytes + one->beyond.rx_bytes};
    const struct way tx = {wire.tx_packets + one->beyond.tx_packets, wire.tx_bytes + one->beyond.tx_bytes};
    return is_seen(one->sees[backend].rx, (struct way){counted.rx_packets, counted.rx_bytes}, rx) &&
           is_seen(one->sees[backend].tx, (struct way){counted.tx_packets, counted.tx_bytes}, tx);
}

static struct meter counting;
static const struct backend_case *counted_case;
static enum backend counted_by;

static bool is_settled(uint64_t unused)
{
    (void)unused;
    return is_as_said(counted_case, counted_by, meter_counted(&counting), meter_wire(&counting));
}

/* Better than its line fails as worse does: the line is wrong then. */
static void measure(const struct backend_case *one, enum backend backend, const struct meter *meter)
{
    counting = *meter;
    counted_case = one;
    counted_by = backend;
    if (soon(is_settled, 0, SETTLE_MS))
        return;
    const struct tctl_counters counted = meter_counted(meter), wire = meter_wire(meter);
    fail_msg("%s, %s: counted rx %lu (%lu) tx %lu (%lu), on the wire rx %lu (%lu) tx %lu (%lu)", one->name,
             backend == BACKEND_BPF ? "bpf" : "nft", counted.rx_packets, counted.rx_bytes, counted.tx_packets,
             counted.tx_bytes, wire.rx_packets, wire.rx_bytes, wire.tx_packets, wire.tx_bytes);
}

static void udp_both_ways(const struct backend_case *one, enum backend backend, uint32_t uid, unsigned int address)
{
    struct udp udp = udp_pair(the_world, uid, one->family, address);
    const struct meter meter = start(one, uid, address, IPPROTO_UDP);
    for (size_t size = 1; size < 1400; size += 173) {
        udp_send(udp.a, udp.b, size);
        udp_send(udp.b, udp.a, size + 1);
    }
    measure(one, backend, &meter);
    udp_close(&udp);
}

/* Larger than the wire takes: sent and received in parts. */
static void udp_in_fragments(const struct backend_case *one, enum backend backend, uint32_t uid, unsigned int address)
{
    struct udp udp = udp_pair(the_world, uid, one->family, address);
    const struct meter meter = start(one, uid, address, 0);
    udp_send(udp.a, udp.b, 10000);
    udp_send(udp.b, udp.a, 10000);
    measure(one, backend, &meter);
    udp_close(&udp);
}

/* As a server, or who asks by sendto(). */
static void udp_unconnected(const struct backend_case *one, enum backend backend, uint32_t uid, unsigned int address)
{
    const union address nowhere = {.any.sa_family = AF_UNSPEC};
    struct udp udp = udp_pair(the_world, uid, one->family, address);
    assert_return_code(connect(udp.a, &nowhere.any, sizeof(nowhere)), errno);
    bind_to(udp.a, &udp.at_a);
    const struct meter meter = start(one, uid, address, IPPROTO_UDP);
    assert_int_equal(sendto(udp.a, "x", 1, 0, &udp.at_b.any, address_size(&udp.at_b)), 1);
    for (int i = 0; i < 3; i++)
        udp_send(udp.b, udp.a, 100);
    measure(one, backend, &meter);
    udp_close(&udp);
}

static void tcp_both_ways(const struct backend_case *one, enum backend backend, uint32_t uid, unsigned int address,
                          size_t size, int times)
{
    const struct meter meter = start(one, uid, address, IPPROTO_TCP);
    struct tcp tcp = tcp_connect(the_world, uid, one->family, address);
    for (int i = 0; i < times; i++) {
        transfer(tcp.a, tcp.b, size, size);
        transfer(tcp.b, tcp.a, size, size);
    }
    acknowledge(tcp.a);
    measure(one, backend, &meter);
    tcp_end(&tcp, false);
}

static void tcp_in_bulk(const struct backend_case *one, enum backend backend, uint32_t uid, unsigned int address)
{
    tcp_both_ways(one, backend, uid, address, 1 << 20, 1);
}

/* One packet at a time: the stack makes larger ones of several, whatever an interface can do. */
static void tcp_by_packets(const struct backend_case *one, enum backend backend, uint32_t uid, unsigned int address)
{
    tcp_both_ways(one, backend, uid, address, 1000, 20);
}

static void tcp_to_a_listener(const struct backend_case *one, enum backend backend, uint32_t uid, unsigned int address)
{
    const struct meter meter = start(one, uid, address, IPPROTO_TCP);
    struct tcp tcp = tcp_accept(the_world, uid, one->family, address);
    transfer(tcp.b, tcp.a, 1000, 1000);
    acknowledge(tcp.a);
    measure(one, backend, &meter);
    tcp_end(&tcp, false);
}

/* What is queued when the socket is closed is nobody's for nf_tables. */
static void tcp_closed_with_bytes_left(const struct backend_case *one, enum backend backend, uint32_t uid,
                                       unsigned int address)
{
    static char bytes[1 << 20];
    const struct meter meter = start(one, uid, address, IPPROTO_TCP);
    struct tcp tcp = tcp_connect(the_world, uid, one->family, address);
    assert_return_code(setsockopt(tcp.a, SOL_SOCKET, SO_SNDBUFFORCE, &(int){1 << 21}, sizeof(int)), errno);
    size_t left = 0;
    for (ssize_t sent; (sent = send(tcp.a, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0;)
        left += (size_t)sent;
    tcp.a = fd_close(tcp.a);
    receive_all(tcp.b, left);
    measure(one, backend, &meter);
    fd_close(tcp.b);
    fd_close(tcp.listener);
}

/* After the first step the test process is home. */
static void set_in_a(const char *path, const char *value)
{
    assert_int_equal(world_sysctl(the_world, PLACE_A, path, value), 0);
    assert_int_equal(place_enter(the_world, PLACE_A), 0);
}

static void ping(const struct backend_case *one, enum backend backend, uint32_t uid, unsigned int address)
{
    const bool v4 = one->family == AF_INET;
    const union address from = address_of(one->family, address, 0), to = address_of(one->family, 0, 0);
    struct icmphdr request = {.type = v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST};
    char reply[64];
    set_in_a("ipv4/ping_group_range", "0 2147483647");
    _cleanup_fd_ int fd =
        socket_as(the_world, PLACE_A, uid, one->family, SOCK_DGRAM, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
    bind_to(fd, &from);
    const struct meter meter = start(one, uid, address, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
    assert_int_equal(sendto(fd, &request, sizeof(request), 0, &to.any, address_size(&to)), sizeof(request));
    wait_for(fd, POLLIN);
    assert_true(recv(fd, reply, sizeof(reply), 0) > 0);
    measure(one, backend, &meter);
}

static void udp_on_loopback(const struct backend_case *one, enum backend backend, uint32_t uid, unsigned int address)
{
    union address here = {.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    char byte;
    (void)address;
    _cleanup_fd_ int fd = socket_as(the_world, PLACE_A, uid, AF_INET, SOCK_DGRAM, 0);
    bind_to(fd, &here);
    here = name_of(fd);
    assert_return_code(connect(fd, &here.any, address_size(&here)), errno);
    const struct meter meter = start(one, uid, 0, 253); /* no wire: nothing of that protocol is on any */
    assert_int_equal(send(fd, "x", 1, 0), 1);
    wait_for(fd, POLLIN);
    assert_int_equal(recv(fd, &byte, 1, 0), 1);
    measure(one, backend, &meter);
}

/* A socket that root has opened and given to the user. */
static void given_away(const struct backend_case *one, enum backend backend, uint32_t uid, unsigned int address)
{
    struct udp udp = udp_pair(the_world, 0, one->family, address);
    assert_return_code(fchown(udp.a, uid, uid), errno);
    const struct meter meter = start(one, uid, address, IPPROTO_UDP);
    for (int i = 0; i < 3; i++)
        udp_send(udp.a, udp.b, 100);
    for (int i = 0; i < 3; i++)
        udp_send(udp.b, udp.a, 100);
    measure(one, backend, &meter);
    udp_close(&udp);
}

static void without_early_demux(const struct backend_case *one, enum backend backend, uint32_t uid,
                                unsigned int address)
{
    set_in_a("ipv4/ip_early_demux", "0");
    udp_both_ways(one, backend, uid, address);
    set_in_a("ipv4/ip_early_demux", "1");
}

#define BOTH_WHOLE                                                                                                     \
    {                                                                                                                  \
        {WHOLE, WHOLE},                                                                                                \
        {                                                                                                              \
            WHOLE, WHOLE                                                                                               \
        }                                                                                                              \
    }
#define UNSEEN "received without early demux"
#define IN_PARTS "super-packets and fragments"

const struct backend_case backend_cases[] = {
    {"UDP, IPv4", NULL, udp_both_ways, AF_INET, .sees = BOTH_WHOLE},
    {"UDP, IPv6", NULL, udp_both_ways, AF_INET6, .sees = BOTH_WHOLE},
    {"TCP, IPv4", NULL, tcp_by_packets, AF_INET, .sees = BOTH_WHOLE},
    {"TCP, IPv6", NULL, tcp_by_packets, AF_INET6, .sees = BOTH_WHOLE},
    {"TCP in bulk", IN_PARTS, tcp_in_bulk, AF_INET, .sees = {{WHOLE, WHOLE}, {WHOLE, PART}}},
    {"UDP in fragments", IN_PARTS, udp_in_fragments, AF_INET, .sees = {{WHOLE, WHOLE}, {NOTHING, PART}}},
    {"UDP of a server", UNSEEN, udp_unconnected, AF_INET, .sees = {{WHOLE, WHOLE}, {NOTHING, WHOLE}}},
    {"UDP of a server, IPv6", UNSEEN, udp_unconnected, AF_INET6, .sees = {{WHOLE, WHOLE}, {NOTHING, WHOLE}}},
    {"SYN to a listener", UNSEEN, tcp_to_a_listener, AF_INET, .sees = {{WHOLE, WHOLE}, {PART, WHOLE}}},
    {"ping", UNSEEN, ping, AF_INET, .sees = {{WHOLE, WHOLE}, {NOTHING, WHOLE}}},
    {"ping, IPv6", UNSEEN, ping, AF_INET6, .sees = {{WHOLE, WHOLE}, {NOTHING, WHOLE}}},
    {"loopback",
     "received on loopback",
     udp_on_loopback,
     AF_INET,
     {.rx_packets = 1, .rx_bytes = 29, .tx_packets = 1, .tx_bytes = 29},
     {{WHOLE, WHOLE}, {NOTHING, WHOLE}}},
    {"sent after close", "sent after close", tcp_closed_with_bytes_left, AF_INET,
     .sees = {{WHOLE, WHOLE}, {PART, PART}}},
    {"given away", "owners after fchown", given_away, AF_INET, .sees = {{WHOLE, WHOLE}, {NOTHING, NOTHING}}},
    {"no early demux", "early demux is off", without_early_demux, AF_INET, .sees = {{WHOLE, WHOLE}, {NOTHING, WHOLE}}},
};
const size_t backend_case_count = ARRAY_SIZE(backend_cases);
