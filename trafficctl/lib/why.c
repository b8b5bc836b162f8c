/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The verdict on a packet, by the rule that the programs are compiled from. */
#include <errno.h>
#include <string.h>

#include <firewall.bpf.h>

#include "chains.h"
#include "cleanup.h"
#include "firewall.h"
#include "ifaces.h"

static int find_number(struct tctl_firewall *firewall, const struct tctl_config *config, const char *name,
                       uint32_t *ret_number)
{
    _cleanup_(ifaces_done) struct ifaces ifaces = {0};
    int r = ifaces_list(&ifaces);
    if (r < 0)
        return firewall_failed(firewall, r, "cannot list the interfaces");
    *ret_number = ifaces_number(&ifaces, name);
    if (*ret_number == IFACES_LOOPBACK)
        return 0;
    r = firewall_check_netns(firewall, config);
    if (r == 0 && !*ret_number)
        r = fault_set(&firewall->problem, -ENODEV, "there is no interface %s", name);
    return r;
}

static int find_way(struct tctl_firewall *firewall, const struct tctl_config *config, const char *iface,
                    struct way *way)
{
    bool metered = false;
    int r = iface ? find_number(firewall, config, iface, &way->iface) : 0;
    if (r < 0 || !way->iface)
        return r;
    way->loopback = way->iface == IFACES_LOOPBACK;
    r = firewall->backend->rules_metered(firewall->enforcer, way->iface, iface, &metered);
    way->metered = metered;
    return r;
}

static struct tctl_verdict judge(const struct rules *rules, const struct tctl_config *config, const struct way *way)
{
    const struct restriction restriction = restriction_of(rules);
    const uint32_t drops = drops_on(restriction.drops, restriction.iface, way, config->exempt_loopback);
    const uint32_t reason = first_reason(drops);
    if (drops)
        return (struct tctl_verdict){.reason = chains_names[reason], .chain = reason < TCTL_CHAINS ? reason : 0};
    const uint32_t exempted = drops_on(restriction.drops, restriction.iface, way, false);
    return (struct tctl_verdict){.pass = true, .reason = exempted ? "loopback" : "allowed"};
}

int tctl_firewall_why(struct tctl_firewall *firewall, uint32_t uid, const char *iface, bool out,
                      struct tctl_verdict *ret_verdict)
{
    struct tctl_config config = {0};
    struct rules rules = {0};
    struct way way = {.out = out};
    int r = firewall_begin(firewall);
    if (r == 0)
        r = firewall->backend->rules_config(firewall->enforcer, &config);
    if (r == 0)
        r = find_way(firewall, &config, iface, &way);
    if (r == 0)
        r = firewall->backend->rules_of(firewall->enforcer, &config, uid, &rules);
    if (r < 0)
        return firewall_failed(firewall, r, "cannot read the rules");
    if (!may_judge(&config, uid))
        *ret_verdict = (struct tctl_verdict){.pass = true, .reason = "system uid"};
    else
        *ret_verdict = judge(&rules, &config, &way);
    firewall_note_lacks(firewall);
    return 0;
}
