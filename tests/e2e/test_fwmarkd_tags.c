/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What a tag does: from the very next packet on, for as long as the socket lives, whoever holds it. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "charge.h"
#include "fd.h"
#include "fwmark_client.h"
#include "kit.h"

#define USER 10001
#define PAYER 10002
#define THIRD 10003
#define MPTCP_ADDRESS 12

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static const char COOKIE_MAP[] = "traffic_cookie_tag_map";

static void tag(int fd, uint32_t number)
{
    assert_int_equal(fwmark_tag(FWMARK_USER(USER), fd, FWMARK_CALLER, number), 0);
    assert_tag(the_world, fd, USER, number);
}

static void tag_for(uint32_t uid, int fd, uint32_t number)
{
    assert_int_equal(fwmark_tag(FWMARK_ROOT, fd, uid, number), 0);
    assert_tag(the_world, fd, uid, number);
}

static void untag(int fd)
{
    assert_int_equal(fwmark_untag(FWMARK_USER(USER), fd), 0);
    assert_tag(the_world, fd, UINT32_MAX, 0);
}

static void each_flow(void (*run)(const struct charge_flow *flow, int fd))
{
    static const int families[] = {AF_INET, AF_INET6};
    static const uint8_t protocols[] = {IPPROTO_UDP, IPPROTO_TCP};

    for (size_t i = 0; i < 4; i++) {
        struct charge_flow flow = charge_flow_new(USER, families[i / 2], protocols[i % 2], 2);

        run(&flow, charge_flow_socket(&flow));
        charge_flow_end(&flow);
        assert_int_equal(map_rows(the_world, COOKIE_MAP), 0);
    }
}

static void tags_of_a_flow(const struct charge_flow *flow, int fd)
{
    charge_flow_exact(flow, USER, 0, 0);
    tag(fd, 5);
    charge_flow_exact(flow, USER, 5, 0);
    tag(fd, 6);
    charge_flow_exact(flow, USER, 6, 0);
    tag(fd, 0);
    charge_flow_exact(flow, USER, 0, 0);
    tag(fd, 0xFFFFFFFF);
    charge_flow_exact(flow, USER, 0xFFFFFFFF, 0);
    untag(fd);
    charge_flow_exact(flow, USER, 0, 0);
    tag(fd, 5);
}

static void test_tags_hold_from_the_next_packet(void **state)
{
    (void)state;
    each_flow(tags_of_a_flow);
}

static void payers_of_a_flow(const struct charge_flow *flow, int fd)
{
    tag_for(PAYER, fd, 5);
    charge_flow_exact(flow, PAYER, 5, 0);
    tag_for(THIRD, fd, 5);
    charge_flow_exact(flow, THIRD, 5, 0);
    tag_for(PAYER, fd, 0);
    charge_flow_exact(flow, PAYER, 0, 0);
    tag(fd, 5);
    charge_flow_exact(flow, USER, 5, 0);
    tag_for(0, fd, 5);
    charge_flow_exact(flow, 0, 5, 0);
    assert_int_equal(fwmark_untag(FWMARK_ROOT, fd), 0);
    charge_flow_exact(flow, USER, 0, 0);
}

static void test_another_uid_is_charged_from_the_next_packet(void **state)
{
    (void)state;
    each_flow(payers_of_a_flow);
}

static void set(uint32_t uid, uint32_t number)
{
    assert_int_equal(fwmark_counter_set(FWMARK_ROOT, uid, number), 0);
}

/* The set is that of who pays. */
static void sets_of_a_flow(const struct charge_flow *flow, int fd)
{
    set(USER, 1);
    charge_flow_exact(flow, USER, 0, 1);
    tag(fd, 5);
    charge_flow_exact(flow, USER, 5, 1);
    set(USER, 0);
    charge_flow_exact(flow, USER, 5, 0);
    tag_for(PAYER, fd, 5);
    set(USER, 1);
    charge_flow_exact(flow, PAYER, 5, 0);
    set(PAYER, 1);
    charge_flow_exact(flow, PAYER, 5, 1);
    set(USER, 0);
    charge_flow_exact(flow, PAYER, 5, 1);
    set(PAYER, 0);
    charge_flow_exact(flow, PAYER, 5, 0);
}

static void test_counter_sets_hold_from_the_next_packet(void **state)
{
    (void)state;
    each_flow(sets_of_a_flow);
}

static void test_two_sockets_have_two_tags(void **state)
{
    struct charge_flow one = charge_flow_new(USER, AF_INET, IPPROTO_UDP, 1),
                       two = charge_flow_new(USER, AF_INET6, IPPROTO_TCP, 1);
    int first = charge_flow_socket(&one), second = charge_flow_socket(&two);

    (void)state;
    tag(first, 5);
    tag(second, 6);
    assert_int_equal(map_rows(the_world, COOKIE_MAP), 2);
    charge_flow_exact(&one, USER, 5, 0);
    charge_flow_exact(&two, USER, 6, 0);
    tag(first, 6);
    assert_tag(the_world, second, USER, 6);
    untag(first);
    assert_int_equal(map_rows(the_world, COOKIE_MAP), 1);
    charge_flow_exact(&one, USER, 0, 0);
    charge_flow_exact(&two, USER, 6, 0);
    charge_flow_end(&one);
    charge_flow_end(&two);
}

