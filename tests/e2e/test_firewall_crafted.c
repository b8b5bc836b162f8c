/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Ways round a block by packets that look exempt: a raw socket's maker writes every header. And by the interface. What
 * cannot be stopped, because no program of a control group sees it, is shown too.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "attempt.h"
#include "fd.h"
#include "verdicts.h"

/* A socket that its maker could not have without CAP_NET_RAW, of the blocked user. */
static int raw_socket(int family, int protocol)
{
    int r = attempt_become_raw(), fd;

    if (r < 0)
        return r == -EPERM ? -EBADE : r;
    fd = socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    if (fd < 0)
        return errno == EPERM ? -EBADE : -errno;
    return fd;
}

static struct attempt attempt_raw(int family, int protocol)
{
    return (struct attempt){
        .filter = {.family = family, .protocol = protocol},
        .to = address_of(family, 0, 0),
        .number = protocol,
    };
}

/* Where the kernel writes the network header: some bytes of a protocol. */
static int send_raw(int channel, void *arg)
{
    const struct attempt *attempt = arg;
    _cleanup_fd_ int fd = raw_socket(attempt->filter.family, attempt->number);
    static const char bytes[64];

    (void)channel;
    if (fd < 0)
        return fd;
    return sendto(fd, bytes, sizeof(bytes), 0, &attempt->to.any, address_size(&attempt->to)) > 0 ? 0 : -errno;
}

static void each_protocol(int family, const int *protocol, size_t count, unsigned chain)
{
    for (size_t i = 0; i < count; i++) {
        struct attempt attempt = attempt_raw(family, protocol[i]);

        if (i > 0)
            barrier_up(chain);
        attempt_fails_from_root(send_raw, &attempt);
    }
}

static void test_raw_sockets(void **state)
{
    static const int v4[] = {IPPROTO_ICMP, IPPROTO_UDP, IPPROTO_ESP, IPPROTO_AH, IPPROTO_GRE, 253};
    static const int v6[] = {IPPROTO_UDP, IPPROTO_ESP, 253};

    each_protocol(AF_INET, v4, ARRAY_SIZE(v4), *(unsigned *)*state);
    barrier_up(*(unsigned *)*state);
    each_protocol(AF_INET6, v6, ARRAY_SIZE(v6), *(unsigned *)*state);
}

/* Who asks for IPsec's packets to pass lets raw sockets have them. */
static void test_esp_passes_where_it_is_exempt(void **state)
{
    static const int family[] = {AF_INET, AF_INET6};

    (void)state;
    barrier_exempt(true, true);
    for (int i = 0; i < 2; i++) {
        struct attempt esp = attempt_raw(family[i], IPPROTO_ESP), udp = attempt_raw(family[i], IPPROTO_UDP);

        assert_int_equal(as_uid(the_world, PLACE_A, 0, send_raw, &esp), 0);
        assert_int_equal(as_uid(the_world, PLACE_A, 0, send_raw, &udp), -EPERM);
    }
}

/* Neighbours, routers, multicast listeners, packet too big: any of these with a message of one's own. */
static int send_icmpv6(int channel, void *arg)
{
    const struct attempt *attempt = arg;
    const union address from = address_of(AF_INET6, 1, 0);
    _cleanup_fd_ int fd = raw_socket(AF_INET6, IPPROTO_ICMPV6);
    struct {
        struct icmp6_hdr head;
        char message[100];
    } packet = {.head = {.icmp6_type = (uint8_t)attempt->number}};

    (void)channel;
    if (fd < 0)
        return fd;
    if (bind(fd, &from.any, sizeof(from.v6)) < 0)
        return -EBADE;
    return sendto(fd, &packet, sizeof(packet), 0, &attempt->to.any, sizeof(attempt->to.v6)) > 0 ? 0 : -errno;
}

static void test_messages_of_neighbour_discovery(void **state)
{
    static const uint8_t types[] = {2, 130, 131, 132, 133, 134, 135, 136, 137, 143};

    for (size_t i = 0; i < sizeof(types); i++) {
        struct attempt attempt = attempt_raw(AF_INET6, types[i]);

        attempt.filter.protocol = IPPROTO_ICMPV6;
        attempt.filter.address = 1; /* the kernel's own have others */
        if (i > 0)
            barrier_up(*(unsigned *)*state);
        attempt_fails_from_root(send_icmpv6, &attempt);
    }
}

