/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Answer and packet to verdict. Only asked where the answer is restricted: headers and interfaces are looked at when
 * they can matter.
 */
#pragma once

#include "drops.bpf.h"
#include "headers.bpf.h"
#include "rules.bpf.h"

#define LOOPBACK_IFINDEX 1 /* include/net/flow.h: the same in every network namespace */

/* Global for the verifier's sake, as read_uid(), and so is the next. */
__noinline __u64 read_metered(__u32 iface)
{
    const volatile __u8 *metered = bpf_map_lookup_elem(&metered_map, &iface);

    return metered && *metered;
}

__noinline __u32 is_metered(__u32 iface)
{
    return iface && SETTLED(read_metered, iface, true);
}

/* What of the answer's restrictions holds on this way. */
static __always_inline __u32 drops_of(const struct answer *answer, const struct way *way,
                                      const struct tctl_config *config)
{
    return drops_on(answer->owner_drops | answer->user_drops, answer->iface, way, config->exempt_loopback);
}

__noinline __u32 reason_of(__u32 drops)
{
    return first_reason(drops);
}

/* Whose rule it was: where both say so, the user's, who can have many UIDs. */
static __always_inline struct tctl_drop_key blame(const struct answer *answer, __u32 drops)
{
    __u32 reason = reason_of(drops);

    return (struct tctl_drop_key){
        .uid = answer->user_drops & TCTL_BIT(reason) ? answer->user : answer->owner,
        .reason = reason,
    };
}

static __always_inline void note(const struct answer *answer, __u32 drops, const struct way *way,
                                 const struct wire *wire, bool is_connect)
{
    const struct drop drop = {
        .key = blame(answer, drops),
        .payer = answer->payer,
        .iface = way->iface,
        .out = way->out,
        .is_connect = is_connect,
        .wire = *wire,
    };

    if (!(answer->flags & ANSWER_UNTOLD))
        note_drop(&drop);
}

/* True: drop it. wire: what it is, or would have been, on the wire. */
static __always_inline bool drops_packet(struct __sk_buff *skb, const struct answer *answer, const struct wire *wire,
                                         bool out)
{
    __u32 zero = 0, drops;
    const struct tctl_config *config = bpf_map_lookup_elem(&config_map, &zero);
    struct way way = {
        .out = out,
        .loopback = skb->ifindex == LOOPBACK_IFINDEX,
        .iface = answer->flags & ANSWER_HERE ? skb->ifindex : 0,
    };

    if (!config)
        return false;
    if ((answer->owner_drops | answer->user_drops) & TCTL_METERED_CHAINS)
        way.metered = is_metered(way.iface);
    drops = drops_of(answer, &way, config);
    if (!drops || passes_anyway(skb, out, answer->flags & ANSWER_CRAFTED, config->exempt_esp))
        return false;
    note(answer, drops, &way, wire, false);
    return true;
}
