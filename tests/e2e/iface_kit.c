/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "iface_kit.h"
#include "inside.h"
#include "kit.h"

#define WAIT_MS 10000

static int behind = -1; /* C's namespace */

int place_setup(void **state)
{
    (void)state;
    return place_enter(the_world, PLACE_A);
}

int place_teardown(void **state)
{
    (void)state;
    return place_leave(the_world);
}

struct tctl_counters iface_total(const char *name)
{
    struct tctl_counters counters = {0};
    struct tctl_iface_row *rows;
    size_t count;

    assert_return_code(tctl_read_ifaces(the_world->traffic, &rows, &count), errno);
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].iface, name) == 0)
            counters = rows[i].counters;
    free(rows);
    return counters;
}

struct tctl_iface_parts iface_parts(const char *name)
{
    _cleanup_fd_ int map = world_map(the_world, "trafficctl/iface_parts");
    struct tctl_iface_parts parts = {0};
    uint32_t number = if_nametoindex(name);

    assert_int_not_equal(number, 0);
    if (bpf_map_lookup_elem(map, &number, &parts) < 0)
        return (struct tctl_iface_parts){0};
    return parts;
}

struct tctl_counters wire_total(void)
{
    struct tctl_counters wire;

    assert_return_code(wire_count(the_world, &(struct wire_filter){0}, &wire), errno);
    return wire;
}

static bool same(struct tctl_counters a, struct tctl_counters b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}

/* The kernel sends on its own, too (neighbours, listeners): between two looks nothing may have crossed. */
struct tctl_counters a0_start(void)
{
    struct tctl_counters before;

    do {
        before = iface_total("a0");
        assert_return_code(wire_reset(the_world), errno);
    } while (!same(iface_total("a0"), before));
    return before;
}

void a0_exact(struct tctl_counters before)
{
    struct tctl_counters counted, wire;

    do {
        wire = wire_total();
        counted = counters_less(iface_total("a0"), before);
    } while (!same(wire_total(), wire));
    assert_counters_equal("a0", counted, wire);
    assert_true(wire.tx_packets > 0 && wire.rx_packets > 0);
}

/* In C; the test process comes back to A. */
static void in_behind(void (*run)(void *arg), void *arg)
{
    assert_return_code(setns(behind, CLONE_NEWNET), errno);
    run(arg);
    assert_int_equal(place_enter(the_world, PLACE_A), 0);
}

static void run_line(void *line)
{
    assert_int_equal(system(line), 0);
}

void behind_run(const char *line)
{
    char copy[512];

    snprintf(copy, sizeof(copy), "%s", line);
    in_behind(run_line, copy);
}

static void make_namespace(void)
{
    assert_return_code(unshare(CLONE_NEWNET), errno);
    behind = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    assert_return_code(behind, errno);
    assert_int_equal(place_enter(the_world, PLACE_A), 0);
}

static void in_a(const char *line)
{
    assert_int_equal(world_run(the_world, PLACE_A, "%s", line), 0);
}

void behind_new(void)
{
    char line[160];

    make_namespace();
    in_a("ip link add c0 address 02:00:00:00:00:1a type veth peer name c1 address 02:00:00:00:00:1c");
    snprintf(line, sizeof(line), "ip link set c1 netns /proc/%d/fd/%d", getpid(), behind);
    in_a(line);
    in_a("ip link set c0 up");
    in_a("ip route add " WORLD_C4 "/32 dev c0");
    in_a("ip route add " WORLD_C6 "/128 dev c0");
    in_a("ip neigh add " WORLD_C4 " lladdr 02:00:00:00:00:1c nud permanent dev c0");
    in_a("ip neigh add " WORLD_C6 " lladdr 02:00:00:00:00:1c nud permanent dev c0");
    assert_int_equal(world_sysctl(the_world, PLACE_A, "ipv4/ip_forward", "1"), 0);
    assert_int_equal(world_sysctl(the_world, PLACE_A, "ipv6/conf/all/forwarding", "1"), 0);
    assert_int_equal(place_enter(the_world, PLACE_A), 0);
    behind_run("ip link set lo up && ip link set c1 up && ip addr add " WORLD_C4 "/32 dev c1 && "
               "ip addr add " WORLD_C6 "/128 dev c1 nodad && "
               "ip neigh add 192.0.2.1 lladdr 02:00:00:00:00:1a nud permanent dev c1 && "
               "ip neigh add fd00:a::1 lladdr 02:00:00:00:00:1a nud permanent dev c1 && "
               "ip route add default via 192.0.2.1 dev c1 onlink && "
               "ip -6 route add default via fd00:a::1 dev c1 onlink");
    assert_int_equal(world_wait_up(the_world, the_world->netns[PLACE_A], "c0"), 0);
    assert_int_equal(world_wait_up(the_world, behind, "c1"), 0);
    assert_int_equal(place_enter(the_world, PLACE_A), 0);
}