/* Tagged by one descriptor, untagged by another; gone with the last. */
static void test_copies_of_a_descriptor_are_one_socket(void **state)
{
    struct charge_flow flow = charge_flow_new(USER, AF_INET, IPPROTO_UDP, 1);
    int copy = fcntl(flow.udp.a, F_DUPFD_CLOEXEC, 0);

    (void)state;
    assert_true(copy >= 0);
    tag(flow.udp.a, 5);
    assert_tag(the_world, copy, USER, 5);
    untag(copy);
    assert_tag(the_world, flow.udp.a, UINT32_MAX, 0);
    tag(copy, 6);
    fd_close(copy);
    charge_flow_exact(&flow, USER, 6, 0);
    charge_flow_end(&flow);
    assert_int_equal(map_rows(the_world, COOKIE_MAP), 0);
}

/* Owner, not user; but whoever holds it may pay for it, and stop paying. */
static void test_passed_on_socket(void **state)
{
    struct charge_flow flow = charge_flow_new(USER, AF_INET, IPPROTO_UDP, 1);
    int fd = flow.udp.a;

    (void)state;
    tag(fd, 5);
    assert_int_equal(fwmark_untag(FWMARK_USER(PAYER), fd), -EPERM);
    charge_flow_exact(&flow, USER, 5, 0);
    assert_int_equal(fwmark_tag(FWMARK_USER(PAYER), fd, USER, 6), -EPERM);
    assert_tag(the_world, fd, USER, 5);
    assert_int_equal(fwmark_tag(FWMARK_USER(PAYER), fd, FWMARK_CALLER, 7), 0);
    charge_flow_exact(&flow, PAYER, 7, 0);
    assert_int_equal(fwmark_untag(FWMARK_USER(THIRD), fd), -EPERM);
    assert_int_equal(fwmark_untag(FWMARK_USER(PAYER), fd), 0);
    charge_flow_exact(&flow, USER, 0, 0);
    assert_int_equal(fwmark_tag(FWMARK_USER(PAYER), fd, FWMARK_CALLER, 7), 0);
    untag(fd); /* its owner may, though another pays */
    charge_flow_end(&flow);
}

/* The tag stays and so does who pays; the new owner may end it. */
static void test_chowned_socket(void **state)
{
    struct charge_flow flow = charge_flow_new(USER, AF_INET, IPPROTO_UDP, 1);
    int fd = flow.udp.a;

    (void)state;
    tag_for(PAYER, fd, 5);
    assert_return_code(fchown(fd, THIRD, THIRD), errno);
    assert_tag(the_world, fd, PAYER, 5);
    charge_flow_exact(&flow, PAYER, 5, 0);
    assert_int_equal(fwmark_untag(FWMARK_USER(USER), fd), -EPERM);
    assert_int_equal(fwmark_untag(FWMARK_USER(THIRD), fd), 0);
    charge_flow_exact(&flow, THIRD, 0, 0);
    tag_for(PAYER, fd, 5);
    assert_int_equal(fwmark_untag(FWMARK_USER(PAYER), fd), 0);
    assert_int_equal(fwmark_tag(FWMARK_USER(THIRD), fd, FWMARK_CALLER, 8), 0);
    assert_return_code(fchown(fd, USER, USER), errno);
    charge_flow_exact(&flow, THIRD, 8, 0);
    untag(fd);
    charge_flow_end(&flow);
}

/* The handshake is the listener's and so is its tag; what is accepted starts without one. */
static void test_accepted_child_starts_untagged(void **state)
{
    static const struct wire_filter TCP4 = {.family = AF_INET, .protocol = IPPROTO_TCP, .address = 3};
    union address at = address_of(AF_INET, 3, 0);
    struct tcp tcp = {.listener = socket_as(the_world, PLACE_A, USER, AF_INET, SOCK_STREAM, 0),
                      .b = socket_as(the_world, PLACE_B, 0, AF_INET, SOCK_STREAM, 0)};
    struct charge_flow flow = {.filter = TCP4, .udp = {.a = -1, .b = -1}};
    struct charge charge;

    (void)state;
    bind_to(tcp.listener, &at);
    assert_return_code(listen(tcp.listener, 1), errno);
    at = name_of(tcp.listener);
    tag(tcp.listener, 5);
    charge = charge_start(USER, 5, 0, &TCP4);
    assert_true(connect(tcp.b, &at.any, sizeof(at.v4)) == 0 || errno == EINPROGRESS);
    wait_for(tcp.listener, POLLIN);
    charge_exact(&charge);
    tcp.a = accept_as(the_world, PLACE_A, USER, tcp.listener);
    assert_true(tcp.a >= 0);
    assert_tag(the_world, tcp.a, UINT32_MAX, 0);
    flow.tcp = tcp;
    charge_flow_exact(&flow, USER, 0, 0);
    tag(tcp.a, 6);
    charge_flow_exact(&flow, USER, 6, 0);
    untag(tcp.listener);
    assert_tag(the_world, tcp.a, USER, 6);
    charge_flow_end(&flow);
    assert_int_equal(map_rows(the_world, COOKIE_MAP), 0);
}

