/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The chains in their simplest form, the shares of rows, and what is lost. By BPF_PROG_TEST_RUN. Root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <netinet/in.h>

#include "fixture.h"
#include "holder.h"

static void put_chain(const struct fixture *fixture, enum pin_id chain, uint32_t uid, uint8_t value)
{
    fixture_put(fixture, chain, &uid, &value);
    fixture_raise(fixture);
}

/* Verdicts of UID 0, and what was counted: dropped packets only on their way in. */
static void check_verdict(const struct fixture *fixture, bool pass)
{
    struct packet packet = packet_ipv4(IPPROTO_UDP, 0, 44);
    uint32_t uid = 0;
    struct tctl_stats_value before = fixture_row(fixture, PIN_APP_UID_STATS, &uid), after;

    assert_int_equal(fixture_run(fixture, PIN_EGRESS_PROG, &packet, 1), pass);
    assert_int_equal(fixture_run(fixture, PIN_INGRESS_PROG, &packet, 1), pass);
    after = fixture_row(fixture, PIN_APP_UID_STATS, &uid);
    assert_int_equal(after.tx_packets - before.tx_packets, pass);
    assert_int_equal(after.rx_packets - before.rx_packets, 1);
}

static void check_chain(const struct fixture *fixture, enum pin_id chain, bool unlisted)
{
    check_verdict(fixture, true);
    put_chain(fixture, chain, TCTL_CHAIN_SWITCH, 1);
    check_verdict(fixture, unlisted);
    put_chain(fixture, chain, 0, 0);
    check_verdict(fixture, false);
    put_chain(fixture, chain, 0, 1);
    check_verdict(fixture, true);
    put_chain(fixture, chain, 0, 200);
    check_verdict(fixture, true);
    put_chain(fixture, chain, 0, 0);
    put_chain(fixture, chain, TCTL_CHAIN_SWITCH, 0);
    check_verdict(fixture, true);
}

static void test_each_chain(void **state)
{
    fixture_load(*state);
    check_chain(*state, PIN_DOZABLE_UID, false);
    check_chain(*state, PIN_STANDBY_UID, true);
    check_chain(*state, PIN_POWERSAVE_UID, false);
}

/* netd lets this one pass. */
static void test_any_chain_that_drops_wins(void **state)
{
    const struct fixture *fixture = *state;

    fixture_load(*state);
    put_chain(fixture, PIN_DOZABLE_UID, 0, 1);
    put_chain(fixture, PIN_DOZABLE_UID, TCTL_CHAIN_SWITCH, 1);
    check_verdict(fixture, true);
    put_chain(fixture, PIN_STANDBY_UID, 0, 0);
    put_chain(fixture, PIN_STANDBY_UID, TCTL_CHAIN_SWITCH, 1);
    check_verdict(fixture, false);
    put_chain(fixture, PIN_STANDBY_UID, 0, 1);
    check_verdict(fixture, true);
    put_chain(fixture, PIN_POWERSAVE_UID, TCTL_CHAIN_SWITCH, 1);
    check_verdict(fixture, false);
}

static void test_system_uids_are_not_judged(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.app_uids[0] = (struct uid_range){.first = 1, .last = UINT32_MAX - 1};
    fixture_load(fixture);
    put_chain(fixture, PIN_DOZABLE_UID, TCTL_CHAIN_SWITCH, 1);
    check_verdict(fixture, true);
}

static void test_ranges_per_user(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.app_uids[0] = (struct uid_range){.first = 0, .last = 10};
    fixture->options.per_user_range = 100000;
    fixture_load(fixture);
    put_chain(fixture, PIN_DOZABLE_UID, TCTL_CHAIN_SWITCH, 1);
    check_verdict(fixture, false);
}

