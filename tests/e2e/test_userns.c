/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Rootless containers: a user namespace that uid 10001 owns, with the subordinate range 100000..165535 mapped to 1 and
 * up, another one inside it, with and without a network of its own. Whoever acts in there, 10001 pays.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "kit.h"
#include "userns.h"

#define USER USERNS_USER
#define OTHER 10002
#define INSIDE 1000
#define SUBORDINATE USERNS_OUTSIDE(INSIDE)
#define MANY 12000
#define BEFORE_ACCEPT 40

struct container {
    int depth;    /* 1 or 2 */
    uid_t inside; /* 0 or INSIDE: who makes the socket */
    bool own_network;
    int type;
    unsigned many;    /* not 0: that many users send one datagram each to ... */
    union address to; /* ... here */
};

/* One datagram from each of many users; root of the namespace may become any of them. */
static int send_many(const struct container *container)
{
    for (uid_t uid = 1; uid <= container->many; uid++) {
        _cleanup_fd_ int fd = -1;

        if (setresuid(uid, uid, 0) < 0)
            return -errno;
        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || sendto(fd, "x", 1, 0, &container->to.any, sizeof(container->to.v4)) != 1)
            return -errno;
        if (setresuid(0, 0, 0) < 0)
            return -errno;
    }
    return 0;
}

/* In the innermost namespace, still as its root. */
static int act(int channel, const struct container *container)
{
    _cleanup_fd_ int fd = -1;

    if (container->own_network && (unshare(CLONE_NEWNET) < 0 || loopback_up() < 0))
        return -errno;
    if (container->many)
        return send_many(container);
    if (container->inside && setresuid(container->inside, container->inside, container->inside) < 0)
        return -errno;
    fd = socket(AF_INET, container->type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return fd < 0 ? -errno : channel_send_fd(channel, fd);
}

/* A namespace inside the namespace, its map written by the root of the outer one. */
static int act_deeper(int channel, const struct container *container)
{
    int pair[2], status;
    uint64_t word;
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 || (pid = fork()) < 0)
        return -errno;
    if (pid == 0) {
        int r;

        fd_close(pair[0]);
        r = userns_new() ?: channel_send(pair[1], 0) ?: channel_recv(pair[1], &word);
        _exit(-(r ?: userns_become_root() ?: act(channel, container)) & 0xff);
    }
    fd_close(pair[1]);
    if (channel_recv(pair[0], &word) < 0 || userns_map(pid, "0 0 1\n1 1 65535\n") < 0 || channel_send(pair[0], 0) < 0)
        return -EPROTO;
    return waitpid(pid, &status, 0) < 0 ? -errno : -WEXITSTATUS(status);
}

static int contain(int channel, void *arg)
{
    const struct container *container = arg;
    int r = userns_enter(channel);

    return r ?: container->depth == 1 ? act(channel, container) : act_deeper(channel, container);
}

static int socket_in(const struct container *container)
{
    struct actor actor;
    int fd;

    userns_start(contain, (void *)container, &actor);
    fd = channel_recv_fd(actor.channel);
    assert_int_equal(actor_wait(&actor), 0);
    assert_true(fd >= 0);
    return fd;
}

static const struct wire_filter UDP4 = {.family = AF_INET, .protocol = IPPROTO_UDP};
static const struct wire_filter TCP4 = {.family = AF_INET, .protocol = IPPROTO_TCP};

static void nobody_else(void)
{
    assert_false(uid_has_row(the_world, SUBORDINATE));
    assert_false(uid_has_row(the_world, 65534));
}

/* Through a0, to B and back. */
static void shared_network(int depth, uid_t inside)
{
    struct container container = {.depth = depth, .inside = inside, .type = SOCK_DGRAM};
    struct udp udp = udp_pair(the_world, USER, AF_INET, 1);
    struct tctl_counters root = uid_total(the_world, 0);
    struct meter meter;

    fd_close(udp.a);
    udp.a = socket_in(&container);
    bind_to(udp.a, &udp.at_a);
    assert_return_code(connect(udp.a, &udp.at_b.any, sizeof(udp.at_b.v4)), errno);
    meter = meter_start(the_world, USER, &UDP4);
    udp_send(udp.a, udp.b, 100);
    udp_send(udp.b, udp.a, 3000);
    udp_close(&udp);
    meter_exact(&meter);
    nobody_else();
    assert_counters_equal("uid 0", uid_total(the_world, 0), root);
}

