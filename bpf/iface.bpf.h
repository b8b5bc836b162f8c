/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Packets at netfilter's hooks, to counters of interfaces. Here every packet passes, with or without a socket: before
 * routing nearest to the device, where fragments are packets of their own unless a rule's place is behind their
 * reassembly; after routing before they are cut.
 */
#pragma once

#include <stddef.h>

#include "add.bpf.h"
#include "looped.bpf.h"

/* Interfaces belong to nobody: their rows have no share to be taken from. */
static __always_inline struct tctl_stats_value *iface_row(const __u32 *ifindex)
{
    struct tctl_stats_value none = {}, *row = bpf_map_lookup_elem(&iface_stats_map, ifindex);

    if (row)
        return row;
    bpf_map_update_elem(&iface_stats_map, ifindex, &none, BPF_NOEXIST);
    return bpf_map_lookup_elem(&iface_stats_map, ifindex);
}

static __always_inline void count_iface(__u32 ifindex, const struct wire *wire, bool out)
{
    struct tctl_stats_key key = {.iface_index = ifindex};
    struct tctl_stats_value *row = iface_row(&ifindex);
    volatile __u64 *busy = busy_here();
    bool alone = enter(busy);

    add_to(row, &key, TCTL_IFACE_STATS, wire, out, alone);
    leave(busy);
}

/* NULL: there is no room. */
static __always_inline struct tctl_iface_parts *iface_parts(const __u32 *ifindex)
{
    struct tctl_iface_parts none = {}, *parts = bpf_map_lookup_elem(&iface_parts_map, ifindex);

    if (parts)
        return parts;
    bpf_map_update_elem(&iface_parts_map, ifindex, &none, BPF_NOEXIST);
    return bpf_map_lookup_elem(&iface_parts_map, ifindex);
}

/* Which part of an interface's counters. */
enum part {
    PART_MERGED,
    PART_FORWARDED,
    PART_OWNERLESS,
};

static __noinline int count_part(__u32 ifindex, enum part part, const struct wire *wire, bool out)
{
    struct tctl_iface_parts *parts = iface_parts(&ifindex);

    if (!parts)
        return 0;
    if (part == PART_MERGED)
        add_shared(&parts->merged, wire, out);
    else if (part == PART_FORWARDED)
        add_shared(&parts->forwarded, wire, out);
    else
        add_shared(&parts->ownerless, wire, out);
    return 0;
}

/* A super-packet is one skb for the device too; what is cut into fragments later or was before is several there. */
static __always_inline void count_merged(const view *skb, __u32 ifindex, const struct wire *wire, bool out)
{
    const struct wire more = {.packets = wire->packets - 1, .bytes = wire->bytes - view_length(skb)};

    if (view_gso_size(skb) && more.packets)
        count_part(ifindex, PART_MERGED, &more, out);
}

/* IPv4's most: 64 KiB in fragments of 136 bytes of payload. */
#define MAX_PIECES 512

/* Without a branch: the verifier would follow both, for each piece. */
static __always_inline __u32 larger(__u32 a, __u32 b)
{
    __s64 ahead = (__s64)a - b;

    return a - (__u32)(ahead & ahead >> 63);
}

/*
 * The list of fragments behind a first one: how many there are with it << 32, and the length of the largest without
 * what only fragments have. first: length of all together; headers: what each repeats. 0: it cannot be read. A global
 * function of numbers alone, so that the verifier walks the list once and not for every way to it.
 */
__noinline __u64 walk_pieces(__u64 list, __u32 first, __u32 headers)
{
    const void *piece = (const void *)list;
    __u32 largest = 0, length = 0, count = 1;

    for (__u32 i = 0; i < MAX_PIECES && piece; i++) {
        if (!PEEK(&length, piece, skb_len) || !PEEK(&piece, piece, skb_next))
            return 0;
        first -= length;
        length += headers;
        largest = larger(largest, length);
        count++;
    }
    return (__u64)count << 32 | (first > largest ? first : largest);
}

/*
 * A packet that was put together of fragments, as connection tracking does it: they hang in a list behind the first
 * one, which tells more than the size of the largest in skb->cb. (That is cleared, too, for a program that calls
 * others.) Returns the size of the largest fragment; 0: the packet came whole, and wire is as it was.
 */
static __noinline __u32 count_pieces(view *skb, struct wire *wire)
{
    const void *list = view_pieces(skb);
    struct headers headers = {};
    __u32 extra = view_is_ipv4(skb) ? 0 : FRAGMENT_HEADER, count;
    bool parsed = list && parse_headers(skb, true, &headers);
    __u64 pieces = parsed ? walk_pieces((__u64)list, view_length(skb), headers.length) : 0;

    count = pieces >> 32;
    if (!count)
        return 0;
    wire->packets = count;
    wire->bytes += (__u64)(count - 1) * headers.length + (__u64)count * extra;
    return (__u32)pieces + extra;
}

