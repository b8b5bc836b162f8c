/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * tun with offload headers: packets come with gso_size and without gso_segs, as from virtio_net. A tun device in A and
 * one in B; a thread carries packets and headers from one to the other and counts what they would be on a wire.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/udp.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "kit.h"

#define UID 10001
#define BULK 1000000

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

struct carrier {
    int a, b;
    int stop[2];
    unsigned supers; /* super-packets carried */
    struct tctl_counters wire;
    pthread_t thread;
};

struct tun_wanted {
    const char *name;
    unsigned offload;
};

static int tun_make(int channel, void *arg)
{
    const struct tun_wanted *wanted = arg;
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
    _cleanup_fd_ int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", wanted->name);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0 || ioctl(fd, TUNSETOFFLOAD, wanted->offload) < 0)
        return -errno;
    return channel_send_fd(channel, fd);
}

static int tun_new(enum place place, const char *name, unsigned offload)
{
    struct tun_wanted wanted = {.name = name, .offload = offload};
    struct actor actor;
    int fd;

    assert_int_equal(actor_start(the_world, place, 0, tun_make, &wanted, &actor), 0);
    fd = channel_recv_fd(actor.channel);
    if (actor_wait(&actor) < 0)
        return -1;
    assert_int_equal(world_run(the_world, place, "ip addr add 10.77.0.%d/24 dev %s", place == PLACE_A ? 1 : 2, name),
                     0);
    assert_int_equal(
        world_run(the_world, place, "ip addr add fd77::%d/64 dev %s nodad", place == PLACE_A ? 1 : 2, name), 0);
    assert_int_equal(world_run(the_world, place, "ip link set %s up", name), 0);
    assert_int_equal(world_wait_up(the_world, the_world->netns[place], name), 0);
    return fd;
}

/* IPv4 or IPv6 without extension headers, TCP or UDP; other packets are noise of the kernel (0). */
static size_t headers_of(const uint8_t *ip)
{
    size_t network = ip[0] >> 4 == 4 ? (ip[0] & 15) * 4u : 40;
    uint8_t protocol = ip[0] >> 4 == 4 ? ip[9] : ip[6];

    return protocol == IPPROTO_TCP ? network + (ip[network + 12] >> 4) * 4u : protocol == IPPROTO_UDP ? network + 8 : 0;
}

static void carry(struct carrier *carrier, int from, int to)
{
    static uint8_t frame[sizeof(struct virtio_net_hdr) + 70000];
    const struct virtio_net_hdr *header = (const void *)frame;
    const uint8_t *ip = frame + sizeof(*header);
    ssize_t n = read(from, frame, sizeof(frame));
    bool tx = from == carrier->a;
    uint64_t segments = 1, bytes;
    size_t headers;

    if (n <= (ssize_t)sizeof(*header))
        return;
    bytes = (uint64_t)n - sizeof(*header);
    headers = headers_of(ip);
    if (headers && header->gso_type != VIRTIO_NET_HDR_GSO_NONE)
        segments = (bytes - headers + header->gso_size - 1) / header->gso_size;
    if (headers) {
        carrier->supers += segments > 1;
        *(tx ? &carrier->wire.tx_packets : &carrier->wire.rx_packets) += segments;
        *(tx ? &carrier->wire.tx_bytes : &carrier->wire.rx_bytes) += bytes + (segments - 1) * headers;
    }
    if (write(to, frame, (size_t)n) != n)
        perror("tun");
}

static void *carry_all(void *arg)
{
    struct carrier *carrier = arg;
    struct pollfd end[3] = {{.fd = carrier->a, .events = POLLIN},
                            {.fd = carrier->b, .events = POLLIN},
                            {.fd = carrier->stop[0], .events = POLLIN}};

    while (poll(end, 3, -1) > 0 && !(end[2].revents && !end[0].revents && !end[1].revents)) {
        if (end[0].revents)
            carry(carrier, carrier->a, carrier->b);
        if (end[1].revents)
            carry(carrier, carrier->b, carrier->a);
    }
    return NULL;
}

static bool carrier_open(struct carrier *carrier, unsigned offload)
{
    carrier->a = tun_new(PLACE_A, "tun0", offload);
    carrier->b = carrier->a < 0 ? -1 : tun_new(PLACE_B, "tun0", offload);
    if (carrier->b < 0)
        return false;
    assert_return_code(pipe(carrier->stop), 0);
    assert_int_equal(pthread_create(&carrier->thread, NULL, carry_all, carrier), 0);
    return true;
}

static void carrier_stop(struct carrier *carrier)
{
    assert_int_equal(write(carrier->stop[1], "", 1), 1);
    pthread_join(carrier->thread, NULL);
    fd_close(carrier->stop[0]);
    fd_close(carrier->stop[1]);
}

static union address tun_address(int family, unsigned number)
{
    union address address = {.any.sa_family = (sa_family_t)family};

