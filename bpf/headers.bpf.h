/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * skb to facts: what its headers are, as far as the firewall exempts packets by them. Only for packets that are about
 * to be dropped. Whatever is cut off, in pieces or not as it should be is not whole, and so exempt from nothing.
 */
#pragma once

#include "firewall.bpf.h"
#include "packet.bpf.h"

#define IPV4_FRAGMENT 0x3FFF /* more fragments, and the offset */
#define SHORTEST 8           /* message of ICMPv6 that is exempt; what is in front of ESP's payload */

/* The network headers are what they say they are, and this packet is all of it. */
static __always_inline bool is_sound(struct __sk_buff *skb, bool ipv4)
{
    __u8 first = 0;
    __u16 fragment = 0;

    if (bpf_skb_load_bytes(skb, 0, &first, sizeof(first)))
        return false;
    if (!ipv4)
        return skb->protocol == bpf_htons(ETH_P_IPV6) && first >> 4 == 6;
    if (first >> 4 != 4 || (first & 0xF) < 5 || bpf_skb_load_bytes(skb, 6, &fragment, sizeof(fragment)))
        return false;
    return !(fragment & bpf_htons(IPV4_FRAGMENT));
}

static __always_inline bool read_tcp(struct __sk_buff *skb, __u32 offset, struct headers_seen *seen)
{
    struct tcphdr tcp;
    __u32 end;

    if (bpf_skb_load_bytes(skb, offset, &tcp, sizeof(tcp)))
        return false;
    end = offset + tcp.doff * 4;
    seen->tcp_flags = ((const __u8 *)&tcp)[13];
    seen->payload = skb->len > end;
    return tcp.doff >= 5 && skb->len >= end;
}

static __always_inline bool read_icmpv6(struct __sk_buff *skb, __u32 offset, struct headers_seen *seen)
{
    __u8 message[SHORTEST];

    if (bpf_skb_load_bytes(skb, offset, message, sizeof(message)))
        return false;
    seen->icmp_type = message[0];
    return true;
}

static __always_inline bool read_esp(struct __sk_buff *skb, __u32 offset)
{
    __u8 head[SHORTEST];

    return !bpf_skb_load_bytes(skb, offset, head, sizeof(head));
}

static __always_inline void read_headers(struct __sk_buff *skb, struct headers_seen *seen)
{
    bool ipv4 = view_is_ipv4(skb);
    struct headers headers = {};

    __builtin_memset(seen, 0, sizeof(*seen));
    if (!is_sound(skb, ipv4) || !parse_headers(skb, false, &headers))
        return;
    seen->ipv6 = !ipv4;
    seen->protocol = headers.protocol;
    seen->whole = true;
    if (headers.protocol == FIREWALL_TCP)
        seen->whole = read_tcp(skb, headers.length, seen);
    else if (headers.protocol == FIREWALL_ICMPV6)
        seen->whole = read_icmpv6(skb, headers.length, seen);
    else if (headers.protocol == FIREWALL_ESP)
        seen->whole = read_esp(skb, headers.length);
}

/* is_exempt() of a packet. Global for the verifier's sake, as read_uid(). */
__noinline int passes_anyway(struct __sk_buff *skb, __u32 out, __u32 crafted, __u32 exempt_esp)
{
    const struct way way = {.out = out, .crafted = crafted};
    struct headers_seen seen;

    read_headers(skb, &seen);
    return is_exempt(&seen, &way, exempt_esp);
}