void behind_free(void)
{
    world_run(the_world, PLACE_A, "ip link del c0");
    assert_int_equal(world_sysctl(the_world, PLACE_A, "ipv4/ip_forward", "0"), 0);
    assert_int_equal(world_sysctl(the_world, PLACE_A, "ipv6/conf/all/forwarding", "0"), 0);
    assert_int_equal(place_enter(the_world, PLACE_A), 0);
    behind = fd_close(behind);
}

static union address address_behind(int family)
{
    union address address = {.any.sa_family = (sa_family_t)family};

    if (family == AF_INET)
        assert_int_equal(inet_pton(family, WORLD_C4, &address.v4.sin_addr), 1);
    else
        assert_int_equal(inet_pton(family, WORLD_C6, &address.v6.sin6_addr), 1);
    return address;
}

static void open_datagram(void *arg)
{
    union address at = address_behind(*(int *)arg);
    int fd = socket(at.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    assert_return_code(fd, errno);
    bind_to(fd, &at);
    *(int *)arg = fd;
}

struct udp udp_behind(int family)
{
    struct udp udp = {.a = family, .b = socket_as(the_world, PLACE_B, 0, family, SOCK_DGRAM, 0)};
    union address to_b = address_of(family, 0, 0);

    assert_return_code(udp.b, errno);
    in_behind(open_datagram, &udp.a);
    bind_to(udp.b, &to_b);
    udp.at_a = name_of(udp.a);
    udp.at_b = name_of(udp.b);
    assert_return_code(connect(udp.a, &udp.at_b.any, address_size(&udp.at_b)), errno);
    assert_return_code(connect(udp.b, &udp.at_a.any, address_size(&udp.at_a)), errno);
    return udp;
}

char *output_of(const char *command)
{
    FILE *pipe = popen(command, "re");
    char *text = NULL;
    size_t length;

    assert_non_null(pipe);
    assert_return_code(fd_read_all(fileno(pipe), 64 << 20, &text, &length), 0);
    assert_int_equal(pclose(pipe), 0);
    return text;
}

int socket_on(const char *iface, uid_t uid)
{
    const struct sockaddr_in nowhere = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(0xCB007101)};
    int fd = socket_as(the_world, PLACE_A, uid, AF_INET, SOCK_DGRAM, 0);
    assert_return_code(fd, errno);
    assert_return_code(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, iface, (socklen_t)strlen(iface)), errno);
    assert_return_code(connect(fd, (const struct sockaddr *)&nowhere, sizeof(nowhere)), errno);
    return fd;
}

void send_lone(int fd, unsigned int count)
{
    static const char block[LONE_SIZE];
    for (unsigned int i = 0; i < count; i++) {
        ssize_t n = send(fd, block, sizeof(block), 0);
        assert_int_equal(n, LONE_SIZE);
    }
}

void send_on(const char *iface, uid_t uid, unsigned int count)
{
    _cleanup_fd_ int fd = socket_on(iface, uid);
    send_lone(fd, count);
}

bool has_name(uint32_t index, const char *name)
{
    _cleanup_fd_ int fd = world_map(the_world, "traffic_iface_index_name_map");
    char text[TCTL_IFNAME_LEN];
    return bpf_map_lookup_elem(fd, &index, text) == 0 ? name && strcmp(text, name) == 0 : !name;
}

void comes_to_name(uint32_t index, const char *name)
{
    const uint64_t start = now_ms();
    while (!has_name(index, name)) {
        if (now_ms() - start > WAIT_MS)
            fail_msg("%u is not %s", index, name ? name : "gone");
        poll(NULL, 0, 5);
    }
}

void add_veth(const char *name, unsigned int number)
{
    assert_int_equal(
        world_run(the_world, PLACE_A, "ip link add %s index %u up type veth peer name peer%u", name, number, number),
        0);
    assert_int_equal(world_run(the_world, PLACE_A, "ip link set peer%u up", number), 0);
    assert_int_equal(world_run(the_world, PLACE_A, "ip link set %s arp off", name), 0); /* nobody would answer */
}

void delete_link(const char *name)
{
    assert_int_equal(world_run(the_world, PLACE_A, "ip link del %s", name), 0);
}
