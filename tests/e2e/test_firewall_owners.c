/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Ways round a block by being, or seeming, somebody else: namespaces, descriptors that travel, sockets that change
 * hands. A socket's owner is judged, whoever uses it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "attempt.h"
#include "fd.h"

static int new_socket(const struct attempt *attempt)
{
    int type = attempt->filter.protocol == IPPROTO_TCP ? SOCK_STREAM | SOCK_NONBLOCK : SOCK_DGRAM;

    return socket(attempt->filter.family, type | SOCK_CLOEXEC, 0);
}

static int use(const struct attempt *attempt, int fd)
{
    if (attempt->filter.protocol == IPPROTO_TCP)
        return attempt_connect(fd, &attempt->to);
    return attempt_send(fd, &attempt->to);
}

/* Every kind of traffic. */
static void each_traffic(void (*check)(struct attempt *attempt), unsigned chain)
{
    static const int family[] = {AF_INET, AF_INET6};

    for (int i = 0; i < 2; i++) {
        struct attempt udp = attempt_udp(family[i]), tcp;
        _cleanup_fd_ int listener = attempt_tcp(family[i], &tcp);

        assert_true(listener >= 0);
        barrier_up(chain);
        check(&udp);
        barrier_up(chain);
        check(&tcp);
    }
}

static int by_itself(int channel, void *arg)
{
    _cleanup_fd_ int fd = new_socket(arg);

    (void)channel;
    return use(arg, fd);
}

static void blocked_itself(struct attempt *attempt)
{
    attempt_fails(by_itself, attempt);
}

static void test_the_user_himself(void **state)
{
    each_traffic(blocked_itself, *(unsigned *)*state);
}

static int as_root_inside(int channel, void *arg)
{
    _cleanup_fd_ int fd = -1;
    int r = userns_enter(channel);

    if (r < 0)
        return r;
    fd = new_socket(arg);
    return use(arg, fd);
}

static void blocked_as_root_inside(struct attempt *attempt)
{
    attempt_fails_inside(as_root_inside, attempt);
}

static void test_root_of_a_user_namespace(void **state)
{
    each_traffic(blocked_as_root_inside, *(unsigned *)*state);
}

static int as_subuid(int channel, void *arg)
{
    _cleanup_fd_ int fd = -1;
    int r = userns_enter(channel);

    if (r < 0)
        return r;
    if (setresuid(BARRIER_INSIDE, BARRIER_INSIDE, BARRIER_INSIDE) < 0)
        return -errno;
    fd = new_socket(arg);
    return use(arg, fd);
}

/* Nothing is said against the subordinate UID, or it is even allowed. */
static void blocked_as_subuid(struct attempt *attempt)
{
    attempt_fails_inside(as_subuid, attempt);
}

static void test_subordinate_uid_of_the_user(void **state)
{
    each_traffic(blocked_as_subuid, *(unsigned *)*state);
}

/* The other way round: the user may, but not this one of his. */
static void test_subordinate_uid_blocked_by_itself(void **state)
{
    struct attempt attempt = attempt_udp(AF_INET);
    unsigned chain = *(unsigned *)*state;

    barrier_set(chain, BARRIER_USER, true);
    barrier_set(chain, USERNS_OUTSIDE(BARRIER_INSIDE), false);
    assert_int_equal(as_uid(the_world, PLACE_A, BARRIER_USER, by_itself, &attempt), 0);
    attempt_fails_inside(as_subuid, &attempt);
}

/* Made before the namespace, given to a UID of it: it stays the user's too. */
static int chown_inside(int channel, void *arg)
{
    _cleanup_fd_ int fd = new_socket(arg);
    int r = userns_enter(channel);

    if (r == 0 && fchown(fd, BARRIER_INSIDE, -1) < 0)
        r = -errno;
    return r ?: use(arg, fd);
}

static void blocked_after_chown(struct attempt *attempt)
{
    attempt_fails_inside(chown_inside, attempt);
}

static void test_socket_given_to_a_subordinate_uid(void **state)
{
    each_traffic(blocked_after_chown, *(unsigned *)*state);
}

/* A root process uses the user's. */
static void test_passed_descriptor_is_judged_by_its_owner(void **state)
{
    struct attempt attempt = attempt_udp(AF_INET);
    _cleanup_fd_ int fd = socket_as(the_world, PLACE_A, BARRIER_USER, AF_INET, SOCK_DGRAM, 0);

    (void)state;
    assert_int_equal(attempt_send(fd, &attempt.to), -EPERM);
    barrier_down();
    assert_int_equal(attempt_send(fd, &attempt.to), 0);
}

static void test_passed_tcp_socket_is_judged_by_its_owner(void **state)
{
    struct attempt attempt;
    _cleanup_fd_ int listener = attempt_tcp(AF_INET, &attempt);
    _cleanup_fd_ int fd = socket_as(the_world, PLACE_A, BARRIER_USER, AF_INET, SOCK_STREAM, 0);

    (void)state;
    assert_int_equal(attempt_connect(fd, &attempt.to), -EPERM);
    barrier_down();
    assert_int_equal(attempt_connect(fd, &attempt.to), 0);
}

/* Root made it: a service that hands sockets to its children lets them use the network in its name. */
static int inherited(int channel, void *arg)
{
    _cleanup_fd_ int fd = new_socket(arg);

    (void)channel;
    if (setresuid(BARRIER_USER, BARRIER_USER, BARRIER_USER) < 0)
        return -errno;
    return use(arg, fd);
}

