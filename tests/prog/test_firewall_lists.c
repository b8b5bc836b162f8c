/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Chains and lists as a user of the library changes them: what is saved and what the maps hold after every change. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wall.h"

#define A 10001u
#define B 10002u
#define C 10003u
#define SYSTEM 1000u

static void chains_have_names_numbers_and_kinds(void **state)
{
    static const char *const names[] = {NULL,
                                        "dozable",
                                        "standby",
                                        "powersave",
                                        "restricted",
                                        "low_power_standby",
                                        "background",
                                        "oem_deny_1",
                                        "oem_deny_2",
                                        "oem_deny_3",
                                        "metered_allow",
                                        "metered_deny_user",
                                        "metered_deny_admin"};
    unsigned int chain = 99;

    (void)state;
    for (unsigned int i = 1; i <= TCTL_FIREWALL_CHAINS; i++) {
        char number[8];
        snprintf(number, sizeof(number), "%u", i);
        assert_string_equal(tctl_chain_name(i), names[i]);
        assert_int_equal(tctl_chain_find(names[i], &chain), 0);
        assert_int_equal(chain, i);
        assert_int_equal(tctl_chain_find(number, &chain), 0);
        assert_int_equal(chain, i);
        assert_int_equal(tctl_chain_is_allow_list(i), i == 1 || (i >= 3 && i <= 6) || i == 10);
    }
    assert_null(tctl_chain_name(0));
    assert_null(tctl_chain_name(13));
    assert_false(tctl_chain_is_allow_list(13));
    chain = 99;
    static const char *const wrong[] = {"", "0", "13", "iif", "lockdown", "closed", "Dozable", "doz", "1 ", "-1"};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_int_equal(tctl_chain_find(wrong[i], &chain), -EINVAL);
    assert_int_equal(chain, 99);
}

static void a_switched_chain_is_saved_and_holds(void **state)
{
    const struct policing *policing = *state;
    _cleanup_wall_ struct tctl_firewall *firewall = policing_open(policing);

    wall_assert_done(firewall, tctl_firewall_enable(firewall, TCTL_STANDBY, true, 0));
    wall_assert_done(firewall, tctl_firewall_enable(firewall, TCTL_BACKGROUND, true, 0));
    wall_assert_saved(policing, "enable standby\nenable background\n");
    wall_assert_good(policing);
    assert_int_equal(policing_entry(policing, TCTL_STANDBY, TCTL_CHAIN_SWITCH), 1);
    assert_int_equal(policing_config(policing).chains, TCTL_BIT(TCTL_BACKGROUND));
    wall_assert_done(firewall, tctl_firewall_enable(firewall, TCTL_STANDBY, true, 0)); /* holds already */
    wall_assert_done(firewall, tctl_firewall_enable(firewall, TCTL_STANDBY, false, 0));
    wall_assert_done(firewall, tctl_firewall_enable(firewall, TCTL_BACKGROUND, false, 0));
    wall_assert_saved(policing, "");
    wall_assert_good(policing);
    assert_int_equal(policing_entry(policing, TCTL_STANDBY, TCTL_CHAIN_SWITCH), 0);
    assert_int_equal(policing_config(policing).chains, 0);
}

static void to_allow_and_to_deny_is_to_be_on_a_list_or_not(void **state)
{
    const struct policing *policing = *state;
    _cleanup_wall_ struct tctl_firewall *firewall = policing_open(policing);
    const uint32_t both[] = {B, A, B};

    wall_assert_done(firewall, tctl_firewall_set(firewall, TCTL_DOZABLE, both, ARRAY_SIZE(both), true, 0));
    wall_assert_done(firewall, tctl_firewall_set(firewall, TCTL_STANDBY, both, ARRAY_SIZE(both), false, 0));
    wall_assert_done(firewall, tctl_firewall_set(firewall, TCTL_RESTRICTED, both, ARRAY_SIZE(both), true, 0));
    wall_assert_done(firewall, tctl_firewall_set(firewall, TCTL_OEM_DENY_3, both, ARRAY_SIZE(both), false, 0));
    wall_assert_saved(policing, "allow dozable 10001\nallow dozable 10002\ndeny standby 10001\ndeny standby 10002\n"
                                "allow restricted 10001\nallow restricted 10002\ndeny oem_deny_3 10001\n"
                                "deny oem_deny_3 10002\n");
    assert_int_equal(policing_entry(policing, TCTL_DOZABLE, A), 1);
    assert_int_equal(policing_entry(policing, TCTL_STANDBY, B), 0);
    assert_int_equal(policing_word(policing, A), TCTL_BIT(TCTL_RESTRICTED) | TCTL_BIT(TCTL_OEM_DENY_3));

    wall_assert_done(firewall, wall_set(firewall, TCTL_DOZABLE, A, false, 0));
    wall_assert_done(firewall, wall_set(firewall, TCTL_STANDBY, A, true, 0));
    wall_assert_done(firewall, wall_set(firewall, TCTL_RESTRICTED, A, false, 0));
    assert_int_equal(policing_word(policing, A), TCTL_BIT(TCTL_OEM_DENY_3)); /* the other chain's bit stays */
    wall_assert_done(firewall, wall_set(firewall, TCTL_OEM_DENY_3, A, true, 0));
    wall_assert_done(firewall, wall_set(firewall, TCTL_OEM_DENY_3, C, true, 0)); /* holds already */
    wall_assert_saved(policing,
                      "allow dozable 10002\ndeny standby 10002\nallow restricted 10002\ndeny oem_deny_3 10002\n");
    wall_assert_good(policing);
    assert_int_equal(policing_entry(policing, TCTL_DOZABLE, A), POLICING_NO_ROW);
    assert_int_equal(policing_entry(policing, TCTL_STANDBY, A), POLICING_NO_ROW);
    assert_int_equal(policing_word(policing, A), POLICING_NO_ROW);
}

