/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * With destroy_sockets whoever is blocked learns it from the sockets that are open: by the end of the command they are
 * aborted. Those of others, those that stay on this machine and those that nothing filters are left alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "fd.h"
#include "inside.h"
#include "wall_kit.h"

#define APP 10001
#define OTHER_APP 10002

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static int error_of(int fd)
{
    int error = -1;
    socklen_t size = sizeof(error);

    assert_return_code(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size), errno);
    return error;
}

static void assert_aborted(int fd)
{
    assert_int_equal(error_of(fd), ECONNABORTED);
}

static void assert_open(int fd)
{
    assert_int_equal(error_of(fd), 0);
}

static void deny(unsigned int uid)
{
    wall("firewall deny standby %u", uid);
    wall("firewall enable standby");
}

/* What was sent before it is dropped, with it goes a reset: B sees the end of the connection. */
static void connections_are_aborted(int family)
{
    struct tcp app = tcp_connect(the_world, APP, family, 1), other = tcp_connect(the_world, OTHER_APP, family, 2);
    struct tcp taken = tcp_accept(the_world, APP, family, 3);
    char byte;

    deny(APP);
    assert_int_equal(recv(app.a, &byte, 1, 0), -1);
    assert_int_equal(errno, ECONNABORTED);
    assert_aborted(taken.a);
    assert_int_equal(recv(app.b, &byte, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
    transfer(other.a, other.b, 10000, 1000);
    tcp_end(&other, true);
    for (int i = 0; i < 3; i++) {
        fd_close((int[]){app.a, app.b, app.listener}[i]);
        fd_close((int[]){taken.a, taken.b, taken.listener}[i]);
    }
}

static void test_connections_are_aborted(void **state)
{
    (void)state;
    connections_are_aborted(AF_INET);
}

static void test_connections_are_aborted_ipv6(void **state)
{
    (void)state;
    connections_are_aborted(AF_INET6);
}

static int listener_of(uid_t uid, int family, unsigned number, uint16_t port)
{
    const union address address = address_of(family, number, port);
    const int yes = 1;
    int fd = socket_as(the_world, PLACE_A, uid, family, SOCK_STREAM, 0);

    assert_return_code(fd, -fd);
    assert_return_code(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)), errno);
    bind_to(fd, &address);
    assert_return_code(listen(fd, 8), errno);
    return fd;
}

static bool listens(int fd)
{
    int yes = -1;
    socklen_t size = sizeof(yes);

    assert_return_code(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &size), errno);
    return yes;
}

static void test_listeners_are_closed(void **state)
{
    int app = listener_of(APP, AF_INET, 1, 5000), app6 = listener_of(APP, AF_INET6, 1, 5000);
    int other = listener_of(OTHER_APP, AF_INET, 1, 5001);

    (void)state;
    deny(APP);
    assert_false(listens(app));
    assert_false(listens(app6));
    assert_true(listens(other));
    assert_int_equal(accept(app, NULL, NULL), -1);
    assert_int_equal(errno, EINVAL);
    fd_close(app);
    fd_close(app6);
    fd_close(other);
}

static void test_datagram_sockets_are_aborted(void **state)
{
    struct udp app = udp_pair(the_world, APP, AF_INET, 1), app6 = udp_pair(the_world, APP, AF_INET6, 1);
    struct udp other = udp_pair(the_world, OTHER_APP, AF_INET, 2);
    int bound = socket_as(the_world, PLACE_A, APP, AF_INET, SOCK_DGRAM, 0);
    int everywhere = socket_as(the_world, PLACE_A, APP, AF_INET6, SOCK_DGRAM, 0);
    const union address address = address_of(AF_INET, 3, 5002), any = {.v6 = {AF_INET6, htons(5006)}};

    (void)state;
    bind_to(bound, &address);
    bind_to(everywhere, &any);
    deny(APP);
    assert_aborted(everywhere);
    fd_close(everywhere);
    assert_aborted(app.a);
    assert_aborted(app6.a);
    assert_aborted(bound);
    assert_true(sends(&other));
    fd_close(bound);
    udp_close(&app);
    udp_close(&app6);
    udp_close(&other);
}

