/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "two_sides.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "loopback.h"
#include "ruleset.h"

#define PATIENCE_S 10
#define SLOTS "65536"

const char *const wire_names[WIRES] = {"lo", "va", "vc"};
static const char *const here4[WIRES] = {"127.0.0.1", "192.0.2.1", "198.51.100.1"};
static const char *const there4[WIRES] = {"127.0.0.1", "192.0.2.2", "198.51.100.2"};
static const char *const here6[WIRES] = {"::1", "fd00:a::1", "fd00:c::1"};
static const char *const there6[WIRES] = {"::1", "fd00:a::2", "fd00:c::2"};

static int own_netns(void)
{
    int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    assert_return_code(fd, errno);
    return fd;
}

static void enter(int netns)
{
    assert_return_code(setns(netns, CLONE_NEWNET), errno);
}

static void set_up_end(const char *name, const char *address4, const char *address6)
{
    char command[256];
    snprintf(command, sizeof(command),
             "ip link set %s up && ip address add %s/24 dev %s && ip address add %s/64 dev %s nodad", name, address4,
             name, address6, name);
    ruleset_run(command);
}

static void set_up_wire(const struct sides *sides, enum wire wire)
{
    char command[256], peer[16];
    snprintf(command, sizeof(command), "ip link add %s index %d type veth peer name p%s netns /proc/%d/fd/%d",
             wire_names[wire], wire + 1, wire_names[wire], getpid(), sides->there);
    ruleset_run(command);
    set_up_end(wire_names[wire], here4[wire], here6[wire]);
    snprintf(peer, sizeof(peer), "p%s", wire_names[wire]);
    enter(sides->there);
    set_up_end(peer, there4[wire], there6[wire]);
    enter(sides->here);
}

static bool is_running(const char *name)
{
    struct ifreq request = {0};
    _cleanup_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_return_code(fd, errno);
    strcpy(request.ifr_name, name);
    assert_return_code(ioctl(fd, SIOCGIFFLAGS, &request), errno);
    return request.ifr_flags & IFF_RUNNING;
}

static bool is_routed(const char *address6)
{
    char command[128];
    snprintf(command, sizeof(command), "ip -6 route show table local %s", address6);
    _cleanup_free_ char *routes = ruleset_says(command);
    return routes[0];
}

/* The kernel does both later, of its own accord: notice the carrier, and route to an address that there is already. */
static void wait_for_end(const char *name, const char *address6)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    const struct sockaddr_nl groups = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK | RTMGRP_IPV6_ROUTE};
    _cleanup_fd_ int told = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    char message[8192];
    assert_return_code(told, errno);
    assert_return_code(setsockopt(told, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), errno);
    assert_return_code(bind(told, (const struct sockaddr *)&groups, sizeof(groups)), errno);
    while (!is_running(name) || !is_routed(address6))
        assert_return_code(recv(told, message, sizeof(message), 0), errno);
}

static void wait_for_wires(const struct sides *sides)
{
    enter(sides->there);
    wait_for_end("pva", there6[WIRE_A]);
    wait_for_end("pvc", there6[WIRE_C]);
    enter(sides->here);
    wait_for_end("va", here6[WIRE_A]);
    wait_for_end("vc", here6[WIRE_C]);
}

/* On one CPU packets keep their order. */
static void stay_here(void)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    assert_return_code(sched_setaffinity(0, sizeof(one), &one), errno);
}

/*
 * The kernel finds whose an incoming datagram is only by the first socket of its slot in a table that all namespaces
 * share. The next one has a table of its own, if the kernel can (6.2).
 */
static void own_sockets(void)
{
    _cleanup_fd_ int fd = open("/proc/sys/net/ipv4/udp_child_hash_entries", O_WRONLY | O_CLOEXEC);
    if (fd >= 0)
        assert_int_equal(write(fd, SLOTS, strlen(SLOTS)), strlen(SLOTS));
}

int sides_set_up(void **state)
{
    struct sides *sides = calloc(1, sizeof(*sides));
    void *users = NULL;
    assert_non_null(sides);
    stay_here();
    loopback_enter();
    sides->there = own_netns();
    own_sockets();
    users_set_up(&users);
    sides->users = users;
    sides->here = own_netns();
    set_up_wire(sides, WIRE_A);
    set_up_wire(sides, WIRE_C);
    wait_for_wires(sides);
    *state = sides;
    return 0;
}

int sides_tear_down(void **state)
{
    struct sides *sides = *state;
    void *users = sides->users;
    users_tear_down(&users);
    fd_close(sides->here);
    fd_close(sides->there);
    free(sides);
    return 0;
}

struct sockaddr_storage sides_address(enum wire wire, bool there, bool ipv6, uint16_t port)
{
    struct sockaddr_storage address = {.ss_family = ipv6 ? AF_INET6 : AF_INET};
    struct sockaddr_in *four = (void *)&address;
    struct sockaddr_in6 *six = (void *)&address;
    const char *text = ipv6 ? (there ? there6 : here6)[wire] : (there ? there4 : here4)[wire];
    four->sin_port = htons(port);
    assert_int_equal(inet_pton(address.ss_family, text, ipv6 ? (void *)&six->sin6_addr : (void *)&four->sin_addr), 1);
    return address;
}

int sides_socket(const struct sides *sides, bool there, uint32_t uid, int type, enum wire wire, bool ipv6,
                 uint16_t port)
{
    const struct sockaddr_storage address = sides_address(wire, there, ipv6, port);
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    if (there)
        enter(sides->there);
    setfsuid(uid);
    int fd = socket(address.ss_family, type | SOCK_CLOEXEC, 0);
    setfsuid(0);
    enter(sides->here);
    assert_return_code(fd, errno);
    assert_return_code(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), errno);
    assert_return_code(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)), errno);
    assert_return_code(bind(fd, (const struct sockaddr *)&address, sizeof(address)), errno);
    return fd;
}

int sides_connect(int fd, enum wire wire, bool there, bool ipv6, uint16_t port)
{
    const struct sockaddr_storage address = sides_address(wire, there, ipv6, port);
    return connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? errno : 0;
}

uint16_t sides_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    assert_return_code(getsockname(fd, (struct sockaddr *)&address, &size), errno);
    return ntohs(((const struct sockaddr_in *)&address)->sin_port);
}
