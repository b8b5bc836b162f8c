/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "rules.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

/* As the programs: a row that names another UID was reused while it was read, or is a raw writer's. */
#define MAX_REUSED 4
#define REUSED 2

int rules_config(const struct enforce *enforce, struct tctl_config *ret_config)
{
    const uint32_t zero = 0;
    return bpf_map_lookup_elem(enforce->config, &zero, ret_config);
}

/* 1: there is a row; 0: there is none. */
static int look_up(int fd, uint32_t key, void *ret_value)
{
    int r = bpf_map_lookup_elem(fd, &key, ret_value);
    if (r == -ENOENT)
        return 0;
    return r < 0 ? r : 1;
}

static int add_chain(int fd, uint32_t chain, uint32_t uid, struct rules *rules)
{
    uint8_t value;
    int r = look_up(fd, TCTL_CHAIN_SWITCH, &value);
    if (r > 0 && value == 1)
        rules->switched |= TCTL_BIT(chain);
    if (r >= 0)
        r = look_up(fd, uid, &value);
    if (r > 0 && is_listed(chain, &value))
        rules->rules |= TCTL_BIT(chain);
    return r < 0 ? r : 0;
}

/* REUSED too. */
static int look_up_own(int fd, uint32_t uid, void *ret_row)
{
    uint32_t named;
    for (int i = 0; i < MAX_REUSED; i++) {
        int r = look_up(fd, uid, ret_row);
        if (r <= 0)
            return r;
        memcpy(&named, ret_row, sizeof(named));
        if (named == uid)
            return 1;
    }
    return REUSED;
}

static int add_own(const struct enforce *enforce, uint32_t uid, struct rules *rules)
{
    struct tctl_uid_rules own;
    struct tctl_uid_iface iface;
    int r = look_up_own(enforce->rules, uid, &own);
    if (r == REUSED)
        rules->closed = true;
    if (r != 1)
        return r < 0 ? r : 0;
    rules->rules |= own.rules & ~TCTL_NETD_CHAINS;
    if (!(own.rules & TCTL_BIT(TCTL_IFACE_RULE)))
        return 0;
    r = look_up_own(enforce->ifaces, uid, &iface);
    rules->iface = r == 1 ? iface.iface : TCTL_NO_IFACE;
    return r < 0 ? r : 0;
}

int rules_of(const struct enforce *enforce, const struct tctl_config *config, uint32_t uid, struct rules *ret_rules)
{
    struct rules rules = {
        .switched = config->chains & ~TCTL_NETD_CHAINS,
        .closed = config->closed,
    };
    int r = 0;
    for (uint32_t chain = TCTL_DOZABLE; chain <= TCTL_POWERSAVE && r == 0; chain++)
        r = add_chain(enforce->netd[chain], chain, uid, &rules);
    if (r == 0)
        r = add_own(enforce, uid, &rules);
    if (r < 0)
        return r;
    *ret_rules = rules;
    return 0;
}

static size_t count_system_uids(const struct policy_uids *list, const struct tctl_config *config, uint32_t *example)
{
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (may_judge(config, list->uids[i]))
            continue;
        *example = list->uids[i];
        count++;
    }
    return count;
}

size_t rules_of_system_uids(const struct policy *policy, const struct tctl_config *config, uint32_t *ret_example)
{
    size_t count = 0;
    for (uint32_t chain = 1; chain < TCTL_CHAINS; chain++)
        count += count_system_uids(&policy->listed[chain], config, ret_example);
    count += count_system_uids(&policy->lockdown, config, ret_example);
    for (size_t i = 0; i < policy->iface_count; i++) {
        const struct policy_uids one = {.uids = &policy->ifaces[i].uid, .count = 1};
        count += count_system_uids(&one, config, ret_example);
    }
    return count;
}