/* With every header made here. The reset, alone and whole, would be exempt if TCP had sent it. */
static const struct verdict_packet crafted[] = {
    {.protocol = IPPROTO_TCP, .tcp_flags = TH_RST},
    {.protocol = IPPROTO_TCP, .tcp_flags = TH_RST, .ip_options = 40, .tcp_options = 40},
    {.protocol = IPPROTO_TCP, .tcp_flags = TH_RST, .flaw = VERDICT_FIRST_FRAGMENT},
    {.protocol = IPPROTO_TCP, .tcp_flags = TH_RST, .flaw = VERDICT_FIRST_FRAGMENT, .payload = 100},
    {.protocol = IPPROTO_TCP, .tcp_flags = TH_RST, .flaw = VERDICT_LATER_FRAGMENT, .payload = 100},
    {.protocol = IPPROTO_TCP, .tcp_flags = TH_RST, .flaw = VERDICT_CUT, .cut = 28},
    {.protocol = IPPROTO_TCP, .tcp_flags = TH_RST, .payload = 1000},
    {.protocol = IPPROTO_TCP, .tcp_flags = TH_RST, .flaw = VERDICT_LONG_DOFF, .payload = 10},
    {.protocol = IPPROTO_UDP, .payload = 10},
    {.ipv6 = true, .protocol = IPPROTO_TCP, .tcp_flags = TH_RST},
    {.ipv6 = true, .protocol = IPPROTO_TCP, .tcp_flags = TH_RST, .extension_count = 1, .extensions = {60}},
    {.ipv6 = true, .protocol = IPPROTO_TCP, .tcp_flags = TH_RST, .extension_count = 3, .extensions = {0, 60, 60}},
    {.ipv6 = true, .protocol = IPPROTO_TCP, .tcp_flags = TH_RST, .extension_count = 1, .extensions = {44}},
    {.ipv6 = true, .protocol = IPPROTO_UDP, .extension_count = 2, .extensions = {60, 60}},
    {.ipv6 = true, .protocol = IPPROTO_ICMPV6, .icmp_type = 135, .extension_count = 1, .extensions = {60}},
};

/* Of a header without options, in the order of the wire. */
static uint16_t checksum(const uint8_t *header)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < sizeof(struct iphdr); i += 2)
        sum += (uint32_t)(header[i] << 8 | header[i + 1]);
    sum = (sum & 0xffff) + (sum >> 16);
    return htons((uint16_t) ~(sum + (sum >> 16)));
}

static size_t craft(const struct verdict_packet *packet, uint8_t *bytes)
{
    size_t length = verdict_packet_bytes(packet, bytes);
    union address from = address_of(packet->ipv6 ? AF_INET6 : AF_INET, 1, 0);
    union address to = address_of(packet->ipv6 ? AF_INET6 : AF_INET, 0, 0);

    if (packet->ipv6) {
        memcpy(bytes + offsetof(struct ip6_hdr, ip6_src), &from.v6.sin6_addr, 16);
        memcpy(bytes + offsetof(struct ip6_hdr, ip6_dst), &to.v6.sin6_addr, 16);
    } else {
        memcpy(bytes + offsetof(struct iphdr, saddr), &from.v4.sin_addr, 4);
        memcpy(bytes + offsetof(struct iphdr, daddr), &to.v4.sin_addr, 4);
    }
    return length;
}

static int send_crafted(int channel, void *arg)
{
    const struct attempt *attempt = arg;
    const struct verdict_packet *packet = &crafted[attempt->number];
    uint8_t bytes[VERDICT_PACKET];
    size_t length = craft(packet, bytes);
    _cleanup_fd_ int fd = raw_socket(packet->ipv6 ? AF_INET6 : AF_INET, IPPROTO_RAW);

    (void)channel;
    if (fd < 0)
        return fd;
    return sendto(fd, bytes, length, 0, &attempt->to.any, address_size(&attempt->to)) > 0 ? 0 : -errno;
}

