/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What holds, in the public form. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "firewall.h"

_Static_assert(TCTL_IFACE_LEN == TCTL_IFNAME_LEN, "names fit");
_Static_assert(TCTL_FIREWALL_CHAINS == TCTL_CHAINS - 1, "every chain has a place");

static int copy_ifaces(const struct policy *policy, struct tctl_firewall_rules *rules)
{
    rules->ifaces = reallocarray(NULL, policy->iface_count + 1, sizeof(*rules->ifaces));
    if (!rules->ifaces)
        return -ENOMEM;
    rules->iface_count = policy->iface_count;
    for (size_t i = 0; i < policy->iface_count; i++) {
        rules->ifaces[i].uid = policy->ifaces[i].uid;
        memcpy(rules->ifaces[i].iface, policy->ifaces[i].iface, sizeof(rules->ifaces[i].iface));
    }
    return 0;
}

/* The policy keeps what is not moved. */
static int move(struct policy *policy, struct tctl_firewall_rules *rules)
{
    int r = copy_ifaces(policy, rules);
    if (r < 0)
        return r;
    for (size_t chain = 1; chain < TCTL_CHAINS; chain++) {
        rules->chains[chain] = (struct tctl_firewall_chain){
            .enabled = policy->switched & TCTL_BIT(chain),
            .uids = TAKE_PTR(policy->listed[chain].uids),
            .count = policy->listed[chain].count,
        };
    }
    rules->lockdown = TAKE_PTR(policy->lockdown.uids);
    rules->lockdown_count = policy->lockdown.count;
    rules->metered = TAKE_PTR(policy->metered);
    rules->metered_count = policy->metered_count;
    return 0;
}

int tctl_firewall_read(struct tctl_firewall *firewall, struct tctl_firewall_rules *ret_rules)
{
    _cleanup_(policy_done) struct policy policy = {0};
    struct tctl_config config;
    int r = firewall_begin(firewall);
    if (r == 0)
        r = firewall->backend->rules_read(firewall->enforcer, &policy);
    if (r == 0)
        r = firewall->backend->rules_config(firewall->enforcer, &config);
    if (r < 0)
        return firewall_failed(firewall, r, "cannot read the rules");
    struct tctl_firewall_rules rules = {.closed = config.closed};
    r = move(&policy, &rules);
    if (r < 0)
        return firewall_failed(firewall, r, "cannot read the rules");
    *ret_rules = rules;
    return 0;
}

void tctl_firewall_rules_done(struct tctl_firewall_rules *rules)
{
    for (size_t chain = 0; chain <= TCTL_FIREWALL_CHAINS; chain++)
        free(rules->chains[chain].uids);
    free(rules->ifaces);
    free(rules->lockdown);
    free(rules->metered);
    *rules = (struct tctl_firewall_rules){0};
}