/* Run the egress program with a socket of UID 10001: BPF_PROG_TEST_RUN's is root's of the network namespace. */
static int send_as_10001(const struct fixture *fixture, const struct packet *packet, uint32_t repeat)
{
    pid_t holder = holder_start();
    int status;

    pid_t runner = fork();
    if (runner == 0) {
        if (holder_enter(holder))
            _exit(101);
        _exit(fixture_run(fixture, PIN_EGRESS_PROG, packet, repeat));
    }
    waitpid(runner, &status, 0);
    holder_end(holder);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_real_uid_and_other_namespace(void **state)
{
    const struct fixture *fixture = *state;
    struct packet packet = packet_ipv4(IPPROTO_UDP, 0, 44);
    struct tctl_stats_key elsewhere = {.uid = 10001, .iface_index = 0};

    fixture_load(*state);
    assert_int_equal(send_as_10001(fixture, &packet, 7), 1);
    assert_int_equal(fixture_row(fixture, PIN_UID_STATS, &elsewhere).tx_packets, 7);
    put_chain(fixture, PIN_STANDBY_UID, 10001, 0);
    put_chain(fixture, PIN_STANDBY_UID, TCTL_CHAIN_SWITCH, 1);
    assert_int_equal(send_as_10001(fixture, &packet, 7), 0);
    assert_int_equal(fixture_row(fixture, PIN_UID_STATS, &elsewhere).tx_packets, 7);
}

/* A tag and a packet for it: each makes its own row. */
static void send_tagged(const struct fixture *fixture, uint32_t uid, uint32_t tag)
{
    struct packet packet = packet_ipv4(IPPROTO_UDP, 0, 44);
    struct tctl_tag row = {.uid = uid, .tag = tag};
    uint64_t cookie = fixture_next_cookie();

    fixture_put(fixture, PIN_COOKIE_TAG, &cookie, &row);
    assert_int_equal(fixture_run(fixture, PIN_EGRESS_PROG, &packet, 1), 1);
}

static void test_a_uid_has_its_share_of_rows(void **state)
{
    struct fixture *fixture = *state;
    uint32_t uid = 10086, other = 10087;

    fixture->options.rows_per_uid = 5;
    fixture_load(fixture);
    for (uint32_t tag = 1; tag <= 8; tag++)
        send_tagged(fixture, uid, tag);
    assert_int_equal(fixture_lost(fixture, TCTL_TAG_STATS), 3);
    assert_int_equal(fixture_row(fixture, PIN_APP_UID_STATS, &uid).tx_packets, 8); /* the total still counts */
    send_tagged(fixture, uid, 5);                                                  /* a row that is there goes on */
    send_tagged(fixture, other, 1);
    assert_int_equal(fixture_lost(fixture, TCTL_TAG_STATS), 3);
    assert_int_equal(fixture_row(fixture, PIN_APP_UID_STATS, &other).tx_packets, 1);
}

static void test_what_a_full_map_loses_is_counted(void **state)
{
    struct fixture *fixture = *state;
    uint64_t recorded = 0;

    fixture->options.entries[LOAD_APP_UID_STATS] = 20;
    fixture->options.entries[LOAD_UID_STATS] = 20;
    fixture_load(fixture);
    for (uint32_t uid = 20000; uid < 20030; uid++)
        send_tagged(fixture, uid, 1);
    for (uint32_t uid = 20000; uid < 20030; uid++)
        recorded += fixture_row(fixture, PIN_APP_UID_STATS, &uid).tx_packets;
    assert_int_equal(recorded, 20);
    assert_int_equal(fixture_lost(fixture, TCTL_APP_UID_STATS), 10);
    assert_int_equal(fixture_lost(fixture, TCTL_UID_STATS), 10);
    assert_int_equal(fixture_lost(fixture, TCTL_TAG_STATS), 0);
}

#define TEST(test)                                                                                                     \
    {                                                                                                                  \
#test, test, fixture_set_up, fixture_tear_down, NULL                                                           \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_chain),
        TEST(test_any_chain_that_drops_wins),
        TEST(test_system_uids_are_not_judged),
        TEST(test_ranges_per_user),
        TEST(test_real_uid_and_other_namespace),
        TEST(test_a_uid_has_its_share_of_rows),
        TEST(test_what_a_full_map_loses_is_counted),
    };

    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: verdicts and limits", tests, NULL, NULL);
}
