/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Verify on links that count otherwise than a plain Ethernet: VLAN, bridge, tun, a queue without room. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <linux/if_tun.h>
#include <net/if.h>

#include "cleanup.h"
#include "fd.h"
#include "kit.h"
#include "verify_kit.h"

#define UID 10001

/* A neighbour that need not be asked for, and nothing that a kernel says of its own accord. */
static void address_on(enum place place, const char *device, const char *address, const char *peer)
{
    assert_int_equal(world_run(the_world, place, "ip link set %s up", device), 0);
    assert_int_equal(world_run(the_world, place, "ip addr add %s/24 dev %s", address, device), 0);
    if (*peer)
        assert_int_equal(world_run(the_world, place, "ip neigh add %s lladdr 02:00:00:00:00:%s nud permanent dev %s",
                                   peer, place == PLACE_A ? "0b" : "0a", device),
                         0);
}

static union address address_in(const char *text, uint16_t port)
{
    union address address = {.v4 = {.sin_family = AF_INET, .sin_port = htons(port)}};

    assert_int_equal(inet_pton(AF_INET, text, &address.v4.sin_addr), 1);
    return address;
}

static int socket_at(enum place place, const char *text, uint16_t port)
{
    union address at = address_in(text, port);
    int fd = socket_as(the_world, place, place == PLACE_A ? UID : 0, AF_INET, SOCK_DGRAM, 0);

    bind_to(fd, &at);
    return fd;
}

static void join(int fd, const char *text, uint16_t port)
{
    union address to = address_in(text, port);

    assert_return_code(connect(fd, &to.any, address_size(&to)), errno);
}

static void no_ipv6(enum place place)
{
    assert_int_equal(world_sysctl(the_world, place, "ipv6/conf/default/disable_ipv6", "1"), 0);
}

/* What the VLAN's interface counts, the one beneath has as another's. */
static void test_vlan(void **state)
{
    _cleanup_fd_ int a = -1, b = -1;

    (void)state;
    no_ipv6(PLACE_A);
    no_ipv6(PLACE_B);
    if (world_run(the_world, PLACE_A, "ip link add link a0 name a0.7 type vlan id 7") < 0)
        skip_because("this kernel has no VLANs", true);
    begin(true, true, true);
    assert_int_equal(world_run(the_world, PLACE_B, "ip link add link b0 name b0.7 type vlan id 7"), 0);
    address_on(PLACE_A, "a0.7", "10.7.0.1", "10.7.0.2");
    address_on(PLACE_B, "b0.7", "10.7.0.2", "10.7.0.1");
    a = socket_at(PLACE_A, "10.7.0.1", 7001);
    b = socket_at(PLACE_B, "10.7.0.2", 7002);
    join(a, "10.7.0.2", 7002);
    join(b, "10.7.0.1", 7001);
    for (size_t size = 1; size < 60000; size = size * 5 / 2 + 7) {
        udp_send(a, b, size);
        udp_send(b, a, size);
    }
    json_t *then = verify_all();
    for (int out = 0; out < 2; out++) {
        json_t *side = side_of(then, "a0.7", out ? "tx" : "rx"), *beneath = side_of(then, "a0", out ? "tx" : "rx");
        struct part users = part_of(side, "users"), other = part_of(beneath, "other");
        assert_explained(side);
        assert_true(users.packets > 0);
        assert_part("other", part_of(side, "other"), 0, 0);
        assert_int_equal(other.packets, users.packets);
        assert_true(other.bytes >= users.bytes);
    }
    json_decref(then);
    assert_int_equal(world_run(the_world, PLACE_A, "ip link del a0.7"), 0);
    assert_int_equal(world_run(the_world, PLACE_B, "ip link del b0.7"), 0);
}

/* A port of A's bridge, its other end in another place. */
static void port_new(const char *port, const char *end, enum place place, const char *address, const char *mac)
{
    assert_int_equal(world_run(the_world, PLACE_A, "ip link add %s type veth peer name %s address 02:00:00:00:00:%s",
                               port, end, mac),
                     0);
    assert_int_equal(
        world_run(the_world, PLACE_A, "ip link set %s netns /proc/%d/fd/%d", end, getpid(), the_world->netns[place]),
        0);
    assert_int_equal(world_run(the_world, PLACE_A, "ip link set %s master br1 up", port), 0);
    assert_int_equal(world_run(the_world, place, "ip addr add %s/24 dev %s", address, end), 0);
    assert_int_equal(world_run(the_world, place, "ip link set %s up", end), 0);
}