    if (family == AF_INET)
        address.v4.sin_addr.s_addr = htonl(0x0a4d0000 + number);
    else
        memcpy(&address.v6.sin6_addr, (uint8_t[16]){0xfd, 0x77, [15] = (uint8_t)number}, 16);
    return address;
}

static int tun_socket(enum place place, uid_t uid, int family, int type)
{
    union address at = tun_address(family, place == PLACE_A ? 1 : 2);
    int fd = socket_as(the_world, place, uid, family, type, 0);

    assert_true(fd >= 0);
    bind_to(fd, &at);
    return fd;
}

static void tcp_through(int family, bool out)
{
    struct tcp tcp = {.listener = tun_socket(PLACE_B, 0, family, SOCK_STREAM),
                      .a = tun_socket(PLACE_A, UID, family, SOCK_STREAM)};
    union address at_b;

    assert_return_code(listen(tcp.listener, 1), 0);
    at_b = name_of(tcp.listener);
    assert_true(connect(tcp.a, &at_b.any, address_size(&at_b)) == 0 || errno == EINPROGRESS);
    tcp.b = accept_as(the_world, PLACE_B, 0, tcp.listener);
    assert_true(tcp.b >= 0);
    transfer(out ? tcp.a : tcp.b, out ? tcp.b : tcp.a, BULK, 1 << 16);
    tcp_end(&tcp, true);
}

/* One send becomes many datagrams, carried as one packet. */
static void udp_through(int family, bool gro)
{
    static char block[50000];
    struct udp udp = {.a = tun_socket(PLACE_A, UID, family, SOCK_DGRAM),
                      .b = tun_socket(PLACE_B, 0, family, SOCK_DGRAM)};
    int from[2] = {udp.a, udp.b}, segment = 1000;

    udp.at_a = name_of(udp.a);
    udp.at_b = name_of(udp.b);
    assert_return_code(connect(udp.a, &udp.at_b.any, address_size(&udp.at_b)), 0);
    assert_return_code(connect(udp.b, &udp.at_a.any, address_size(&udp.at_a)), 0);
    for (int i = 0; i < 2; i++) {
        size_t got = 0;

        assert_return_code(setsockopt(from[i], IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment)), 0);
        assert_return_code(setsockopt(from[!i], IPPROTO_UDP, UDP_GRO, &(int){gro}, sizeof(int)), 0);
        /* All of one send may wait there while this process has no CPU. */
        assert_return_code(setsockopt(from[!i], SOL_SOCKET, SO_RCVBUFFORCE, &(int){1 << 20}, sizeof(int)), 0);
        assert_int_equal(send(from[i], block, 30700, 0), 30700);
        while (got < 30700) {
            ssize_t n;

            wait_for(from[!i], POLLIN);
            n = recv(from[!i], block, sizeof(block), 0);
            assert_true(n > 0);
            got += (size_t)n;
        }
    }
    udp_close(&udp);
}

static void expect_carried(struct carrier *carrier, struct tctl_counters before)
{
    struct tctl_counters counted;

    carrier_stop(carrier);
    counted = counters_less(uid_total(the_world, UID), before);
    fd_close(carrier->a);
    fd_close(carrier->b);
    assert_true(carrier->supers > 0);
    assert_counters_equal("counted, beside what tun carried", counted, carrier->wire);
}

static void tcp_case(int family, bool out)
{
    struct tctl_counters before = uid_total(the_world, UID);
    struct carrier carrier = {0};

    assert_true(carrier_open(&carrier, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6));
    tcp_through(family, out);
    expect_carried(&carrier, before);
}

static void test_tun_tcp(void **state)
{
    (void)state;
    if (access("/dev/net/tun", F_OK) < 0)
        skip_because("no /dev/net/tun", false);
    tcp_case(AF_INET, true);
    tcp_case(AF_INET, false);
    tcp_case(AF_INET6, true);
    tcp_case(AF_INET6, false);
}

static void udp_case(int family, bool gro)
{
    struct tctl_counters before = uid_total(the_world, UID);
    struct carrier carrier = {0};

    if (!carrier_open(&carrier, TUN_F_CSUM | TUN_F_USO4 | TUN_F_USO6))
        skip_because("tun takes no UDP segmentation (6.2)", false);
    udp_through(family, gro);
    expect_carried(&carrier, before);
}

static void test_tun_udp(void **state)
{
    (void)state;
    if (access("/dev/net/tun", F_OK) < 0)
        skip_because("no /dev/net/tun", false);
    udp_case(AF_INET, false);
    udp_case(AF_INET, true);
    udp_case(AF_INET6, false);
    udp_case(AF_INET6, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tun_tcp),
        cmocka_unit_test(test_tun_udp),
    };

    return run_both("exact: tun", tests, ARRAY_SIZE(tests));
}
