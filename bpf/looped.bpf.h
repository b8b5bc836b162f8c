/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Copies of multicasts and broadcasts that the kernel makes for this machine's own sockets. Such a copy passes the hook
 * after routing beside its original, as if it left, and the one before routing, as if it came in; no wire sees it.
 */
#pragma once

#include <stddef.h>

#include <linux/in_route.h>

#include "packet.bpf.h"

#define DATAREF_MASK 0xFFFF /* of skb_shared_info.dataref (SKB_DATAREF_MASK in include/linux/skbuff.h) */

/* Does another skb share its data? A copy's original lives until the copy was handed on. True: nobody can tell. */
static __always_inline bool may_be_copy(const view *skb)
{
    const void *shared = view_shared(skb);
    __u32 references = 0;
    __u8 cloned = 0;

    if (!PEEK_BITS(&cloned, view_kernel(skb), skb_cloned) || !shared || !PEEK(&references, shared, shared_dataref))
        return true;
    return cloned && (references & DATAREF_MASK) > 1;
}

/* Of a network's own broadcast address only the route tells. */
static __always_inline bool is_broadcast(const view *skb)
{
    __u64 dst = 0;
    __u32 flags = 0;

    if (!PEEK(&dst, view_kernel(skb), skb_dst))
        return false;
    dst &= ~1ULL; /* SKB_DST_NOREF */
    return dst && PEEK(&flags, dst, rt_flags) && flags & RTCF_BROADCAST;
}

static __always_inline bool is_to_many(const view *skb)
{
    bool ipv4 = view_is_ipv4(skb);
    __u32 place = ipv4 ? offsetof(struct iphdr, daddr) : offsetof(struct ipv6hdr, daddr);
    __u8 first = 0;

    if (view_load(skb, place, &first, 1))
        return false;
    return ipv4 ? first >= 224 || is_broadcast(skb) : first == 0xff;
}

/* Where the data of the kernel's last IGMP report are whose copy was seen. */
static volatile __u64 report;

/*
 * IGMP's reports have no socket, so that only their order tells the copy from the original, which follows at once with
 * the same data. (MLD's have one.)
 */
static __always_inline bool is_first_of_two(const view *skb)
{
    __u64 head = 0;

    if (!PEEK(&head, view_kernel(skb), skb_head))
        return false;
    if (head == report) {
        report = 0;
        return false;
    }
    report = head;
    return true;
}

/* Of an outgoing packet that was not forwarded and has no socket, as copies have none. */
static __noinline int is_copy_for_ourselves(view *skb)
{
    __u8 protocol = 0;

    if (!is_to_many(skb) || !may_be_copy(skb))
        return false;
    if (view_is_ipv4(skb) && !view_load(skb, offsetof(struct iphdr, protocol), &protocol, 1) &&
        protocol == IPPROTO_IGMP)
        return is_first_of_two(skb);
    return true;
}