/* Sockets that share an address: the kernel finds any of them at it. */
#define SHARING 24

static int sharing_datagram(uint16_t port)
{
    const union address address = address_of(AF_INET, 1, port);
    const int yes = 1;
    int fd = socket_as(the_world, PLACE_A, APP, AF_INET, SOCK_DGRAM, 0);

    assert_return_code(fd, -fd);
    assert_return_code(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)), errno);
    bind_to(fd, &address);
    return fd;
}

static void test_sockets_that_share_an_address_are_all_aborted(void **state)
{
    int stream[SHARING], datagram[SHARING];

    (void)state;
    for (int i = 0; i < SHARING; i++) {
        stream[i] = listener_of(APP, AF_INET, 1, 5003);
        datagram[i] = sharing_datagram(5003);
    }
    deny(APP);
    for (int i = 0; i < SHARING; i++) {
        assert_false(listens(stream[i]));
        assert_aborted(datagram[i]);
        fd_close(stream[i]);
        fd_close(datagram[i]);
    }
}

/* More than are remembered at once. */
#define MANY 9000

struct many {
    int count;
    bool share; /* one port */
};

static int bind_one(const struct many *many, int i)
{
    const union address address = address_of(AF_INET, 1, (uint16_t)(10000 + (many->share ? 0 : i)));
    const int yes = many->share;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)) < 0 ||
        bind(fd, &address.any, sizeof(address.v4)) < 0)
        return -errno;
    return fd;
}

/* An actor: many bound sockets; then, when it is told to, how many of them were aborted. */
static int have_many(int channel, void *arg)
{
    const struct rlimit limit = {.rlim_cur = MANY + 64, .rlim_max = MANY + 64};
    const struct many *many = arg;
    static int fds[MANY];
    uint64_t word, aborted = 0;

    if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || setresuid(APP, APP, APP) < 0)
        return -errno;
    for (int i = 0; i < many->count; i++) {
        fds[i] = bind_one(many, i);
        if (fds[i] < 0)
            return fds[i];
    }
    channel_send(channel, 0);
    channel_recv(channel, &word);
    for (int i = 0; i < many->count; i++)
        aborted += error_of(fds[i]) == ECONNABORTED;
    channel_send(channel, aborted);
    return 0;
}

static void many_start(struct many *many, struct actor *ret_actor)
{
    uint64_t word;

    assert_int_equal(actor_start(the_world, PLACE_A, 0, have_many, many, ret_actor), 0);
    if (channel_recv(ret_actor->channel, &word) < 0)
        fail_msg("%s", strerror(-actor_wait(ret_actor)));
}

static uint64_t many_aborted(struct actor *actor)
{
    uint64_t aborted = 0;

    assert_int_equal(channel_send(actor->channel, 0), 0);
    assert_int_equal(channel_recv(actor->channel, &aborted), 0);
    assert_int_equal(actor_wait(actor), 0);
    return aborted;
}

static void test_many_sockets_are_aborted(void **state)
{
    struct many many = {.count = MANY};
    struct actor actor;

    (void)state;
    many_start(&many, &actor);
    deny(APP);
    assert_int_equal(many_aborted(&actor), MANY);
}

/* The kernel would have to be asked a hundred times as often: nobody is kept waiting for that, and it is said. */
static void test_too_many_that_share_an_address_are_named(void **state)
{
    struct many many = {.count = 2000, .share = true};
    struct actor actor;

    (void)state;
    many_start(&many, &actor);
    wall("firewall deny standby %u", APP);
    run_ctl(the_world, "firewall enable standby", 0, &said);
    assert_non_null(strstr(said.error, "share addresses"));
    assert_in_range(many_aborted(&actor), 1, many.count);
}

/* A chain that goes on, and a list that is replaced. */
static void test_every_way_of_blocking_aborts(void **state)
{
    struct tcp app = tcp_connect(the_world, APP, AF_INET, 1), other = tcp_connect(the_world, OTHER_APP, AF_INET, 2);

    (void)state;
    wall("firewall allow dozable %u %u", APP, OTHER_APP);
    wall("firewall enable dozable");
    assert_open(app.a);
    wall("firewall deny dozable %u", APP);
    assert_aborted(app.a);
    wall("--json firewall enable restricted");
    assert_aborted(other.a);
    fd_close(app.a), fd_close(app.b), fd_close(app.listener);
    fd_close(other.a), fd_close(other.b), fd_close(other.listener);
}

