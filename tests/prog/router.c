/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "router.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "fd.h"
#include "inside.h"

#define C4 "192.0.2.200"
#define C6 "fd00:a::c8"
#define ETHERNET 14

static void enter(int netns)
{
    assert_return_code(setns(netns, CLONE_NEWNET), errno);
}

static void run(int netns, const char *line)
{
    int status = 0;
    pid_t pid = fork();

    assert_return_code(pid, errno);
    if (pid == 0) {
        if (setns(netns, CLONE_NEWNET) == 0)
            execl("/bin/sh", "sh", "-c", line, NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status)
        fail_msg("%s", line);
}

void router_run(const struct router *router, const char *format, ...)
{
    char line[512];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    run(router->netns, line);
}

/* Reports and solicitations come when they like, and belong to no test. */
static void be_quiet(int netns)
{
    run(netns, "nft add table ip6 quiet");
    run(netns, "nft 'add chain ip6 quiet out { type filter hook output priority 0; }'");
    run(netns, "nft add rule ip6 quiet out meta l4proto icmpv6 drop");
}

static int netns_new(const struct world *world)
{
    assert_return_code(unshare(CLONE_NEWNET), errno);
    int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    assert_return_code(fd, errno);
    enter(world->home);
    return fd;
}

static void address_a(struct world *world)
{
    static const char *const lines[] = {
        "ip link set a1 address 02:00:00:00:01:0a up",
        "ip route add " C4 "/32 dev a1",
        "ip -6 route add " C6 "/128 dev a1",
        "ip neigh add " C4 " lladdr 02:00:00:00:01:0c nud permanent dev a1",
        "ip neigh add " C6 " lladdr 02:00:00:00:01:0c nud permanent dev a1",
    };

    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        run(world->netns[PLACE_A], lines[i]);
    assert_int_equal(world_sysctl(world, PLACE_A, "ipv4/ip_forward", "1"), 0);
    assert_int_equal(world_sysctl(world, PLACE_A, "ipv6/conf/all/forwarding", "1"), 0);
}

static void address_c(const struct router *router)
{
    router_run(router, "ip link set lo up; ip link set c0 address 02:00:00:00:01:0c addrgenmode none up");
    router_run(router, "ip addr add " C4 "/32 dev c0; ip addr add " C6 "/128 dev c0 nodad");
    router_run(router, "ip neigh add 192.0.2.1 lladdr 02:00:00:00:01:0a nud permanent dev c0");
    router_run(router, "ip neigh add fd00:a::1 lladdr 02:00:00:00:01:0a nud permanent dev c0");
    router_run(router, "ip route add default via 192.0.2.1 dev c0 onlink");
    router_run(router, "ip -6 route add default via fd00:a::1 dev c0 onlink");
    router_run(router, "ethtool -K c0 tso off gso off gro off tx-udp-segmentation off tx-gso-list off");
}

struct router router_new(struct world *world)
{
    struct router router = {.world = world, .netns = netns_new(world)};
    char line[128];

    snprintf(line, sizeof(line), "ip link add a1 type veth peer name c0 netns /proc/%d/fd/%d", getpid(), router.netns);
    run(world->netns[PLACE_A], line);
    be_quiet(router.netns);
    be_quiet(world->netns[PLACE_A]);
    be_quiet(world->netns[PLACE_B]);
    address_a(world);
    address_c(&router);
    assert_int_equal(world_wait_up(world, world->netns[PLACE_A], "a1"), 0);
    assert_int_equal(world_wait_up(world, router.netns, "c0"), 0);
    assert_int_equal(place_enter(world, PLACE_A), 0);
    router.a1 = if_nametoindex("a1");
    assert_int_equal(place_leave(world), 0);
    return router;
}

void router_free(struct router *router)
{
    run(router->world->netns[PLACE_A], "ip link del a1");
    router->netns = fd_close(router->netns);
}

static union address address_c_of(int family)
{
    union address address = {.any.sa_family = (sa_family_t)family};

    if (family == AF_INET)
        assert_int_equal(inet_pton(AF_INET, C4, &address.v4.sin_addr), 1);
    else
        assert_int_equal(inet_pton(AF_INET6, C6, &address.v6.sin6_addr), 1);
    return address;
}

static int socket_in(int netns, const struct world *world, int family, int type)
{
    enter(netns);
    int fd = socket(family, type | SOCK_CLOEXEC, 0);
    int discovery = IP_PMTUDISC_DONT; /* IPV6_PMTUDISC_DONT is the same number */
    assert_return_code(fd, errno);
    if (type == SOCK_DGRAM)
        assert_return_code(setsockopt(fd, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
                                      family == AF_INET ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, &discovery,
                                      sizeof(discovery)),
                           errno);
    enter(world->home);
    return fd;
}

static void connect_to(int fd, const union address *to)
{
    assert_return_code(connect(fd, &to->any, address_size(to)), errno);
}

struct udp router_udp(const struct router *router, int family)
{
    struct world *world = router->world;
    union address at_c = address_c_of(family), at_b = address_of(family, 0, 0);
    struct udp udp = {
        .a = socket_in(router->netns, world, family, SOCK_DGRAM),
        .b = socket_in(world->netns[PLACE_B], world, family, SOCK_DGRAM),
    };

    bind_to(udp.a, &at_c);
    bind_to(udp.b, &at_b);
    udp.at_a = name_of(udp.a);
    udp.at_b = name_of(udp.b);
    connect_to(udp.a, &udp.at_b);
    connect_to(udp.b, &udp.at_a);
    return udp;
}

struct tcp router_tcp(const struct router *router, int family)
{
    struct world *world = router->world;
    union address at_b = address_of(family, 0, 0);
    struct tcp tcp = {
        .a = socket_in(router->netns, world, family, SOCK_STREAM),
        .listener = socket_in(world->netns[PLACE_B], world, family, SOCK_STREAM),
    };

    bind_to(tcp.listener, &at_b);
    assert_return_code(listen(tcp.listener, 1), errno);
    at_b = name_of(tcp.listener);
    connect_to(tcp.a, &at_b);
    tcp.b = accept4(tcp.listener, NULL, NULL, SOCK_CLOEXEC);
    assert_return_code(tcp.b, errno);
    assert_return_code(fcntl(tcp.a, F_SETFL, O_NONBLOCK), errno);
    assert_return_code(fcntl(tcp.b, F_SETFL, O_NONBLOCK), errno);
    return tcp;
}

static uint64_t statistic(const char *line)
{
    uint64_t value = 0;
    FILE *file = popen(line, "r");

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu", &value), 1);
    assert_int_equal(pclose(file), 0);
    return value;
}

/* ethtool and ip speak to the namespace that the process is in; /sys shows that of whoever mounted it. */
static uint64_t device(const char *direction, const char *what)
{
    char line[128];

    snprintf(line, sizeof(line), "ip -j -s link show dev c0 | sed 's/.*\"%s\":{[^}]*\"%s\":\\([0-9]*\\).*/\\1/'",
             direction, what);
    return statistic(line);
}

struct tctl_stats_value router_device(const struct router *router)
{
    struct tctl_stats_value value;

    enter(router->netns);
    value = (struct tctl_stats_value){
        .rx_packets = device("rx", "packets"),
        .rx_bytes = device("rx", "bytes"),
        .tx_packets = device("tx", "packets"),
        .tx_bytes = device("tx", "bytes"),
    };
    enter(router->world->home);
    value.rx_bytes -= ETHERNET * value.rx_packets;
    value.tx_bytes -= ETHERNET * value.tx_packets;
    return value;
}