static int mptcp_socket(enum place place, uid_t uid)
{
    int fd = socket_as(the_world, place, uid, AF_INET, SOCK_STREAM, IPPROTO_MPTCP);

    if (fd < 0)
        skip_because("this kernel has no MPTCP", false);
    return fd;
}

/* From an address of its own: connections of earlier tests may still say goodbye. */
static union address mptcp_listen(int listener, enum place place)
{
    union address at = address_of(AF_INET, place == PLACE_A ? MPTCP_ADDRESS : 0, 0);

    bind_to(listener, &at);
    assert_return_code(listen(listener, 4), errno);
    return name_of(listener);
}

static int mptcp_accept(int from, int listener, const union address *at, enum place place)
{
    int fd;

    assert_true(connect(from, &at->any, sizeof(at->v4)) == 0 || errno == EINPROGRESS);
    fd = accept_as(the_world, place, place == PLACE_A ? USER : 0, listener);
    assert_true(fd >= 0);
    return fd;
}

static const struct wire_filter MPTCP = {.family = AF_INET, .protocol = IPPROTO_TCP, .address = MPTCP_ADDRESS};

static void test_mptcp_connection(void **state)
{
    union address at_a = address_of(AF_INET, MPTCP_ADDRESS, 0), at_b;
    int a = mptcp_socket(PLACE_A, USER), listener = mptcp_socket(PLACE_B, 0), b;
    struct charge charge;

    (void)state;
    bind_to(a, &at_a);
    at_b = mptcp_listen(listener, PLACE_B);
    tag(a, 5);
    charge = charge_start(USER, 5, 0, &MPTCP);
    b = mptcp_accept(a, listener, &at_b, PLACE_B);
    transfer(a, b, 100000, 10000);
    transfer(b, a, 100000, 10000);
    charge_exact(&charge);
    fd_close(a);
    assert_int_equal(map_rows(the_world, COOKIE_MAP), 0);
    fd_close(b);
    fd_close(listener);
}

/* A connection taken from a listener may have its cookie, and then has its tag; neither's close ends the other's. */
static void test_mptcp_children(void **state)
{
    int listener = mptcp_socket(PLACE_A, USER);
    union address at = mptcp_listen(listener, PLACE_A);

    (void)state;
    tag(listener, 5);
    for (int i = 0; i < 3; i++) {
        int b = mptcp_socket(PLACE_B, 0), a = mptcp_accept(b, listener, &at, PLACE_A);
        bool shared = cookie_of(a) == cookie_of(listener);

        assert_tag(the_world, a, shared ? USER : UINT32_MAX, 5);
        if (!shared)
            tag(a, 6);
        transfer(a, b, 10000, 1000);
        fd_close(a);
        fd_close(b);
        assert_tag(the_world, listener, USER, 5);
        assert_int_equal(map_rows(the_world, COOKIE_MAP), 1);
    }
    fd_close(listener);
    assert_int_equal(map_rows(the_world, COOKIE_MAP), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tags_hold_from_the_next_packet),
        cmocka_unit_test(test_another_uid_is_charged_from_the_next_packet),
        cmocka_unit_test(test_counter_sets_hold_from_the_next_packet),
        cmocka_unit_test(test_two_sockets_have_two_tags),
        cmocka_unit_test(test_copies_of_a_descriptor_are_one_socket),
        cmocka_unit_test(test_passed_on_socket),
        cmocka_unit_test(test_chowned_socket),
        cmocka_unit_test(test_accepted_child_starts_untagged),
        cmocka_unit_test(test_mptcp_children),
        cmocka_unit_test(test_mptcp_connection),
    };

    const struct CMUnitTest first[] = {
        cmocka_unit_test(test_tags_hold_from_the_next_packet),
        cmocka_unit_test(test_another_uid_is_charged_from_the_next_packet),
        cmocka_unit_test(test_counter_sets_hold_from_the_next_packet),
    };
    const struct world_options no_btf = {.hide_btf = true};
    int failed = run_both("tags by fwmarkd", tests, ARRAY_SIZE(tests));

    return failed + run_world("tags by fwmarkd, no kernel BTF", first, ARRAY_SIZE(first), &no_btf);
}
