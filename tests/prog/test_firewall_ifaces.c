/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Rules and marks of interfaces as a user of the library makes them. */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "surroundings.h"
#include "wall.h"

#define A 10001u
#define B 10002u

/* Below one word, two rules and nine chains. */
static void interfaces_and_lockdown_are_rules_of_a_uid(void **state)
{
    const struct policing *policing = *state;
    const uint32_t iif = TCTL_BIT(TCTL_IFACE_RULE), lockdown = TCTL_BIT(TCTL_LOCKDOWN),
                   deny = TCTL_BIT(TCTL_OEM_DENY_1);
    _cleanup_wall_ struct tctl_firewall *firewall = policing_open(policing);

    wall_assert_done(firewall, wall_set(firewall, TCTL_OEM_DENY_1, A, false, 0));
    wall_assert_done(firewall, tctl_firewall_lockdown(firewall, A, true, 0));
    assert_int_equal(policing_word(policing, A), deny | lockdown);
    wall_assert_done(firewall, tctl_firewall_set_iface(firewall, A, "plain0", 0));
    wall_assert_saved(policing, "deny oem_deny_1 10001\niif 10001 plain0\nlockdown 10001\n");
    assert_int_equal(policing_word(policing, A), deny | lockdown | iif);
    assert_int_equal(policing_iface(policing, A), policing_number("plain0"));
    wall_assert_done(firewall, tctl_firewall_set_iface(firewall, A, "", 0));
    wall_assert_saved(policing, "deny oem_deny_1 10001\niif 10001 any\nlockdown 10001\n");
    assert_int_equal(policing_iface(policing, A), TCTL_ANY_IFACE);
    wall_assert_done(firewall, tctl_firewall_set_iface(firewall, A, NULL, 0));
    wall_assert_done(firewall, tctl_firewall_set_iface(firewall, B, NULL, 0)); /* holds already */
    assert_int_equal(policing_word(policing, A), deny | lockdown);
    assert_int_equal(policing_iface(policing, A), POLICING_NO_ROW);
    wall_assert_done(firewall, tctl_firewall_lockdown(firewall, A, false, 0));
    assert_int_equal(policing_word(policing, A), deny);
    wall_assert_saved(policing, "deny oem_deny_1 10001\n");
    wall_assert_good(policing);
}

static void interfaces_are_marked(void **state)
{
    const struct policing *policing = *state;
    const uint32_t number = policing_number("metered0");
    _cleanup_wall_ struct tctl_firewall *firewall = policing_open(policing);

    wall_assert_done(firewall, tctl_firewall_meter(firewall, "metered0", true, 0));
    wall_assert_done(firewall, tctl_firewall_meter(firewall, "metered0", true, 0));
    wall_assert_saved(policing, "metered metered0\n");
    assert_int_equal(policing_mark(policing, number), 1);
    wall_assert_done(firewall, tctl_firewall_meter(firewall, "metered0", false, TCTL_RUNTIME));
    wall_assert_saved(policing, "metered metered0\n");
    assert_int_equal(policing_mark(policing, number), 0); /* so that following interfaces knows */
    wall_assert_done(firewall, tctl_firewall_meter(firewall, "metered0", true, TCTL_RUNTIME));
    assert_int_equal(policing_mark(policing, number), 1);
    policing_delete_iface("metered0");
    wall_assert_done(firewall, tctl_firewall_meter(firewall, "metered0", false, 0)); /* it is in the policy */
    wall_assert_saved(policing, "");
    wall_assert_refused(firewall, tctl_firewall_meter(firewall, "metered0", false, 0), -ENODEV,
                        "no interface metered0");
}

static int change_elsewhere(void *context)
{
    const struct policing *policing = context;
    struct tctl_firewall *firewall = NULL;
    struct tctl_verdict verdict;

    if (unshare(CLONE_NEWNET) < 0 || tctl_firewall_open(policing->fixture->bpffs, &firewall) < 0)
        return 1;
    int failed = tctl_firewall_set_iface(firewall, A, "lo", 0) != -EXDEV;
    failed |= !strstr(tctl_firewall_problem(firewall), "network namespace: run this there");
    failed |= tctl_firewall_meter(firewall, "eth0", true, TCTL_RUNTIME) != -EXDEV;
    failed |= tctl_firewall_why(firewall, A, "eth0", false, &verdict) != -EXDEV;
    failed |= tctl_firewall_restore(firewall) != -EXDEV;
    failed |= tctl_firewall_why(firewall, A, "lo", false, &verdict) != 0;
    failed |= tctl_firewall_set_iface(firewall, B, "", 0) != 0;
    failed |= wall_set(firewall, TCTL_STANDBY, B, false, 0) != 0;
    tctl_firewall_close(firewall);
    return failed ? 2 : 0;
}

static void interfaces_are_those_of_trafficds_namespace(void **state)
{
    struct policing *policing = *state;
    _cleanup_wall_ struct tctl_firewall *firewall = policing_open(policing);

    wall_assert_done(firewall, tctl_firewall_meter(firewall, "metered0", true, 0));
    policing_put_entry(policing, TCTL_DOZABLE, A, 1);
    assert_int_equal(surroundings_wait(surroundings_fork(change_elsewhere, policing)), 0);
    wall_assert_saved(policing, "deny standby 10002\niif 10002 any\nmetered metered0\n");
    assert_int_equal(policing_word(policing, A), POLICING_NO_ROW);
    assert_int_equal(policing_entry(policing, TCTL_DOZABLE, A), 1); /* nothing was restored */
}

#define WALL(test) cmocka_unit_test_setup_teardown(test, policing_set_up, policing_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WALL(interfaces_and_lockdown_are_rules_of_a_uid),
        WALL(interfaces_are_marked),
        WALL(interfaces_are_those_of_trafficds_namespace),
    };

    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: firewall, interfaces", tests, NULL, NULL);
}
