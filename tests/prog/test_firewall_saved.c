/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The saved policy and the maps, when the one or the other refuses a change. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include <cmocka.h>

#include "wall.h"

#define A 10001u
#define B 10002u
#define C 10003u

static void a_bad_policy_refuses_what_would_be_saved(void **state)
{
    static const char bad[] = "trafficctl policy 1\nenable standby\nallow nonsense 10001\nend\n";
    const struct policing *policing = *state;
    char said[256];
    _cleanup_wall_ struct tctl_firewall *firewall = policing_open(policing);

    wall_save(policing, bad);
    snprintf(said, sizeof(said), "%s:3: ", policing->policy);
    wall_assert_refused(firewall, tctl_firewall_enable(firewall, TCTL_DOZABLE, true, 0), -EBADMSG, said);
    wall_assert_refused(firewall, wall_set(firewall, TCTL_DOZABLE, A, true, 0), -EBADMSG, said);
    wall_assert_refused(firewall, tctl_firewall_replace(firewall, TCTL_DOZABLE, NULL, 0, 0), -EBADMSG, said);
    wall_assert_refused(firewall, tctl_firewall_lockdown(firewall, A, true, 0), -EBADMSG, said);
    wall_assert_refused(firewall, tctl_firewall_restore(firewall), -EBADMSG, said);
    assert_int_equal(policing_entry(policing, TCTL_DOZABLE, TCTL_CHAIN_SWITCH), POLICING_NO_ROW);
    assert_int_equal(policing_entry(policing, TCTL_DOZABLE, A), POLICING_NO_ROW);
    wall_assert_done(firewall, wall_set(firewall, TCTL_DOZABLE, A, true, TCTL_RUNTIME));
    assert_int_equal(policing_entry(policing, TCTL_DOZABLE, A), 1);
    _cleanup_free_ char *text = wall_text(policing->policy);
    assert_string_equal(text, bad);
}

static void restoring_makes_the_maps_hold_what_was_saved(void **state)
{
    const struct policing *policing = *state;
    _cleanup_wall_ struct tctl_firewall *firewall = policing_open(policing);

    wall_assert_refused(firewall, tctl_firewall_restore(firewall), -ENOENT, policing->policy);
    policing_put_entry(policing, TCTL_STANDBY, A, 0);
    assert_int_equal(enforce_set_closed(&policing->maps, true), 0);
    wall_assert_refused(firewall, tctl_firewall_lockdown(firewall, C, true, TCTL_RUNTIME), 0, "nobody passes");
    wall_save(policing, "# by hand\ntrafficctl policy 1\nenable dozable\nallow dozable 10002\niif 10001 plain0\nend\n");
    wall_assert_refused(firewall, tctl_firewall_restore(firewall), -EBADMSG, ":1: ");
    assert_int_equal(policing_config(policing).closed, 1);
    wall_save(policing, "trafficctl policy 1\n# by hand\nenable dozable\nallow dozable 10002\niif 10001 plain0\nend\n");
    wall_assert_done(firewall, tctl_firewall_restore(firewall));
    assert_int_equal(policing_config(policing).closed, 0);
    assert_int_equal(policing_entry(policing, TCTL_STANDBY, A), POLICING_NO_ROW);
    assert_int_equal(policing_entry(policing, TCTL_DOZABLE, TCTL_CHAIN_SWITCH), 1);
    assert_int_equal(policing_entry(policing, TCTL_DOZABLE, B), 1);
    assert_int_equal(policing_word(policing, A), TCTL_BIT(TCTL_IFACE_RULE));
    assert_int_equal(policing_word(policing, C), POLICING_NO_ROW);
    char good[256];
    snprintf(good, sizeof(good), "%s.good", policing->policy);
    _cleanup_free_ char *text = wall_text(good);
    assert_string_equal(text, "trafficctl policy 1\nenable dozable\nallow dozable 10002\niif 10001 plain0\nend\n");
}