/* As it came in: a rule may have its place behind the reassembly. */
static __always_inline void wire_in(view *skb, struct wire *wire)
{
    if (!count_super(skb, wire) && view_length(skb) > IPV4_SMALLEST_MTU)
        count_pieces(skb, wire);
}

static __always_inline void count_incoming(view *skb)
{
    __u32 ifindex = view_iface(skb);
    struct wire wire;

    if (view_is_looped(skb))
        return;
    wire_in(skb, &wire);
    count_iface(ifindex, &wire, false);
    count_merged(skb, ifindex, &wire, false);
}

#define IFF_EBRIDGE 2 /* net_device.priv_flags (include/linux/netdevice.h) */

/* Where the packet goes by its route; NULL: not known. */
static __always_inline const void *route_dev(const view *skb, const void **dst)
{
    const void *dev = NULL;

    return PEEK(dst, view_kernel(skb), skb_dst) && (*dst = (const void *)((__u64)*dst & ~1ULL)) && /* SKB_DST_NOREF */
                   PEEK(&dev, *dst, dst_dev)
               ? dev
               : NULL;
}

/*
 * Number of the bridge whose packet this is; 0: it is routed. br_netfilter gives a packet from port to port a route to
 * the bridge itself, and shows it to the hook before routing as the bridge's.
 */
static __always_inline __u32 bridge_of(const view *skb)
{
    const void *dst = NULL, *dev = route_dev(skb, &dst);
    __u32 flags = 0, ifindex = 0;

    if (!dev || !PEEK_BITS(&flags, dev, dev_priv_flags) || !(flags & IFF_EBRIDGE) || !PEEK(&ifindex, dev, dev_ifindex))
        return 0;
    return ifindex != view_iface(skb) ? ifindex : 0;
}

/*
 * A forwarded packet leaves in the fragments that it came in, unless its route takes smaller ones only. Learnt path
 * MTUs do not count here (ip_dst_mtu_maybe_forward() in include/net/ip.h).
 */
static __noinline int cut_forwarded(view *skb, struct wire *wire)
{
    const void *dst = NULL, *dev = route_dev(skb, &dst);
    __u32 mtu = dev ? route_mtu(dst, dev, view_is_ipv4(skb)) : 0;
    __u32 largest = count_pieces(skb, wire) ?: view_length(skb);

    if (!mtu || largest <= mtu)
        return 0;
    wire->packets = 1;
    wire->bytes = view_length(skb);
    count_fragments(skb, mtu, wire);
    return 0;
}

static __always_inline bool is_tcp(view *skb)
{
    const __u32 place = view_is_ipv4(skb) ? offsetof(struct iphdr, protocol) : offsetof(struct ipv6hdr, nexthdr);
    __u8 protocol = 0;

    return !view_load(skb, place, &protocol, 1) && protocol == IPPROTO_TCP;
}

/* A socket's TCP makes its segments fit. */
static __always_inline void wire_out(view *skb, bool forwarded, struct wire *wire)
{
    __u32 size = 0;

    if (count_super(skb, wire) || view_length(skb) <= IPV4_SMALLEST_MTU)
        return;
    if (forwarded)
        cut_forwarded(skb, wire);
    else if (may_be_fragments(skb) && !(view_has_owner(skb) && is_tcp(skb)))
        size = cut_size(skb);
    if (size)
        count_fragments(skb, size, wire);
}

static __noinline int count_forwarded(view *skb, __u32 came_by, const struct wire *out)
{
    __u32 bridge = bridge_of(skb);
    struct wire in = *out;

    if (!view_gso_size(skb)) /* a super-packet came in as it goes out */
        wire_in(skb, &in);
    count_part(bridge ?: came_by, PART_FORWARDED, &in, false);
    count_part(view_iface(skb), PART_FORWARDED, out, true);
    return 0;
}

static __always_inline void count_outgoing(view *skb)
{
    __u32 ifindex = view_iface(skb), came_by = view_came_by(skb);
    bool ownerless = !came_by && !view_has_owner(skb);
    struct wire wire;

    if (ownerless && is_copy_for_ourselves(skb))
        return;
    wire_out(skb, came_by, &wire);
    count_iface(ifindex, &wire, true);
    count_merged(skb, ifindex, &wire, true);
    if (came_by)
        count_forwarded(skb, came_by, &wire);
    else if (ownerless)
        count_part(ifindex, PART_OWNERLESS, &wire, true);
}
