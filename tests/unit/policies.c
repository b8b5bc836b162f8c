/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "policies.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

static uint32_t random_uid(void)
{
    uint32_t uid = ((uint32_t)random() << 1 ^ (uint32_t)random()) >> (random() % 32);
    return uid == UINT32_MAX ? 0 : uid;
}

static void random_list(struct policy_uids *list)
{
    for (long i = random() % 20; i > 0; i--)
        assert_int_equal(policy_uids_set(list, random_uid(), true), 0);
}

static const char *random_iface(void)
{
    static const char *const names[] = {"lo", "eth0",  "wlan0",           "#7",
                                        "a",  "b.100", "fifteen-letters", "\xC3\xA9t\xC3\xA9"};
    return names[random() % 8];
}

void policies_random(struct policy *ret_policy)
{
    struct policy policy = {.switched = (uint32_t)random() & (TCTL_BIT(TCTL_CHAINS) - 2)};
    for (int chain = 1; chain < TCTL_CHAINS; chain++)
        random_list(&policy.listed[chain]);
    random_list(&policy.lockdown);
    for (long i = random() % 10; i > 0; i--)
        assert_int_equal(policy_set_iface(&policy, random_uid(), random() % 4 ? random_iface() : ""), 0);
    for (long i = random() % 5; i > 0; i--)
        assert_int_equal(policy_set_metered(&policy, random_iface(), true), 0);
    *ret_policy = policy;
}

static void assert_lists_equal(const struct policy_uids *a, const struct policy_uids *b)
{
    assert_int_equal(a->count, b->count);
    if (a->count)
        assert_memory_equal(a->uids, b->uids, a->count * sizeof(*a->uids));
}

void policies_assert_equal(const struct policy *a, const struct policy *b)
{
    assert_int_equal(a->switched, b->switched);
    for (int chain = 0; chain < TCTL_CHAINS; chain++)
        assert_lists_equal(&a->listed[chain], &b->listed[chain]);
    assert_lists_equal(&a->lockdown, &b->lockdown);
    assert_int_equal(a->iface_count, b->iface_count);
    for (size_t i = 0; i < a->iface_count; i++) {
        assert_int_equal(a->ifaces[i].uid, b->ifaces[i].uid);
        assert_string_equal(a->ifaces[i].iface, b->ifaces[i].iface);
    }
    assert_int_equal(a->metered_count, b->metered_count);
    for (size_t i = 0; i < a->metered_count; i++)
        assert_string_equal(a->metered[i], b->metered[i]);
}