/* Other rules than those that drop what it sends: its answers may come by another way. */
static void test_rules_for_some_packets_abort_nothing(void **state)
{
    struct tcp app = tcp_connect(the_world, APP, AF_INET, 1);

    (void)state;
    wall("firewall enable metered_allow");
    wall("firewall deny metered_deny_user %u", APP);
    wall("firewall enable metered_deny_user");
    wall("firewall lockdown %u on", APP);
    wall("firewall enable standby");
    assert_open(app.a);
    wall("firewall lockdown %u off", APP);
    transfer(app.a, app.b, 10000, 1000);
    tcp_end(&app, true);
}

/* Both ends in A. Each end's port is free: nothing of the test's is there. */
static void connect_here(const char *from, const char *to, int fds[static 3])
{
    struct sockaddr_in here = {.sin_family = AF_INET}, there = {.sin_family = AF_INET};
    socklen_t size = sizeof(there);

    assert_int_equal(inet_pton(AF_INET, from, &here.sin_addr), 1);
    assert_int_equal(inet_pton(AF_INET, to, &there.sin_addr), 1);
    fds[0] = socket_as(the_world, PLACE_A, APP, AF_INET, SOCK_STREAM, 0);
    fds[1] = socket_as(the_world, PLACE_A, APP, AF_INET, SOCK_STREAM, 0);
    assert_return_code(bind(fds[0], (struct sockaddr *)&there, sizeof(there)), errno);
    assert_return_code(listen(fds[0], 1), errno);
    assert_return_code(getsockname(fds[0], (struct sockaddr *)&there, &size), errno);
    assert_return_code(bind(fds[1], (struct sockaddr *)&here, sizeof(here)), errno);
    if (connect(fds[1], (struct sockaddr *)&there, sizeof(there)) < 0)
        assert_int_equal(errno, EINPROGRESS);
    fds[2] = accept_as(the_world, PLACE_A, APP, fds[0]);
    assert_return_code(fds[2], -fds[2]);
}

static void test_what_stays_on_this_machine_stays(void **state)
{
    static const char *const ways[][2] = {
        {"127.0.0.1", "127.0.0.1"}, {"127.0.0.1", "127.0.0.2"}, {"192.0.2.1", "192.0.2.1"}, {"192.0.2.1", "192.0.2.2"}};
    int fds[ARRAY_SIZE(ways)][3], bound = socket_as(the_world, PLACE_A, APP, AF_INET, SOCK_DGRAM, 0);
    const struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int yes = 1;

    (void)state;
    assert_return_code(bind(bound, (const struct sockaddr *)&loopback, sizeof(loopback)), errno);
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
        connect_here(ways[i][0], ways[i][1], fds[i]);
    deny(APP);
    assert_open(bound);
    assert_true(listens(fds[0][0]));
    assert_false(listens(fds[2][0])); /* others could come to that address */
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        transfer(fds[i][1], fds[i][2], 1000, 1000);
        for (int k = 2; k >= 0; k--) {
            setsockopt(fds[i][k], SOL_SOCKET, SO_LINGER, &(struct linger){yes, 0}, sizeof(struct linger));
            fd_close(fds[i][k]);
        }
    }
    fd_close(bound);
}

/* Made by root outside the group, and then the user's. */
static int make_outside(int channel, void *arg)
{
    char path[160];
    const union address *address = arg;
    int yes = 1;

    snprintf(path, sizeof(path), "%s/../cgroup.procs", the_world->cgroup);
    _cleanup_fd_ int procs = open(path, O_WRONLY | O_CLOEXEC);
    if (procs < 0 || write(procs, "0", 1) != 1)
        return -errno;
    _cleanup_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, &address->any, sizeof(address->v4)) < 0 || fchown(fd, APP, APP) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0)
        return -errno;
    return channel_send_fd(channel, fd);
}