static void test_headers_of_ones_own(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(crafted); i++) {
        struct attempt attempt = attempt_raw(crafted[i].ipv6 ? AF_INET6 : AF_INET, 0);

        attempt.filter.address = 1;
        attempt.number = (int)i;
        if (i > 0)
            barrier_up(*(unsigned *)*state);
        attempt_fails_from_root(send_crafted, &attempt);
    }
}

/* Root's, given to the user: raw sockets are made by nobody else. */
static int raw_listener(int family, int protocol)
{
    int fd = socket_as(the_world, PLACE_A, 0, family, SOCK_RAW, protocol);

    assert_true(fd >= 0);
    assert_return_code(fchown(fd, BARRIER_USER, -1), errno);
    return fd;
}

struct said {
    int protocol;
    union address to;
    const void *bytes;
    size_t size;
};

static int say(int channel, void *arg)
{
    const struct said *said = arg;
    _cleanup_fd_ int fd = socket(said->to.any.sa_family, SOCK_RAW | SOCK_CLOEXEC, said->protocol);

    (void)channel;
    return sendto(fd, said->bytes, said->size, 0, &said->to.any, address_size(&said->to)) > 0 ? 0 : -errno;
}

/* A packet that the network needs, from a friend outside: the kernel hears it, a raw socket of the user's does not. */
static void hears_nothing(struct said *said)
{
    _cleanup_fd_ int fd = raw_listener(said->to.any.sa_family, said->protocol);
    struct wire_filter filter = {.family = said->to.any.sa_family, .protocol = (uint8_t)said->protocol, .address = 1};
    struct meter meter = meter_start(the_world, BARRIER_USER, &filter);
    char bytes[256];

    assert_int_equal(as_uid(the_world, PLACE_B, 0, say, said), 0);
    meter_exact(&meter); /* it has come, and was counted */
    assert_int_equal(recv(fd, bytes, sizeof(bytes), 0), -1);
    assert_int_equal(errno, EAGAIN);
    barrier_down();
    assert_int_equal(as_uid(the_world, PLACE_B, 0, say, said), 0);
    wait_for(fd, POLLIN);
}

static void test_raw_socket_hears_no_resets(void **state)
{
    const struct tcphdr reset = {.source = htons(1), .dest = htons(2), .doff = 5, .rst = 1, .seq = 0x6e656b6f};
    struct said said = {IPPROTO_TCP, address_of(AF_INET, 1, 0), &reset, sizeof(reset)};

    (void)state;
    hears_nothing(&said);
}

static void test_raw_socket_hears_no_packet_too_big(void **state)
{
    static const struct {
        struct icmp6_hdr head;
        char message[80];
    } packet = {{.icmp6_type = ICMP6_PACKET_TOO_BIG}, "spoken"};
    struct said said = {IPPROTO_ICMPV6, address_of(AF_INET6, 1, 0), &packet, sizeof(packet)};

    (void)state;
    hears_nothing(&said);
}

/* A blocked user's own network still finds its neighbours: those sockets are the kernel's. */
static void test_neighbour_discovery_of_the_kernel_goes_on(void **state)
{
    struct tctl_counters before = uid_total(the_world, BARRIER_USER);
    uint64_t deadline = now_ms() + 10000;
    struct actor actor;

    (void)state;
    userns_start_network(&actor);
    while (uid_total(the_world, BARRIER_USER).tx_packets < before.tx_packets + 2)
        assert_true(now_ms() < deadline);
    assert_int_equal(channel_send(actor.channel, 0), 0);
    assert_int_equal(actor_wait(&actor), 0);
}

