/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "policies.h"

#define UIDS 300

static void assert_ascends(const struct policy_uids *list)
{
    for (size_t i = 1; i < list->count; i++)
        assert_true(list->uids[i - 1] < list->uids[i]);
    assert_true(list->count <= list->room);
}

/* After the same changes a plain table says the same. */
static void policy_lists_what_was_put_in_and_not_taken_out(void **state)
{
    (void)state;
    _cleanup_(policy_done) struct policy policy = {0};
    struct policy_uids *list = &policy.lockdown;
    bool listed[UIDS] = {false};
    for (int change = 0; change < 20000; change++) {
        /* more and more, then less and less */
        uint32_t uid = (uint32_t)random() % UIDS;
        bool on = random() % 20000 > change;
        assert_int_equal(policy_uids_set(list, uid, on), 0);
        listed[uid] = on;
        assert_ascends(list);
        size_t count = 0;
        for (uint32_t i = 0; i < UIDS; i++) {
            assert_int_equal(policy_uids_has(list, i), listed[i]);
            count += listed[i];
        }
        assert_int_equal(list->count, count);
    }
}

static void policy_lists_the_ends_of_the_range(void **state)
{
    (void)state;
    _cleanup_(policy_done) struct policy policy = {0};
    struct policy_uids *list = &policy.listed[TCTL_DOZABLE];
    assert_false(policy_uids_has(list, 0));
    assert_int_equal(policy_uids_set(list, 0, false), 0);
    assert_int_equal(policy_uids_set(list, UINT32_MAX - 1, true), 0);
    assert_int_equal(policy_uids_set(list, 0, true), 0);
    assert_int_equal(list->uids[0], 0);
    assert_int_equal(list->uids[1], UINT32_MAX - 1);
    assert_int_equal(list->count, 2);
}

static void policy_replaces_a_list(void **state)
{
    (void)state;
    _cleanup_(policy_done) struct policy policy = {0};
    struct policy_uids *list = &policy.listed[TCTL_STANDBY];
    for (int change = 0; change < 500; change++) {
        uint32_t uids[100];
        bool listed[UIDS] = {false};
        size_t count = (size_t)random() % ARRAY_SIZE(uids), different = 0;
        for (size_t i = 0; i < count; i++) {
            uids[i] = (uint32_t)random() % UIDS;
            different += !listed[uids[i]];
            listed[uids[i]] = true;
        }
        assert_int_equal(policy_uids_replace(list, uids, count), 0);
        assert_ascends(list);
        assert_int_equal(list->count, different);
        for (uint32_t i = 0; i < UIDS; i++)
            assert_int_equal(policy_uids_has(list, i), listed[i]);
        assert_int_equal(policy_uids_set(list, UIDS, true), 0); /* there is room for more */
    }
}

/* A list may be replaced by itself, or by a part of itself. */
static void policy_replaces_a_list_by_what_it_holds(void **state)
{
    (void)state;
    _cleanup_(policy_done) struct policy policy = {0};
    struct policy_uids *list = &policy.lockdown;
    const uint32_t uids[] = {3, 1, 2};
    assert_int_equal(policy_uids_replace(list, uids, 3), 0);
    assert_int_equal(policy_uids_replace(list, list->uids + 1, 2), 0);
    assert_int_equal(list->count, 2);
    assert_int_equal(list->uids[0], 2);
    assert_int_equal(policy_uids_replace(list, NULL, 0), 0);
    assert_int_equal(list->count, 0);
}

static void policy_keeps_one_interface_for_a_uid(void **state)
{
    (void)state;
    _cleanup_(policy_done) struct policy policy = {0};
    static const char *const names[] = {NULL, "", "eth0", "fifteen-letters"};
    const char *set[UIDS] = {NULL};
    for (int change = 0; change < 5000; change++) {
        uint32_t uid = (uint32_t)random() % UIDS;
        set[uid] = names[random() % 4];
        assert_int_equal(policy_set_iface(&policy, uid, set[uid]), 0);
        size_t count = 0;
        for (uint32_t i = 0; i < UIDS; i++) {
            const struct policy_iface *found = policy_find_iface(&policy, i);
            assert_int_equal(found != NULL, set[i] != NULL);
            if (found)
                assert_string_equal(found->iface, set[i]);
            count += set[i] != NULL;
        }
        assert_int_equal(policy.iface_count, count);
    }
    for (size_t i = 1; i < policy.iface_count; i++)
        assert_true(policy.ifaces[i - 1].uid < policy.ifaces[i].uid);
}

static void policy_keeps_marks_in_order(void **state)
{
    (void)state;
    _cleanup_(policy_done) struct policy policy = {0};
    bool marked[26] = {false};
    for (int change = 0; change < 2000; change++) {
        size_t which = (size_t)random() % ARRAY_SIZE(marked);
        const char name[] = {(char)('a' + which), '0', '\0'};
        marked[which] = random() % 2;
        assert_int_equal(policy_set_metered(&policy, name, marked[which]), 0);
        size_t at = 0;
        for (size_t i = 0; i < ARRAY_SIZE(marked); i++) {
            if (marked[i])
                assert_int_equal(policy.metered[at++][0], 'a' + i);
        }
        assert_int_equal(policy.metered_count, at);
    }
}

static void policy_refuses_names_that_do_not_fit(void **state)
{
    (void)state;
    _cleanup_(policy_done) struct policy policy = {0};
    assert_int_equal(policy_set_iface(&policy, 1, "sixteen-letters!"), -EINVAL);
    assert_int_equal(policy_set_metered(&policy, "sixteen-letters!", true), -EINVAL);
    assert_int_equal(policy.iface_count, 0);
    assert_int_equal(policy.metered_count, 0);
}

static void policy_copies_share_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        struct policy policy;
        _cleanup_(policy_done) struct policy copy = {0}, again = {0};
        policies_random(&policy);
        assert_int_equal(policy_copy(&policy, &copy), 0);
        policies_assert_equal(&policy, &copy);
        assert_int_equal(policy_copy(&copy, &again), 0);
        for (int chain = 1; chain < TCTL_CHAINS; chain++)
            assert_int_equal(policy_uids_set(&policy.listed[chain], 5, true), 0);
        policy_done(&policy);
        policies_assert_equal(&copy, &again);
        assert_int_equal(policy_uids_set(&copy.lockdown, 5, true), 0);
    }
}

static void policy_ends_twice(void **state)
{
    (void)state;
    struct policy policy;
    policies_random(&policy);
    policy_done(&policy);
    assert_int_equal(policy.iface_count, 0);
    policy_done(&policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policy_lists_what_was_put_in_and_not_taken_out),
        cmocka_unit_test(policy_lists_the_ends_of_the_range),
        cmocka_unit_test(policy_replaces_a_list),
        cmocka_unit_test(policy_replaces_a_list_by_what_it_holds),
        cmocka_unit_test(policy_keeps_one_interface_for_a_uid),
        cmocka_unit_test(policy_keeps_marks_in_order),
        cmocka_unit_test(policy_refuses_names_that_do_not_fit),
        cmocka_unit_test(policy_copies_share_nothing),
        cmocka_unit_test(policy_ends_twice),
    };

    return unit_run(tests);
}
