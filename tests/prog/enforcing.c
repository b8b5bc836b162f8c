/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "enforcing.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define A 10001u
#define B 10002u
#define C 10003u

const enum pin_id enforcing_maps[ENFORCING_MAPS] = {PIN_DOZABLE_UID, PIN_STANDBY_UID, PIN_POWERSAVE_UID, PIN_UID_RULES,
                                                    PIN_UID_IFACE,   PIN_METERED,     PIN_CONFIG};

void enforcing_list(struct policy *policy, uint32_t chain, uint32_t uid)
{
    assert_int_equal(policy_uids_set(&policy->listed[chain], uid, true), 0);
}

struct policy enforcing_two(uint32_t chain, uint32_t one, uint32_t other)
{
    struct policy policy = {.switched = TCTL_BIT(chain)};

    enforcing_list(&policy, chain, one);
    enforcing_list(&policy, chain, other);
    return policy;
}

struct policy enforcing_everything(void)
{
    struct policy policy = {.switched = TCTL_BIT(TCTL_STANDBY) | TCTL_BIT(TCTL_OEM_DENY_2) | TCTL_BIT(TCTL_DOZABLE)};

    for (uint32_t chain = 1; chain < TCTL_CHAINS; chain++) {
        enforcing_list(&policy, chain, A);
        enforcing_list(&policy, chain, 10000 + 100 * chain);
    }
    assert_int_equal(policy_uids_set(&policy.lockdown, B, true), 0);
    assert_int_equal(policy_set_iface(&policy, A, "plain0"), 0);
    assert_int_equal(policy_set_iface(&policy, B, ""), 0);
    assert_int_equal(policy_set_iface(&policy, C, POLICING_GONE), 0);
    assert_int_equal(policy_set_metered(&policy, "metered0", true), 0);
    return policy;
}

void enforcing_apply(const struct policing *policing, const struct policy *policy)
{
    struct fault fault = {0};

    if (enforce_apply(&policing->maps, policy, &fault) < 0)
        fail_msg("enforce_apply: %s", fault.text);
    assert_string_equal(fault.text, "");
}

struct policy enforcing_held(const struct policing *policing)
{
    struct policy policy;

    assert_int_equal(enforce_read(&policing->maps, &policy), 0);
    return policy;
}

void enforcing_assert_same_lists(const struct policy *a, const struct policy *b)
{
    assert_int_equal(a->switched, b->switched);
    for (uint32_t chain = 1; chain < TCTL_CHAINS; chain++) {
        assert_int_equal(a->listed[chain].count, b->listed[chain].count);
        if (a->listed[chain].count)
            assert_memory_equal(a->listed[chain].uids, b->listed[chain].uids, 4 * a->listed[chain].count);
    }
    assert_int_equal(a->lockdown.count, b->lockdown.count);
    if (a->lockdown.count)
        assert_memory_equal(a->lockdown.uids, b->lockdown.uids, 4 * a->lockdown.count);
}