/* Loopback is exempt: what is sent there comes no further, though this machine forwards. */
static int send_by_loopback(int channel, void *arg)
{
    const struct attempt *attempt = arg;
    bool ipv4 = attempt->filter.family == AF_INET;
    _cleanup_fd_ int fd = socket(attempt->filter.family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int lo = 1, lo_in_order = (int)htonl(1);

    (void)channel;
    if (attempt->number == 0 && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) < 0)
        return -EBADE;
    if (attempt->number == 1 && setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &lo, sizeof(lo)) < 0)
        return -EBADE;
    if (attempt->number == 2 && setsockopt(fd, ipv4 ? IPPROTO_IP : IPPROTO_IPV6, ipv4 ? IP_UNICAST_IF : IPV6_UNICAST_IF,
                                           &lo_in_order, sizeof(lo_in_order)) < 0)
        return -EBADE;
    sendto(fd, "x", 1, MSG_DONTWAIT, &attempt->to.any, address_size(&attempt->to));
    return 0; /* whatever comes of it */
}

static void forward(const char *on)
{
    assert_int_equal(world_sysctl(the_world, PLACE_A, "ipv4/ip_forward", on), 0);
    assert_int_equal(world_sysctl(the_world, PLACE_A, "ipv6/conf/all/forwarding", on), 0);
}

static void test_loopback_leads_nowhere(void **state)
{
    struct tctl_counters counters;

    (void)state;
    forward("1");
    for (int i = 0; i < 6; i++) {
        struct attempt attempt = attempt_udp(i & 1 ? AF_INET6 : AF_INET);

        attempt.number = i / 2;
        assert_int_equal(wire_reset(the_world), 0);
        assert_int_equal(as_uid(the_world, PLACE_A, BARRIER_USER, send_by_loopback, &attempt), 0);
        assert_int_equal(wire_count(the_world, &attempt.filter, &counters), 0);
        assert_int_equal(counters.tx_packets, 0);
    }
    forward("0");
}

/* Said in the manual: a packet socket is below IP, and programs of control groups are not asked. */
static int send_from_below(int channel, void *arg)
{
    const struct attempt *attempt = arg;
    uint8_t bytes[VERDICT_PACKET];
    size_t length = craft(&(struct verdict_packet){.protocol = IPPROTO_UDP}, bytes);
    struct sockaddr_ll to = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(ETH_P_IP),
                             .sll_ifindex = attempt->number,
                             .sll_halen = 6,
                             .sll_addr = {2, 0, 0, 0, 0, 0xb}};
    int r = attempt_become_raw();
    _cleanup_fd_ int fd = -1;

    (void)channel;
    if (r < 0)
        return r;
    ((struct iphdr *)bytes)->check = checksum(bytes);
    fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return sendto(fd, bytes, length, 0, (struct sockaddr *)&to, sizeof(to)) > 0 ? 0 : -errno;
}

static int index_of_a0(int channel, void *arg)
{
    (void)arg;
    return channel_send(channel, if_nametoindex("a0"));
}

static void test_packet_sockets_cannot_be_stopped(void **state)
{
    struct attempt attempt = attempt_udp(AF_INET);
    struct tctl_counters counters;
    struct actor actor;
    uint64_t index;

    (void)state;
    assert_int_equal(actor_start(the_world, PLACE_A, 0, index_of_a0, NULL, &actor), 0);
    assert_int_equal(channel_recv(actor.channel, &index), 0);
    assert_int_equal(actor_wait(&actor), 0);
    attempt.number = (int)index;
    assert_int_equal(wire_reset(the_world), 0);
    assert_int_equal(as_uid(the_world, PLACE_A, 0, send_from_below, &attempt), 0);
    assert_int_equal(wire_count(the_world, &attempt.filter, &counters), 0);
    assert_int_equal(counters.tx_packets, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BARRIER_TESTS(test_raw_sockets),
        BARRIER_TESTS(test_esp_passes_where_it_is_exempt),
        BARRIER_TESTS(test_messages_of_neighbour_discovery),
        BARRIER_TESTS(test_headers_of_ones_own),
        BARRIER_TESTS(test_raw_socket_hears_no_resets),
        BARRIER_TESTS(test_raw_socket_hears_no_packet_too_big),
        BARRIER_TESTS(test_neighbour_discovery_of_the_kernel_goes_on),
        BARRIER_TESTS(test_loopback_leads_nowhere),
        BARRIER_TESTS(test_packet_sockets_cannot_be_stopped),
    };

    return run_shared("ways round: crafted packets", tests, ARRAY_SIZE(tests));
}
