/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The programs' rule of verdicts, compiled natively. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "firewall.bpf.h"

static const __u8 on = 1, off = 0, deny = 0, allow = 1, odd = 200;

static bool drops(bool allow_list, const __u8 *switched, const __u8 *entry)
{
    const uint32_t chain = allow_list ? TCTL_DOZABLE : TCTL_STANDBY;
    const struct rules rules = {
        .switched = switched && *switched == 1 ? TCTL_BIT(chain) : 0,
        .rules = is_listed(chain, entry) ? TCTL_BIT(chain) : 0,
    };

    return restriction_of(&rules).drops;
}

static void test_a_chain_that_is_off_drops_nothing(void **state)
{
    (void)state;
    for (int allow_list = 0; allow_list < 2; allow_list++) {
        assert_false(drops(allow_list, NULL, NULL));
        assert_false(drops(allow_list, NULL, &deny));
        assert_false(drops(allow_list, &off, NULL));
        assert_false(drops(allow_list, &off, &deny));
        assert_false(drops(allow_list, &odd, &deny)); /* the switch is on by 1 alone */
    }
}

static void test_entries_say_the_same_in_both_kinds(void **state)
{
    (void)state;
    for (int allow_list = 0; allow_list < 2; allow_list++) {
        assert_true(drops(allow_list, &on, &deny));
        assert_false(drops(allow_list, &on, &allow));
        assert_false(drops(allow_list, &on, &odd)); /* 0 drops, anything else passes */
    }
}

static void test_only_an_allow_list_drops_the_unlisted(void **state)
{
    (void)state;
    assert_true(drops(true, &on, NULL));
    assert_false(drops(false, &on, NULL));
}

static void test_ranges_hold_both_ends(void **state)
{
    struct tctl_config config = {.range_count = 2, .app_uids = {{1000, 60000}, {100000, 100000}}};

    (void)state;
    assert_false(may_judge(&config, 0));
    assert_false(may_judge(&config, 999));
    assert_true(may_judge(&config, 1000));
    assert_true(may_judge(&config, 60000));
    assert_false(may_judge(&config, 60001));
    assert_true(may_judge(&config, 100000));
    assert_false(may_judge(&config, 100001));
}

static void test_no_range_judges_nobody(void **state)
{
    struct tctl_config config = {.app_uids = {{0, UINT32_MAX}}};

    (void)state;
    assert_false(may_judge(&config, 10001));
}

static void test_ranges_per_user(void **state)
{
    struct tctl_config config = {.range_count = 1, .per_user_range = 100000, .app_uids = {{10000, UINT32_MAX - 1}}};

    (void)state;
    assert_true(may_judge(&config, 10001));
    assert_false(may_judge(&config, 101000)); /* a system UID of the second user */
    assert_true(may_judge(&config, 110001));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_chain_that_is_off_drops_nothing),
        cmocka_unit_test(test_entries_say_the_same_in_both_kinds),
        cmocka_unit_test(test_only_an_allow_list_drops_the_unlisted),
        cmocka_unit_test(test_ranges_hold_both_ends),
        cmocka_unit_test(test_no_range_judges_nobody),
        cmocka_unit_test(test_ranges_per_user),
    };

    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("unit: firewall", tests, NULL, NULL);
}