static void bridge_new(void)
{
    static const char NEIGHBOUR[] = "ip neigh add 10.9.0.%d lladdr 02:00:00:00:00:%s nud permanent dev %s";

    no_ipv6(PLACE_A);
    no_ipv6(PLACE_B);
    assert_int_equal(world_run(the_world, PLACE_A,
                               "ip link add br1 address 02:00:00:00:00:c1 type bridge"
                               " mcast_snooping 0 forward_delay 0"),
                     0);
    assert_int_equal(world_run(the_world, PLACE_A, "ip link set br1 up"), 0);
    assert_int_equal(world_run(the_world, PLACE_A, "ip addr add 10.9.0.1/24 dev br1"), 0);
    port_new("p2", "q2", PLACE_B, "10.9.0.2", "c2");
    port_new("p3", "q3", PLACE_M, "10.9.0.3", "c3");
    assert_int_equal(world_run(the_world, PLACE_A, NEIGHBOUR, 2, "c2", "br1"), 0);
    assert_int_equal(world_run(the_world, PLACE_B, NEIGHBOUR, 1, "c1", "q2"), 0);
    assert_int_equal(world_run(the_world, PLACE_B, NEIGHBOUR, 3, "c3", "q2"), 0);
    assert_int_equal(world_run(the_world, PLACE_M, NEIGHBOUR, 2, "c2", "q3"), 0);
    assert_int_equal(world_sysctl(the_world, PLACE_A, "bridge/bridge-nf-call-iptables", "1"), 0);
}

/* What goes from port to port is shown to the hooks as the bridge's, whose link never sees it. */
static void test_bridge(void **state)
{
    _cleanup_fd_ int a = -1, b = -1, c = -1;

    (void)state;
    bridge_new();
    begin(true, true, true);
    a = socket_at(PLACE_A, "10.9.0.1", 7001);
    b = socket_at(PLACE_B, "10.9.0.2", 7002);
    c = socket_at(PLACE_M, "10.9.0.3", 7003);
    join(c, "10.9.0.2", 7002);
    join(b, "10.9.0.3", 7003);
    for (int i = 0; i < 5; i++)
        udp_send(b, c, 500);
    udp_send(c, b, 300);
    join(b, "10.9.0.1", 7001);
    join(a, "10.9.0.2", 7002);
    for (int i = 0; i < 3; i++)
        udp_send(b, a, 200);
    udp_send(a, b, 100);
    json_t *then = verify("verify br1", 0), *rx = side_of(then, "br1", "rx"), *tx = side_of(then, "br1", "tx");
    assert_explained(rx);
    assert_explained(tx);
    assert_part("users rx", part_of(rx, "users"), 3, 3 * 228);
    assert_part("users tx", part_of(tx, "users"), 1, 128);
    assert_part("forwarded", part_of(rx, "forwarded"), 6, 5 * 528 + 328);
    assert_part("unlinked", part_of(rx, "unlinked"), -6, -(5 * 528 + 328));
    json_decref(then);
    assert_int_equal(world_run(the_world, PLACE_A, "ip link del br1"), 0);
    json_decref(verify_all());
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

/* No header at all. What nobody has read, the link has not. */
static void test_tun(void **state)
{
    _cleanup_fd_ int tun = -1, a = -1;
    struct actor actor;
    char packet[2000];

    (void)state;
    no_ipv6(PLACE_A);
    assert_int_equal(actor_start(the_world, PLACE_A, 0, tun_make, NULL, &actor), 0);
    tun = channel_recv_fd(actor.channel);
    assert_int_equal(actor_wait(&actor), 0);
    address_on(PLACE_A, "t0", "10.8.0.1", "");
    a = socket_at(PLACE_A, "10.8.0.1", 7001);
    join(a, "10.8.0.2", 7002);
    for (int i = 0; i < 6; i++)
        assert_int_equal(send(a, packet, 100, 0), 100);
    for (int i = 0; i < 4; i++)
        assert_int_equal(read(tun, packet, sizeof(packet)), 128);
    json_t *then = verify_all();
    json_t *side = side_of(then, "t0", "tx");
    assert_explained(side);
    assert_part("users", part_of(side, "users"), 6, 6 * 128);
    assert_part("link", part_of(side, "link"), 4, 4 * 128);
    assert_part("unlinked", part_of(side, "unlinked"), -2, -2 * 128);
    json_decref(then);
}

/* Counted, and then the queue has no room: the link never sees it. */
static void test_packets_that_the_queue_drops(void **state)
{
    struct udp udp = udp_pair(the_world, UID, AF_INET, 1);
    begin(true, true, true);
    json_t *first = verify_all();

    (void)state;
    assert_int_equal(world_run(the_world, PLACE_A, "tc qdisc add dev a0 root pfifo limit 0"), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(send(udp.a, "dropped", 7, 0), 7);
    assert_int_equal(world_run(the_world, PLACE_A, "tc qdisc del dev a0 root"), 0);
    udp_close(&udp);
    json_t *then = verify_all();
    assert_part("tx", raised(first, then, "tx", "unlinked"), -3, -3 * 35);
    assert_part("users", raised(first, then, "tx", "users"), 3, 3 * 35);
    json_decref(first);
    json_decref(then);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vlan),
        cmocka_unit_test(test_bridge),
        cmocka_unit_test(test_tun),
        cmocka_unit_test(test_packets_that_the_queue_drops),
    };
    const struct world_options shared = {.netfilter = "link"}, percpu = {.netfilter = "link", .percpu = true};

    return run_world("verify links", tests, ARRAY_SIZE(tests), &shared) +
           run_world("verify links", tests, ARRAY_SIZE(tests), &percpu);
}