static void test_inherited_socket_of_root_passes_as_its_owner(void **state)
{
    struct attempt attempt = attempt_udp(AF_INET), stream;
    _cleanup_fd_ int listener = attempt_tcp(AF_INET, &stream);

    (void)state;
    assert_int_equal(as_uid(the_world, PLACE_A, 0, inherited, &attempt), 0);
    assert_int_equal(as_uid(the_world, PLACE_A, 0, inherited, &stream), 0);
}

static void test_socket_made_before_the_chain_was_on(void **state)
{
    unsigned chain = *(unsigned *)*state;
    struct udp udp;

    barrier_down();
    udp = udp_pair(the_world, BARRIER_USER, AF_INET, 1);
    udp_send(udp.a, udp.b, 100);
    barrier_up(chain);
    assert_int_equal(send(udp.a, "x", 1, 0), -1);
    assert_int_equal(errno, EPERM);
    udp_close(&udp);
}

/* The next packet is judged as the new owner's, in both directions. */
static void test_owner_changes_under_the_socket(void **state)
{
    struct udp udp = udp_pair(the_world, BARRIER_OTHER, AF_INET, 1);

    (void)state;
    udp_send(udp.a, udp.b, 100);
    assert_return_code(fchown(udp.a, BARRIER_USER, -1), errno);
    assert_int_equal(send(udp.a, "x", 1, 0), -1);
    assert_int_equal(errno, EPERM);
    assert_return_code(fchown(udp.a, BARRIER_OTHER, -1), errno);
    udp_send(udp.a, udp.b, 100);
    udp_close(&udp);
}

/* Somebody else's listener, accepted from by the user: the connection is his. */
static void test_accepted_connection_is_who_accepted_its(void **state)
{
    union address at = address_of(AF_INET, 1, 0);
    _cleanup_fd_ int listener = socket_as(the_world, PLACE_A, BARRIER_OTHER, AF_INET, SOCK_STREAM, 0);
    _cleanup_fd_ int peer = socket_as(the_world, PLACE_B, 0, AF_INET, SOCK_STREAM, 0), accepted = -1;
    struct wire_filter filter = {.family = AF_INET, .protocol = IPPROTO_TCP};
    struct tctl_counters counters;
    char byte;

    (void)state;
    bind_to(listener, &at);
    assert_return_code(listen(listener, 1), errno);
    at = name_of(listener);
    assert_int_equal(attempt_connect(peer, &at), 0);
    accepted = accept_as(the_world, PLACE_A, BARRIER_USER, listener);
    assert_true(accepted >= 0);
    assert_int_equal(wire_reset(the_world), 0);
    assert_int_equal(send(accepted, "x", 1, 0), 1); /* into the buffer */
    assert_int_equal(wire_count(the_world, &filter, &counters), 0);
    assert_int_equal(counters.tx_packets, 0);
    assert_int_equal(recv(peer, &byte, 1, MSG_DONTWAIT), -1);
    barrier_down();
    wait_for(peer, POLLIN);
    assert_int_equal(recv(peer, &byte, 1, 0), 1);
}

/* A connection that comes to the user's listener is not even begun. */
static void test_listener_of_the_user_hears_nobody(void **state)
{
    union address at = address_of(AF_INET, 1, 0);
    _cleanup_fd_ int listener = socket_as(the_world, PLACE_A, BARRIER_USER, AF_INET, SOCK_STREAM, 0);
    _cleanup_fd_ int peer = socket_as(the_world, PLACE_B, 0, AF_INET, SOCK_STREAM, 0);
    struct wire_filter filter = {.family = AF_INET, .protocol = IPPROTO_TCP};
    struct tctl_counters counters;
    struct meter meter = meter_start(the_world, BARRIER_USER, &filter);

    (void)state;
    bind_to(listener, &at);
    assert_return_code(listen(listener, 1), errno);
    at = name_of(listener);
    assert_true(connect(peer, &at.any, sizeof(at.v4)) < 0 && errno == EINPROGRESS);
    meter_exact(&meter); /* it was counted when it was dropped */
    assert_int_equal(wire_count(the_world, &filter, &counters), 0);
    assert_int_equal(counters.tx_packets, 0);
    assert_int_equal(accept(listener, NULL, NULL), -1);
    assert_int_equal(errno, EAGAIN);
    barrier_down();
    wait_for(listener, POLLIN); /* the peer tries again */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BARRIER_TESTS(test_the_user_himself),
        BARRIER_TESTS(test_root_of_a_user_namespace),
        BARRIER_TESTS(test_subordinate_uid_of_the_user),
        BARRIER_TESTS(test_subordinate_uid_blocked_by_itself),
        BARRIER_TESTS(test_socket_given_to_a_subordinate_uid),
        BARRIER_TESTS(test_passed_descriptor_is_judged_by_its_owner),
        BARRIER_TESTS(test_passed_tcp_socket_is_judged_by_its_owner),
        BARRIER_TESTS(test_inherited_socket_of_root_passes_as_its_owner),
        BARRIER_TESTS(test_socket_made_before_the_chain_was_on),
        BARRIER_TESTS(test_owner_changes_under_the_socket),
        BARRIER_TESTS(test_accepted_connection_is_who_accepted_its),
        BARRIER_TESTS(test_listener_of_the_user_hears_nobody),
    };

    return run_shared("ways round: owners", tests, ARRAY_SIZE(tests));
}
