/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* How many tags and tagged sockets one user may be charged for, and that tagging costs other users nothing. */
#include <bpf/bpf.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "charge.h"
#include "fd.h"
#include "fwmark_client.h"
#include "kit.h"

#define USER 10001
#define OTHER 10002
#define THIRD 10003
#define TAGS TCTL_TAGS_PER_UID

#define ROOM 64
#define HALF (ROOM / 2)

static int udp_of(uid_t uid)
{
    int fd = socket_as(the_world, PLACE_A, uid, AF_INET, SOCK_DGRAM, 0);

    assert_true(fd >= 0);
    return fd;
}

static int tag(uid_t uid, int fd, uint32_t number)
{
    return fwmark_tag(FWMARK_USER(uid), fd, FWMARK_CALLER, number);
}

static void all_tags(int fd, uint32_t first)
{
    for (uint32_t i = 0; i < TAGS; i++)
        assert_int_equal(tag(USER, fd, first + i), 0);
    assert_int_equal(tag(USER, fd, first + TAGS), -EMFILE);
    assert_tag(the_world, fd, USER, first + TAGS - 1);
}

static void test_five_hundred_tags(void **state)
{
    _cleanup_fd_ int fd = udp_of(USER), other = udp_of(OTHER);

    (void)state;
    all_tags(fd, 1);
    assert_int_equal(tag(USER, other, TAGS + 1), -EMFILE); /* who pays, not whose socket */
    assert_tag(the_world, other, UINT32_MAX, 0);
    assert_int_equal(fwmark_tag(FWMARK_ROOT, fd, USER, TAGS + 1), -EMFILE);
    assert_int_equal(tag(USER, fd, 1), 0); /* it is charged under that one already */
    assert_int_equal(tag(USER, fd, 0), 0); /* no tag */
    assert_int_equal(tag(OTHER, fd, TAGS + 1), 0);
    assert_int_equal(fwmark_tag(FWMARK_ROOT, fd, THIRD, TAGS + 1), 0);
    assert_int_equal(fwmark_untag(FWMARK_USER(USER), fd), 0);
    assert_int_equal(tag(USER, fd, TAGS + 1), -EMFILE); /* what was counted under the others is still there */
    assert_int_equal(fwmark_delete(FWMARK_ROOT, OTHER, 7), 0);
    assert_int_equal(tag(USER, fd, TAGS + 1), -EMFILE);
}

static void test_deletion_makes_room_for_a_tag(void **state)
{
    _cleanup_fd_ int fd = udp_of(USER);

    (void)state;
    assert_int_equal(fwmark_delete(FWMARK_ROOT, USER, 0), 0);
    all_tags(fd, 1);
    assert_int_equal(fwmark_delete(FWMARK_ROOT, USER, 7), 0);
    assert_int_equal(tag(USER, fd, TAGS + 1), 0);
    assert_int_equal(tag(USER, fd, 7), -EMFILE);
    assert_int_equal(fwmark_delete(FWMARK_ROOT, USER, 8), 0);
    assert_int_equal(tag(USER, fd, 7), 0);
    assert_int_equal(tag(USER, fd, 8), -EMFILE);
    assert_int_equal(fwmark_delete(FWMARK_ROOT, USER, 0), 0);
    all_tags(fd, 1000);
    assert_int_equal(fwmark_delete(FWMARK_ROOT, USER, 0), 0);
}

/* How often the answer of a socket was made: each time raises the stamps of its words by one. */
static uint16_t stamp_of(int fd)
{
    _cleanup_fd_ int map = world_map(the_world, TCTL_DIR "/socket_storage");
    struct tctl_socket value;

    assert_true(map >= 0);
    assert_int_equal(bpf_map_lookup_elem(map, &fd, &value), 0);
    return (uint16_t)(value.word[0] >> 48);
}

/* Another user tags before each packet; the answer is made anew as often as it expires, each 100 ms. */
static void test_tagging_does_not_slow_others(void **state)
{
    struct charge_flow flow = charge_flow_new(USER, AF_INET, IPPROTO_UDP, 1);
    _cleanup_fd_ int fd = udp_of(OTHER);
    unsigned rounds = 0, expiries;
    uint64_t start;
    uint16_t before, made;

    (void)state;
    charge_flow_run(&flow);
    start = now_ms();
    before = stamp_of(flow.udp.a);
    for (; now_ms() - start < 1000; rounds++) {
        assert_int_equal(tag(OTHER, fd, rounds % 100 + 1), 0);
        udp_send(flow.udp.a, flow.udp.b, 100);
    }
    made = (uint16_t)(stamp_of(flow.udp.a) - before);
    expiries = (unsigned)((now_ms() - start) / 100 + 2); /* the first may come early: it is told in jiffies */
    assert_true(rounds > 4 * expiries);                  /* else this says nothing */
    assert_in_range(made, 1, expiries);
    charge_flow_end(&flow);
}

/* The same measure where answers have to be made anew: what the test above would show. */
static void test_counter_sets_make_answers_anew(void **state)
{
    struct charge_flow flow = charge_flow_new(USER, AF_INET, IPPROTO_UDP, 1);
    uint16_t before;

    (void)state;
    charge_flow_run(&flow);
    before = stamp_of(flow.udp.a);
    for (uint32_t i = 0; i < 50; i++) {
        assert_int_equal(fwmark_counter_set(FWMARK_ROOT, OTHER, !(i % 2)), 0);
        udp_send(flow.udp.a, flow.udp.b, 100);
    }
    assert_true((uint16_t)(stamp_of(flow.udp.a) - before) >= 50);
    charge_flow_end(&flow);
}