static void a_full_map_refuses_before_anything_is_changed(void **state)
{
    const struct policing *policing = *state;
    const uint32_t uids[] = {A, B, C, 10004, 10005};
    _cleanup_wall_ struct tctl_firewall *firewall = policing_open(policing);

    wall_assert_done(firewall, tctl_firewall_set(firewall, TCTL_STANDBY, uids, 4, false, 0));
    _cleanup_free_ char *before = wall_text(policing->policy);
    uint64_t generation = policing_generation(policing);
    wall_assert_refused(firewall, wall_set(firewall, TCTL_STANDBY, uids[4], false, 0), -E2BIG,
                        "traffic_standby_uid_map has room for 5 entries: it holds 4, this would take 6");
    wall_assert_refused(firewall, tctl_firewall_replace(firewall, TCTL_STANDBY, uids, 5, 0), -E2BIG, "standby");
    assert_int_equal(policing_generation(policing), generation);
    _cleanup_free_ char *after = wall_text(policing->policy);
    assert_string_equal(after, before);
    wall_assert_good(policing);
    wall_assert_done(firewall, tctl_firewall_enable(firewall, TCTL_STANDBY, true, 0)); /* its room is its own */
}

static void what_the_maps_refuse_is_not_saved(void **state)
{
    const struct policing *policing = *state;
    const char *said = "cannot write traffic_dozable_uid_map: Operation not permitted";
    _cleanup_wall_ struct tctl_firewall *firewall = policing_open(policing);

    policing_freeze(policing, PIN_DOZABLE_UID);
    wall_assert_refused(firewall, wall_set(firewall, TCTL_DOZABLE, A, true, 0), -EPERM, said);
    wall_assert_nothing_saved(policing);
    wall_assert_done(firewall, tctl_firewall_enable(firewall, TCTL_STANDBY, true, 0));
    wall_assert_refused(firewall, tctl_firewall_enable(firewall, TCTL_DOZABLE, true, 0), -EPERM, said);
    wall_assert_saved(policing, "enable standby\n");
    wall_assert_good(policing);
}

static void what_cannot_be_saved_does_not_hold(void **state)
{
    const struct policing *policing = *state;
    _cleanup_wall_ struct tctl_firewall *firewall = policing_open(policing);

    wall_assert_done(firewall, tctl_firewall_enable(firewall, TCTL_DOZABLE, true, 0));
    assert_return_code(mount(NULL, policing->folder, NULL, MS_REMOUNT | MS_RDONLY, NULL), errno);
    wall_assert_refused(firewall, tctl_firewall_enable(firewall, TCTL_STANDBY, true, 0), -EROFS, policing->policy);
    assert_null(strstr(tctl_firewall_problem(firewall), "all the same")); /* what is saved is what was */
    assert_int_equal(policing_entry(policing, TCTL_STANDBY, TCTL_CHAIN_SWITCH), POLICING_NO_ROW);
    wall_assert_done(firewall, tctl_firewall_enable(firewall, TCTL_STANDBY, true, TCTL_RUNTIME));
    assert_int_equal(policing_entry(policing, TCTL_STANDBY, TCTL_CHAIN_SWITCH), 1);
    wall_assert_saved(policing, "enable dozable\n");
    /* the maps can be put right without the copy of the policy; what was not saved goes */
    wall_assert_refused(firewall, tctl_firewall_restore(firewall), 0, "the change holds; ");
    assert_int_equal(policing_entry(policing, TCTL_STANDBY, TCTL_CHAIN_SWITCH), 0);
}

#define WALL(test) cmocka_unit_test_setup_teardown(test, policing_set_up, policing_tear_down)
#define WALL_SMALL(test) cmocka_unit_test_setup_teardown(test, policing_set_up_small, policing_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WALL(a_bad_policy_refuses_what_would_be_saved),
        WALL(restoring_makes_the_maps_hold_what_was_saved),
        WALL_SMALL(a_full_map_refuses_before_anything_is_changed),
        WALL(what_the_maps_refuse_is_not_saved),
        WALL(what_cannot_be_saved_does_not_hold),
    };

    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: firewall, saved policy", tests, NULL, NULL);
}