static void a_list_is_replaced(void **state)
{
    const struct policing *policing = *state;
    _cleanup_wall_ struct tctl_firewall *firewall = policing_open(policing);
    const uint32_t first[] = {A, B}, second[] = {C, B, C};

    for (unsigned int chain = TCTL_DOZABLE; chain <= TCTL_LOW_POWER_STANDBY; chain++) {
        wall_assert_done(firewall, tctl_firewall_replace(firewall, chain, first, ARRAY_SIZE(first), 0));
        wall_assert_done(firewall, tctl_firewall_replace(firewall, chain, second, ARRAY_SIZE(second), 0));
    }
    wall_assert_saved(policing,
                      "allow dozable 10002\nallow dozable 10003\ndeny standby 10002\ndeny standby 10003\n"
                      "allow powersave 10002\nallow powersave 10003\nallow restricted 10002\n"
                      "allow restricted 10003\nallow low_power_standby 10002\nallow low_power_standby 10003\n");
    assert_int_equal(policing_entry(policing, TCTL_STANDBY, A), POLICING_NO_ROW);
    assert_int_equal(policing_entry(policing, TCTL_STANDBY, C), 0);
    assert_int_equal(policing_word(policing, A), POLICING_NO_ROW);
    assert_int_equal(policing_word(policing, C), TCTL_BIT(TCTL_RESTRICTED) | TCTL_BIT(TCTL_LOW_POWER_STANDBY));
    wall_assert_done(firewall, tctl_firewall_replace(firewall, TCTL_STANDBY, NULL, 0, 0));
    assert_int_equal(policing_entry(policing, TCTL_STANDBY, C), POLICING_NO_ROW);
}

static void a_runtime_change_is_not_saved(void **state)
{
    const struct policing *policing = *state;
    _cleanup_wall_ struct tctl_firewall *firewall = policing_open(policing);

    wall_assert_done(firewall, tctl_firewall_enable(firewall, TCTL_DOZABLE, true, TCTL_RUNTIME));
    wall_assert_done(firewall, wall_set(firewall, TCTL_DOZABLE, A, true, TCTL_RUNTIME));
    wall_assert_done(firewall, tctl_firewall_replace(firewall, TCTL_OEM_DENY_1, &(uint32_t){B}, 1, TCTL_RUNTIME));
    wall_assert_done(firewall, tctl_firewall_set_iface(firewall, C, "plain0", TCTL_RUNTIME));
    wall_assert_done(firewall, tctl_firewall_lockdown(firewall, C, true, TCTL_RUNTIME));
    wall_assert_nothing_saved(policing);
    assert_int_equal(policing_entry(policing, TCTL_DOZABLE, TCTL_CHAIN_SWITCH), 1);
    assert_int_equal(policing_entry(policing, TCTL_DOZABLE, A), 1);
    assert_int_equal(policing_word(policing, B), TCTL_BIT(TCTL_OEM_DENY_1));
    assert_int_equal(policing_word(policing, C), TCTL_BIT(TCTL_IFACE_RULE) | TCTL_BIT(TCTL_LOCKDOWN));
}