/* From here on in a world whose cookie map has room for 64. */
static void fill(uid_t uid, int fd[HALF])
{
    for (size_t i = 0; i < HALF; i++) {
        fd[i] = udp_of(uid);
        assert_int_equal(tag(uid, fd[i], 1 + i % 3), 0);
    }
}

static void end(int fd[HALF])
{
    for (size_t i = 0; i < HALF; i++)
        fd[i] = fd_close(fd[i]);
}

static void test_half_of_the_map(void **state)
{
    _cleanup_fd_ int one = udp_of(USER), another = udp_of(USER), third = udp_of(THIRD);
    int fd[HALF], others[HALF];

    (void)state;
    fill(USER, fd);
    assert_int_equal(tag(USER, one, 1), -E2BIG);
    assert_tag(the_world, one, UINT32_MAX, 0);
    assert_int_equal(tag(USER, fd[0], 9), 0); /* a new tag takes no more room */
    assert_int_equal(fwmark_tag(FWMARK_ROOT, one, USER, 1), -E2BIG);
    fill(OTHER, others);
    assert_int_equal(map_rows(the_world, "traffic_cookie_tag_map"), ROOM);
    assert_int_equal(tag(THIRD, third, 1), -E2BIG); /* all of it is used */
    end(others);
    assert_int_equal(tag(THIRD, third, 1), 0);
    assert_int_equal(tag(USER, one, 1), -E2BIG);
    fd[0] = fd_close(fd[0]);
    assert_int_equal(tag(USER, one, 1), 0);
    assert_int_equal(tag(USER, another, 1), -E2BIG);
    assert_int_equal(fwmark_untag(FWMARK_USER(USER), fd[1]), 0);
    assert_int_equal(tag(USER, another, 1), 0);
    assert_int_equal(tag(USER, fd[1], 1), -E2BIG);
    end(fd);
}

/* Who pays for a socket changes, and with that whose half it takes. */
static void test_half_of_who_pays(void **state)
{
    _cleanup_fd_ int one = udp_of(USER);
    int fd[HALF];

    (void)state;
    fill(USER, fd);
    assert_int_equal(tag(USER, one, 1), -E2BIG);
    assert_int_equal(tag(OTHER, fd[0], 1), 0);
    assert_int_equal(tag(USER, one, 1), 0);
    assert_int_equal(tag(USER, fd[0], 1), -E2BIG);
    assert_tag(the_world, fd[0], OTHER, 1);
    assert_int_equal(fwmark_delete(FWMARK_ROOT, USER, 2), 0);
    assert_int_equal(tag(USER, fd[0], 1), 0);
    assert_int_equal(fwmark_delete(FWMARK_ROOT, USER, 0), 0);
    end(fd);
    fill(USER, fd);
    end(fd);
    assert_int_equal(map_rows(the_world, "traffic_cookie_tag_map"), 0);
}

/* Ends are counted as well as beginnings. */
static void test_half_of_the_map_again_and_again(void **state)
{
    int fd[HALF];

    (void)state;
    for (int i = 0; i < 20; i++) {
        _cleanup_fd_ int one = udp_of(USER);

        fill(USER, fd);
        assert_int_equal(tag(USER, one, 1), -E2BIG);
        for (size_t j = 0; j < HALF / 2; j++)
            assert_int_equal(fwmark_untag(FWMARK_USER(USER), fd[j]), 0);
        end(fd);
    }
}

static void test_half_of_the_map_after_a_restart(void **state)
{
    _cleanup_fd_ int one = udp_of(USER);
    int fd[HALF];

    (void)state;
    fill(USER, fd);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(world_stop_daemon(the_world, i ? SIGKILL : SIGTERM, NULL), 0);
        fd[i] = fd_close(fd[i]);
        map_empty(the_world, TCTL_DIR "/tag_count"); /* it is made anew by what is there */
        assert_int_equal(world_start_daemon(the_world), 0);
        fd[i] = udp_of(USER);
        assert_int_equal(tag(USER, one, 1), 0);
        assert_int_equal(tag(USER, fd[i], 1), -E2BIG);
        assert_int_equal(fwmark_untag(FWMARK_USER(USER), one), 0);
        assert_int_equal(tag(USER, fd[i], 1), 0);
        assert_int_equal(tag(USER, one, 1), -E2BIG);
    }
    end(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_five_hundred_tags),
        cmocka_unit_test(test_deletion_makes_room_for_a_tag),
        cmocka_unit_test(test_tagging_does_not_slow_others),
        cmocka_unit_test(test_counter_sets_make_answers_anew),
    };
    const struct CMUnitTest small[] = {
        cmocka_unit_test(test_half_of_the_map),
        cmocka_unit_test(test_half_of_who_pays),
        cmocka_unit_test(test_half_of_the_map_again_and_again),
        cmocka_unit_test(test_half_of_the_map_after_a_restart),
    };
    const struct world_options options = {.config = "[maps]\ncookie_tag = 64\n"};
    int failed = run_both("limits of fwmarkd", tests, ARRAY_SIZE(tests));

    return failed + run_world("limits of a small map", small, ARRAY_SIZE(small), &options);
}
