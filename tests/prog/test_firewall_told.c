/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the firewall tells: what holds, why a packet passes or not, and what was dropped. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wall.h"

#define A 10001u
#define B 10002u
#define C 10003u
#define SYSTEM 1000u

static void what_holds_is_read(void **state)
{
    const struct policing *policing = *state;
    const uint32_t metered = policing_number("metered0"), gone = 4242;
    struct tctl_firewall_rules rules;
    _cleanup_wall_ struct tctl_firewall *firewall = policing_open(policing);

    wall_assert_done(firewall, wall_set(firewall, TCTL_DOZABLE, B, true, 0));
    wall_assert_done(firewall, wall_set(firewall, TCTL_DOZABLE, A, true, 0));
    wall_assert_done(firewall, tctl_firewall_enable(firewall, TCTL_METERED_DENY_ADMIN, true, 0));
    wall_assert_done(firewall, tctl_firewall_set_iface(firewall, A, "plain0", 0));
    wall_assert_done(firewall, tctl_firewall_set_iface(firewall, B, "", 0));
    wall_assert_done(firewall, tctl_firewall_lockdown(firewall, C, true, 0));
    fixture_put(policing->fixture, PIN_METERED, &metered, &(uint8_t){1});
    fixture_put(policing->fixture, PIN_METERED, &gone, &(uint8_t){9});
    assert_int_equal(enforce_set_closed(&policing->maps, true), 0);
    wall_assert_done(firewall, tctl_firewall_read(firewall, &rules));
    assert_true(rules.closed);
    assert_int_equal(rules.chains[TCTL_DOZABLE].count, 2);
    assert_int_equal(rules.chains[TCTL_DOZABLE].uids[0], A);
    assert_int_equal(rules.chains[TCTL_DOZABLE].uids[1], B);
    for (int chain = 1; chain <= TCTL_FIREWALL_CHAINS; chain++) {
        assert_int_equal(rules.chains[chain].enabled, chain == TCTL_METERED_DENY_ADMIN);
        assert_true(chain == TCTL_DOZABLE || rules.chains[chain].count == 0);
    }
    assert_int_equal(rules.iface_count, 2);
    assert_int_equal(rules.ifaces[0].uid, A);
    assert_string_equal(rules.ifaces[0].iface, "plain0");
    assert_string_equal(rules.ifaces[1].iface, "");
    assert_int_equal(rules.lockdown_count, 1);
    assert_int_equal(rules.lockdown[0], C);
    assert_int_equal(rules.metered_count, 2);
    assert_string_equal(rules.metered[0], "#4242");
    assert_string_equal(rules.metered[1], "metered0");
    tctl_firewall_rules_done(&rules);
    assert_int_equal(rules.metered_count, 0);
}

struct question {
    uint32_t uid;
    const char *iface;
    bool out;
    const char *reason; /* behind "+": it passes */
    unsigned int chain;
};

static void assert_why(struct tctl_firewall *firewall, const struct question *question)
{
    struct tctl_verdict verdict;
    char said[64];

    wall_assert_done(firewall, tctl_firewall_why(firewall, question->uid, question->iface, question->out, &verdict));
    snprintf(said, sizeof(said), "%s%s", verdict.pass ? "+" : "", verdict.reason);
    assert_string_equal(said, question->reason);
    assert_int_equal(verdict.chain, question->chain);
}