static void test_sockets_that_nothing_filters_stay(void **state)
{
    union address address = address_of(AF_INET, 1, 5004);
    struct actor actor;

    (void)state;
    assert_int_equal(actor_start(the_world, PLACE_A, 0, make_outside, &address, &actor), 0);
    int fd = channel_recv_fd(actor.channel);
    assert_return_code(fd, -fd);
    assert_int_equal(actor_wait(&actor), 0);
    deny(APP);
    assert_open(fd);
    fd_close(fd);
}

/* Their subflows are; the connection itself ends when the kernel has waited in vain for another one. */
static void test_mptcp_connections_end(void **state)
{
    int listener = socket_as(the_world, PLACE_B, 0, AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
    int fd = socket_as(the_world, PLACE_A, APP, AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
    const union address at_b = address_of(AF_INET, 0, 5005);

    (void)state;
    if (listener == -EPROTONOSUPPORT || fd == -EPROTONOSUPPORT)
        skip_because("this kernel has no MPTCP", false);
    assert_int_equal(world_sysctl(the_world, PLACE_A, "mptcp/close_timeout", "1"), 0);
    assert_int_equal(place_enter(the_world, PLACE_A), 0);
    bind_to(listener, &at_b);
    assert_return_code(listen(listener, 1), errno);
    if (connect(fd, &at_b.any, sizeof(at_b.v4)) < 0)
        assert_int_equal(errno, EINPROGRESS);
    wait_for(listener, POLLIN);
    int b = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_return_code(b, errno);
    transfer(fd, b, 1000, 1000);
    deny(APP);
    wait_for(fd, POLLHUP);
    fd_close(fd);
    fd_close(b);
    fd_close(listener);
}

/* From another network namespace the change is made, and it is said what is left. */
static void test_sockets_elsewhere_are_named(void **state)
{
    struct udp app = udp_pair(the_world, APP, AF_INET, 1);

    (void)state;
    wall("firewall deny standby %u", APP);
    assert_int_equal(place_leave(the_world), 0);
    run_ctl(the_world, "firewall enable standby", 0, &said);
    assert_int_equal(place_enter(the_world, PLACE_A), 0);
    assert_non_null(strstr(said.error, "network namespace of trafficd"));
    assert_open(app.a);
    assert_false(sends(&app));
    udp_close(&app);
}

static void test_nothing_is_aborted_unless_asked_for(void **state)
{
    struct udp app = udp_pair(the_world, APP, AF_INET, 1);
    struct tcp tcp = tcp_connect(the_world, APP, AF_INET, 2);

    (void)state;
    deny(APP);
    assert_open(app.a);
    assert_open(tcp.a);
    wall("firewall disable standby");
    transfer(tcp.a, tcp.b, 1000, 1000);
    assert_true(sends(&app));
    udp_close(&app);
    tcp_end(&tcp, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A(test_connections_are_aborted),
        IN_A(test_connections_are_aborted_ipv6),
        IN_A(test_listeners_are_closed),
        IN_A(test_datagram_sockets_are_aborted),
        IN_A(test_sockets_that_share_an_address_are_all_aborted),
        IN_A(test_many_sockets_are_aborted),
        IN_A(test_too_many_that_share_an_address_are_named),
        IN_A(test_every_way_of_blocking_aborts),
        IN_A(test_rules_for_some_packets_abort_nothing),
        IN_A(test_what_stays_on_this_machine_stays),
        IN_A(test_sockets_that_nothing_filters_stay),
        IN_A(test_mptcp_connections_end),
        IN_A(test_sockets_elsewhere_are_named),
    };
    const struct CMUnitTest calm[] = {IN_A(test_nothing_is_aborted_unless_asked_for)};
    const struct world_options destroying = {.config = WALL_CONFIG "destroy_sockets = yes\n"};
    const struct world_options default_options = {.config = WALL_CONFIG};

    return run_world("destroying sockets", tests, ARRAY_SIZE(tests), &destroying) +
           run_world("destroying none", calm, ARRAY_SIZE(calm), &default_options);
}