/* Only what was asked about. */
static void what_peers_wrote_raw_stays(void **state)
{
    const struct policing *policing = *state;
    _cleanup_wall_ struct tctl_firewall *firewall = policing_open(policing);

    wall_assert_done(firewall, wall_set(firewall, TCTL_STANDBY, B, false, 0));
    policing_put_entry(policing, TCTL_STANDBY, A, 0);
    policing_put_entry(policing, TCTL_POWERSAVE, A, 7);
    policing_put_entry(policing, TCTL_DOZABLE, TCTL_CHAIN_SWITCH, 1);
    policing_put_word(policing, A, TCTL_BIT(TCTL_OEM_DENY_2));
    wall_assert_done(firewall, wall_set(firewall, TCTL_STANDBY, C, false, 0));
    wall_assert_done(firewall, wall_set(firewall, TCTL_OEM_DENY_1, A, false, 0));
    wall_assert_done(firewall, tctl_firewall_enable(firewall, TCTL_STANDBY, true, 0));
    wall_assert_saved(policing, "enable standby\ndeny standby 10002\ndeny standby 10003\ndeny oem_deny_1 10001\n");
    assert_int_equal(policing_entry(policing, TCTL_STANDBY, A), 0);
    assert_int_equal(policing_entry(policing, TCTL_POWERSAVE, A), 7);
    assert_int_equal(policing_entry(policing, TCTL_DOZABLE, TCTL_CHAIN_SWITCH), 1);
    assert_int_equal(policing_word(policing, A), TCTL_BIT(TCTL_OEM_DENY_1) | TCTL_BIT(TCTL_OEM_DENY_2));

    wall_assert_done(firewall, tctl_firewall_restore(firewall));
    assert_int_equal(policing_entry(policing, TCTL_STANDBY, A), POLICING_NO_ROW);
    assert_int_equal(policing_entry(policing, TCTL_POWERSAVE, A), POLICING_NO_ROW);
    assert_int_equal(policing_entry(policing, TCTL_DOZABLE, TCTL_CHAIN_SWITCH), 0);
    assert_int_equal(policing_word(policing, A), TCTL_BIT(TCTL_OEM_DENY_1));
}

/* It kept everything from the UID, whatever was asked for. */
static void a_row_that_names_another_is_put_right_with_its_uid(void **state)
{
    const struct policing *policing = *state;
    const uint32_t uids[] = {A, B};
    const struct tctl_uid_rules misnamed = {C, TCTL_BIT(TCTL_OEM_DENY_1)};
    _cleanup_wall_ struct tctl_firewall *firewall = policing_open(policing);

    for (size_t i = 0; i < ARRAY_SIZE(uids); i++)
        fixture_put(policing->fixture, PIN_UID_RULES, &uids[i], &misnamed);
    wall_assert_done(firewall, wall_set(firewall, TCTL_OEM_DENY_1, A, false, 0));
    wall_assert_done(firewall, wall_set(firewall, TCTL_OEM_DENY_2, B, true, 0));
    assert_int_equal(policing_word(policing, A), TCTL_BIT(TCTL_OEM_DENY_1));
    assert_int_equal(policing_word(policing, B), TCTL_BIT(TCTL_OEM_DENY_1));
}

static void system_uids_have_no_rules(void **state)
{
    const struct policing *policing = *state;
    const uint32_t with[] = {A, SYSTEM};
    const char *said = "uid 1000 is a system UID";
    _cleanup_wall_ struct tctl_firewall *firewall = policing_open(policing);

    wall_assert_refused(firewall, tctl_firewall_set(firewall, TCTL_STANDBY, with, 2, false, 0), -EPERM, said);
    wall_assert_refused(firewall, tctl_firewall_set(firewall, TCTL_STANDBY, with, 2, false, 0), -EPERM, "app_uids");
    wall_assert_refused(firewall, tctl_firewall_set(firewall, TCTL_DOZABLE, with, 2, true, TCTL_RUNTIME), -EPERM, said);
    wall_assert_refused(firewall, tctl_firewall_set(firewall, TCTL_DOZABLE, with, 2, false, 0), -EPERM, said);
    wall_assert_refused(firewall, tctl_firewall_replace(firewall, TCTL_RESTRICTED, with, 2, 0), -EPERM, said);
    wall_assert_refused(firewall, tctl_firewall_set_iface(firewall, SYSTEM, "plain0", 0), -EPERM, said);
    wall_assert_refused(firewall, tctl_firewall_set_iface(firewall, SYSTEM, "", 0), -EPERM, said);
    wall_assert_refused(firewall, tctl_firewall_lockdown(firewall, SYSTEM, true, 0), -EPERM, said);
    wall_assert_nothing_saved(policing);
    assert_int_equal(policing_entry(policing, TCTL_STANDBY, A), POLICING_NO_ROW);
    assert_int_equal(policing_word(policing, A), POLICING_NO_ROW);
}