/* In a network of its own there is but a loopback; what is sent is received. */
static void own_network(int depth, uid_t inside)
{
    struct container container = {.depth = depth, .inside = inside, .type = SOCK_DGRAM, .own_network = true};
    union address at = {.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    struct tctl_filter none = {
        .has_uid = true, .uid = USER, .has_tag = true, .ifaces = (const char *const[]){"0"}, .iface_count = 1};
    struct tctl_counters before = uid_total(the_world, USER), rows = detail_sum(the_world, &none);
    const struct tctl_counters sent = {128, 1, 128, 1};
    _cleanup_fd_ int fd = socket_in(&container);

    bind_to(fd, &at);
    at = name_of(fd);
    assert_return_code(connect(fd, &at.any, sizeof(at.v4)), errno);
    udp_send(fd, fd, 100);
    assert_counters_equal("total", counters_less(uid_total(the_world, USER), before), sent);
    assert_counters_equal("rows without an interface", counters_less(detail_sum(the_world, &none), rows), sent);
    nobody_else();
}

static void each_container(void (*run)(int depth, uid_t inside))
{
    run(1, 0);
    run(1, INSIDE);
    run(2, 0);
    run(2, INSIDE);
}

static void test_container_is_charged_to_its_owner(void **state)
{
    (void)state;
    each_container(shared_network);
}

static void test_container_network_is_charged_to_its_owner(void **state)
{
    (void)state;
    each_container(own_network);
}

static void test_unaccepted_connection_of_a_subordinate_listener(void **state)
{
    struct container container = {.depth = 1, .inside = INSIDE, .type = SOCK_STREAM};
    struct tcp tcp = {.listener = socket_in(&container),
                      .b = socket_as(the_world, PLACE_B, 0, AF_INET, SOCK_STREAM, 0)};
    union address at_a = address_of(AF_INET, 1, 0);
    struct meter meter = meter_start(the_world, USER, &TCP4);
    char block[5000] = {0};

    (void)state;
    bind_to(tcp.listener, &at_a);
    assert_return_code(listen(tcp.listener, 1), errno);
    at_a = name_of(tcp.listener);
    assert_true(connect(tcp.b, &at_a.any, sizeof(at_a.v4)) == 0 || errno == EINPROGRESS);
    wait_for(tcp.b, POLLOUT);
    assert_int_equal(send(tcp.b, block, sizeof(block), 0), sizeof(block));
    wait_for(tcp.listener, POLLIN);
    meter_exact(&meter);
    assert_true(meter_wire(&meter).rx_bytes > 5000);
    nobody_else();
    fd_close(tcp.listener);
    fd_close(tcp.b);
}

static void test_many_subordinate_users_take_no_rows(void **state)
{
    _cleanup_fd_ int sink = socket_as(the_world, PLACE_B, 0, AF_INET, SOCK_DGRAM, 0);
    struct container container = {.depth = 1, .many = MANY, .to = address_of(AF_INET, 0, 0)};
    size_t rows = map_rows(the_world, "traffic_app_uid_stats_map");
    struct udp udp = udp_pair(the_world, OTHER, AF_INET, 2);
    struct meter meter, other;
    struct actor actor;

    (void)state;
    bind_to(sink, &container.to);
    container.to = name_of(sink);
    meter =
        meter_start(the_world, USER, &(struct wire_filter){.family = AF_INET, .protocol = IPPROTO_UDP, .address = 1});
    userns_start(contain, &container, &actor);
    assert_int_equal(actor_wait(&actor), 0);
    assert_int_equal(meter_wire(&meter).tx_packets, MANY);
    meter_exact(&meter);
    assert_true(map_rows(the_world, "traffic_app_uid_stats_map") <= rows + 1);
    other = meter_start(the_world, OTHER, &UDP4);
    udp_send(udp.a, udp.b, 100);
    meter_exact(&other);
    udp_close(&udp);
}

/* fold_user_namespaces = no: the UID that the initial namespace sees. */
static void test_unfolded_container_is_charged_to_the_subordinate(void **state)
{
    struct container container = {.depth = 1, .inside = INSIDE, .type = SOCK_DGRAM};
    union address to = address_of(AF_INET, 0, 9);
    _cleanup_fd_ int fd = socket_in(&container);
    struct meter meter = meter_start(the_world, SUBORDINATE, &UDP4), owner = meter_start(the_world, USER, &UDP4);

    (void)state;
    assert_int_equal(sendto(fd, "x", 1, 0, &to.any, sizeof(to.v4)), 1);
    meter_exact(&meter);
    assert_counters_equal("owner", meter_counted(&owner), (struct tctl_counters){0});
}

static int accept_inside(int channel, void *arg)
{
    _cleanup_fd_ int listener = -1, fd = -1;
    int r = userns_enter(channel);

    (void)arg;
    if (r < 0)
        return r;
    listener = channel_recv_fd(channel);
    if (listener < 0 || setresuid(INSIDE, INSIDE, INSIDE) < 0)
        return -errno;
    fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return fd < 0 ? -errno : channel_send_fd(channel, fd);
}

/* A connection to the same UID outside, until it has a stored answer. */
static struct tcp talked_to_outside(void)
{
    struct tcp tcp = tcp_accept(the_world, SUBORDINATE, AF_INET, 1);
    union address at_a = name_of(tcp.listener);
    const int on = 1;

    fd_close(tcp.a);
    fd_close(tcp.b);
    tcp.b = socket_as(the_world, PLACE_B, 0, AF_INET, SOCK_STREAM, 0);
    assert_return_code(setsockopt(tcp.b, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), errno);
    assert_true(connect(tcp.b, &at_a.any, sizeof(at_a.v4)) == 0 || errno == EINPROGRESS);
    wait_for(tcp.b, POLLOUT);
    for (int i = 0; i < BEFORE_ACCEPT; i++)
        assert_int_equal(send(tcp.b, "x", 1, 0), 1);
    return tcp;
}

/* By accept() it comes into the container, and nothing else tells so: within 100 ms it is known. */
static void test_connection_from_outside_is_accepted_inside(void **state)
{
    struct tcp tcp = talked_to_outside();
    struct tctl_counters before = uid_total(the_world, USER);
    struct actor actor;
    uint64_t start;

    (void)state;
    userns_start(accept_inside, NULL, &actor);
    assert_int_equal(channel_send_fd(actor.channel, tcp.listener), 0);
    tcp.a = channel_recv_fd(actor.channel);
    assert_int_equal(actor_wait(&actor), 0);
    assert_true(tcp.a >= 0);
    receive_all(tcp.a, BEFORE_ACCEPT);
    for (start = now_ms(); uid_total(the_world, USER).rx_packets == before.rx_packets;) {
        transfer(tcp.b, tcp.a, 1, 1);
        assert_true(now_ms() - start < PROMISE_MS);
    }
    tcp_end(&tcp, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_container_is_charged_to_its_owner),
        cmocka_unit_test(test_container_network_is_charged_to_its_owner),
        cmocka_unit_test(test_unaccepted_connection_of_a_subordinate_listener),
        cmocka_unit_test(test_many_subordinate_users_take_no_rows),
        cmocka_unit_test(test_connection_from_outside_is_accepted_inside),
    };
    const struct CMUnitTest unfolded[] = {
        cmocka_unit_test(test_unfolded_container_is_charged_to_the_subordinate),
    };
    const struct world_options options = {.config = "fold_user_namespaces = no\n"};
    int failed = run_both("user namespaces", tests, ARRAY_SIZE(tests));

    return failed + run_world("user namespaces, not folded", unfolded, ARRAY_SIZE(unfolded), &options);
}