static void a_verdict_is_explained(void **state)
{
    const struct policing *policing = *state;
    static const struct question questions[] = {
        {SYSTEM, NULL, true, "+system uid", 0},
        {A, NULL, true, "standby", TCTL_STANDBY},
        {A, NULL, false, "standby", TCTL_STANDBY},
        {A, "plain0", true, "standby", TCTL_STANDBY},
        {A, "lo", true, "+loopback", 0},
        {B, NULL, true, "+allowed", 0},
        {B, "lo", true, "+allowed", 0},
        {B, "plain0", false, "+allowed", 0},
        {B, "metered0", false, "metered_allow", TCTL_METERED_ALLOW},
        {C, "plain0", false, "+allowed", 0},
        {C, "metered0", false, "iif", 0},
        {C, "metered0", true, "+allowed", 0},
        {C, "lo", false, "+allowed", 0},
        {C, NULL, false, "iif", 0},
        {10004, "plain0", false, "lockdown", 0},
        {10004, "plain0", true, "+allowed", 0},
        {10005, "plain0", true, "oem_deny_1", TCTL_OEM_DENY_1},
    };
    struct tctl_verdict verdict;
    _cleanup_wall_ struct tctl_firewall *firewall = policing_open(policing);

    wall_assert_done(firewall, wall_set(firewall, TCTL_STANDBY, A, false, 0));
    assert_why(firewall, &(struct question){A, NULL, true, "+allowed", 0});
    wall_assert_done(firewall, tctl_firewall_enable(firewall, TCTL_STANDBY, true, 0));
    wall_assert_done(firewall, tctl_firewall_enable(firewall, TCTL_METERED_ALLOW, true, 0));
    wall_assert_done(firewall, wall_set(firewall, TCTL_METERED_ALLOW, C, true, 0));
    wall_assert_done(firewall, tctl_firewall_meter(firewall, "metered0", true, 0));
    wall_assert_done(firewall, tctl_firewall_set_iface(firewall, C, "plain0", 0));
    wall_assert_done(firewall, tctl_firewall_lockdown(firewall, 10004, true, 0));
    wall_assert_done(firewall, tctl_firewall_enable(firewall, TCTL_OEM_DENY_1, true, 0));
    wall_assert_done(firewall, wall_set(firewall, TCTL_OEM_DENY_1, 10005, false, 0));
    for (size_t i = 0; i < ARRAY_SIZE(questions); i++)
        assert_why(firewall, &questions[i]);
    wall_assert_refused(firewall, tctl_firewall_why(firewall, A, POLICING_GONE, true, &verdict), -ENODEV,
                        POLICING_GONE);
    assert_int_equal(enforce_set_closed(&policing->maps, true), 0);
    assert_why(firewall, &(struct question){B, NULL, true, "closed", 0});
    assert_why(firewall, &(struct question){B, "lo", true, "+loopback", 0});
    assert_why(firewall, &(struct question){SYSTEM, NULL, true, "+system uid", 0});
}

static void what_was_dropped_is_read(void **state)
{
    const struct policing *policing = *state;
    static const struct {
        struct tctl_drop_key key;
        struct tctl_drop drop;
    } rows[] = {
        {{B, TCTL_CLOSED}, {.dropped = {1, 2, 3, 4}}},
        {{B, TCTL_DOZABLE}, {.told_ns = 77, .dropped = {5, 6, 7, 8}}},
        {{A, TCTL_LOCKDOWN}, {.dropped = {9, 10, 0, 0}}},
        {{A, TCTL_REASONS}, {.dropped = {1, 1, 1, 1}}}, /* a raw writer's */
    };
    struct tctl *traffic = NULL;
    struct tctl_drop_row *read = NULL;
    size_t count = 99;

    assert_int_equal(tctl_open(policing->fixture->bpffs, &traffic), 0);
    assert_int_equal(tctl_read_drops(traffic, &read, &count), 0);
    assert_int_equal(count, 0);
    assert_null(read);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        fixture_put(policing->fixture, PIN_DROPS, &rows[i].key, &rows[i].drop);
    assert_int_equal(tctl_read_drops(traffic, &read, &count), 0);
    assert_int_equal(count, 3);
    assert_int_equal(read[0].uid, A);
    assert_string_equal(read[0].reason, "lockdown");
    assert_int_equal(read[1].uid, B);
    assert_string_equal(read[1].reason, "dozable");
    assert_string_equal(read[2].reason, "closed");
    assert_int_equal(read[1].counters.rx_packets, 5);
    assert_int_equal(read[1].counters.rx_bytes, 6);
    assert_int_equal(read[1].counters.tx_packets, 7);
    assert_int_equal(read[1].counters.tx_bytes, 8);
    free(read);
    tctl_close(traffic);
}

#define WALL(test) cmocka_unit_test_setup_teardown(test, policing_set_up, policing_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WALL(what_holds_is_read),
        WALL(a_verdict_is_explained),
        WALL(what_was_dropped_is_read),
    };

    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: firewall, what it tells", tests, NULL, NULL);
}