/* As after app_uids were changed. */
static void system_uids_are_taken_off(void **state)
{
    const struct policing *policing = *state;
    _cleanup_wall_ struct tctl_firewall *firewall = policing_open(policing);

    policing_put_entry(policing, TCTL_DOZABLE, SYSTEM, 1);
    policing_put_word(policing, SYSTEM,
                      TCTL_BIT(TCTL_OEM_DENY_1) | TCTL_BIT(TCTL_LOCKDOWN) | TCTL_BIT(TCTL_IFACE_RULE));
    wall_save(policing, "trafficctl policy 1\nallow restricted 1000\nend\n");
    wall_assert_done(firewall, wall_set(firewall, TCTL_DOZABLE, SYSTEM, false, 0));
    wall_assert_done(firewall, wall_set(firewall, TCTL_RESTRICTED, SYSTEM, false, 0)); /* it is in the policy alone */
    wall_assert_done(firewall, wall_set(firewall, TCTL_OEM_DENY_1, SYSTEM, true, 0));
    wall_assert_done(firewall, tctl_firewall_lockdown(firewall, SYSTEM, false, 0));
    wall_assert_done(firewall, tctl_firewall_set_iface(firewall, SYSTEM, NULL, 0));
    wall_assert_saved(policing, "");
    assert_int_equal(policing_entry(policing, TCTL_DOZABLE, SYSTEM), POLICING_NO_ROW);
    assert_int_equal(policing_word(policing, SYSTEM), POLICING_NO_ROW);
}

static void wrong_arguments_change_nothing(void **state)
{
    const struct policing *policing = *state;
    const uint32_t with[] = {A, UINT32_MAX};
    _cleanup_wall_ struct tctl_firewall *firewall = policing_open(policing);

    static const unsigned int none[] = {0, 13, 14, 15, 32, UINT_MAX};
    for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
        wall_assert_refused(firewall, tctl_firewall_enable(firewall, none[i], true, 0), -EINVAL, "no chain");
        wall_assert_refused(firewall, wall_set(firewall, none[i], A, false, 0), -EINVAL, "no chain");
        wall_assert_refused(firewall, tctl_firewall_replace(firewall, none[i], with, 1, 0), -EINVAL, "no chain");
    }
    wall_assert_refused(firewall, tctl_firewall_set(firewall, TCTL_STANDBY, with, 2, false, 0), -EINVAL, "4294967295");
    wall_assert_refused(firewall, tctl_firewall_set(firewall, TCTL_STANDBY, with, 2, true, 0), -EINVAL, "4294967295");
    wall_assert_refused(firewall, tctl_firewall_replace(firewall, TCTL_STANDBY, with, 2, 0), -EINVAL, "4294967295");
    wall_assert_refused(firewall, tctl_firewall_lockdown(firewall, UINT32_MAX, true, 0), -EINVAL, "4294967295");
    wall_assert_refused(firewall, tctl_firewall_set_iface(firewall, UINT32_MAX, NULL, 0), -EINVAL, "4294967295");
    wall_assert_refused(firewall, tctl_firewall_enable(firewall, TCTL_STANDBY, true, 2), -EINVAL, "flags");
    wall_assert_refused(firewall, tctl_firewall_set_iface(firewall, A, POLICING_GONE, 0), -ENODEV, POLICING_GONE);
    wall_assert_refused(firewall, tctl_firewall_set_iface(firewall, A, "a name longer than names", 0), -ENODEV,
                        "a name");
    wall_assert_refused(firewall, tctl_firewall_meter(firewall, POLICING_GONE, true, 0), -ENODEV, POLICING_GONE);
    wall_assert_refused(firewall, tctl_firewall_meter(firewall, "", true, 0), -ENODEV, "interface");
    wall_assert_refused(firewall, tctl_firewall_meter(firewall, "lo", true, 0), -EINVAL, "loopback");
    wall_assert_nothing_saved(policing);
    assert_int_equal(policing_entry(policing, TCTL_STANDBY, A), POLICING_NO_ROW);
    assert_int_equal(policing_entry(policing, TCTL_STANDBY, TCTL_CHAIN_SWITCH), POLICING_NO_ROW);
    assert_int_equal(policing_word(policing, A), POLICING_NO_ROW);
}

#define WALL(test) cmocka_unit_test_setup_teardown(test, policing_set_up, policing_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_have_names_numbers_and_kinds),
        WALL(a_switched_chain_is_saved_and_holds),
        WALL(to_allow_and_to_deny_is_to_be_on_a_list_or_not),
        WALL(a_list_is_replaced),
        WALL(a_runtime_change_is_not_saved),
        WALL(what_peers_wrote_raw_stays),
        WALL(a_row_that_names_another_is_put_right_with_its_uid),
        WALL(system_uids_have_no_rules),
        WALL(system_uids_are_taken_off),
        WALL(wrong_arguments_change_nothing),
    };

    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: firewall, chains and lists", tests, NULL, NULL);
}
