/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * skb to facts: how many packets and L3 bytes it is on the wire. Touches no map. Headers are parsed only when they can
 * matter: for a super-packet, and for a datagram that is cut on its way out or was put together on its way in.
 *
 * What a program sees of an skb depends on its type: each object includes its own "view" before this file.
 */
#pragma once

#include "kernel.bpf.h"

#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>
#include <linux/tcp.h>

/* IPv4's smallest MTU (include/net/ip.h, RFC 791) and IPv6's (RFC 8200): below, nothing is fragmented by need. */
#define IPV4_SMALLEST_MTU 68
#define IPV6_SMALLEST_MTU 1280

#define FRAGMENT_HEADER 8
#define UDP_HEADER 8
#define MAX_EXTENSION_HEADERS 8
#define TLV_JUMBO 194 /* RFC 2675 */
#define JUMBO_HEADER 8

/* Which hook the packet is at. */
enum hook {
    HOOK_INGRESS, /* after reassembly and GRO */
    HOOK_EGRESS,  /* before fragmentation and GSO */
};

/* Packets and L3 bytes as on the wire. */
struct wire {
    __u32 packets;
    __u64 bytes;
};

/* Length of the headers that every segment or fragment repeats, found by parsing. */
struct headers {
    __u32 length;
    __u8 protocol; /* what follows them */
    bool jumbo;    /* IPv6: they hold the jumbo header of BIG TCP, which is not on the wire */
};

static __always_inline bool ipv4_headers(view *skb, struct headers *headers)
{
    struct iphdr ip = {};

    if (view_load(skb, 0, &ip, sizeof(ip)))
        return false;
    headers->length = ip.ihl * 4;
    headers->protocol = ip.protocol;
    return true;
}

/* Is this hop-by-hop header the kernel's own, put in for a packet too long for IPv6's length field? */
static __always_inline bool is_jumbo(view *skb, __u32 offset)
{
    __u8 type = 0;

    return view_length(skb) > 65535 && !view_load(skb, offset + 2, &type, 1) && type == TLV_JUMBO;
}

/* A set of protocols, as far as they are numbered below 64. */
#define PROTOCOL(number) (1ULL << (number))
#define EXTENSIONS (PROTOCOL(IPPROTO_HOPOPTS) | PROTOCOL(IPPROTO_ROUTING) | PROTOCOL(IPPROTO_DSTOPTS))

/*
 * Walk the extension headers. fragmentable: stop before the part that is not repeated in each fragment (destination
 * options behind a routing header, as the kernel's ip6_find_1stfragopt does). By sets rather than comparisons: the
 * verifier would follow each for every header.
 */
static __always_inline bool ipv6_headers(view *skb, bool fragmentable, struct headers *headers)
{
    struct ipv6hdr ip6 = {};
    __u64 passed = 0;

    if (view_load(skb, 0, &ip6, sizeof(ip6)))
        return false;
    headers->length = sizeof(ip6);
    headers->protocol = ip6.nexthdr;
    headers->jumbo = false;
    for (int i = 0; i < MAX_EXTENSION_HEADERS; i++) {
        __u8 next[2] = {};
        __u8 type = headers->protocol;

        if (type > 63 || !(EXTENSIONS & PROTOCOL(type)))
            return true;
        if (fragmentable && type == IPPROTO_DSTOPTS && passed & PROTOCOL(IPPROTO_ROUTING))
            return true;
        if (view_load(skb, headers->length, next, sizeof(next)))
            return false;
        if (type == IPPROTO_HOPOPTS && is_jumbo(skb, headers->length))
            headers->jumbo = true;
        passed |= PROTOCOL(type);
        headers->protocol = next[0];
        headers->length += (next[1] + 1) * 8;
    }
    return true;
}

#define HEADERS_PARSED (1ULL << 40)
#define HEADERS_JUMBO (1ULL << 41)

/* A struct headers in one number, and HEADERS_PARSED. 0: they cannot be parsed. Global where a view allows that. */
VIEW_GLOBAL __u64 pack_headers(view *skb, __u32 fragmentable)
{
    struct headers headers = {};

    if (!(view_is_ipv4(skb) ? ipv4_headers(skb, &headers) : ipv6_headers(skb, fragmentable, &headers)))
        return 0;
    return headers.length | (__u64)headers.protocol << 32 | HEADERS_PARSED | (headers.jumbo ? HEADERS_JUMBO : 0);
}

static __always_inline bool parse_headers(view *skb, bool fragmentable, struct headers *headers)
{
    __u64 packed = pack_headers(skb, fragmentable);

    headers->length = packed;
    headers->protocol = packed >> 32;
    headers->jumbo = packed & HEADERS_JUMBO;
    return packed & HEADERS_PARSED;
}

/* A super-packet: each segment repeats the network and transport headers. */
static __noinline int count_segments(view *skb, struct wire *wire)
{
    struct headers headers = {};
    __u32 gso_size = view_gso_size(skb);
    __u8 offset_byte = 0;

    if (!gso_size || !parse_headers(skb, false, &headers))
        return 0;
    if (headers.protocol == IPPROTO_TCP) {
        if (view_load(skb, headers.length + 12, &offset_byte, 1))
            return 0;
        headers.length += (offset_byte >> 4) * 4;
    } else {
        headers.length += UDP_HEADER;
    }
    if (headers.jumbo) {
        headers.length -= JUMBO_HEADER;
        wire->bytes -= JUMBO_HEADER;
    }
    if (wire->bytes <= headers.length)
        return 0;
    wire->packets = (wire->bytes - headers.length + gso_size - 1) / gso_size;
    wire->bytes += (__u64)(wire->packets - 1) * headers.length;
    return 0;
}

/* A datagram in fragments of at most largest bytes, all but the last equally long. */
static __always_inline void count_fragments(view *skb, __u32 largest, struct wire *wire)
{
    struct headers headers = {};
    __u32 extra = view_is_ipv4(skb) ? 0 : FRAGMENT_HEADER; /* beside the repeated headers */

    if (!parse_headers(skb, true, &headers) || largest < headers.length + extra + 8 || wire->bytes <= headers.length)
        return;

    __u32 room = (largest - headers.length - extra) & ~7U;

    wire->packets = (wire->bytes - headers.length + room - 1) / room;
    wire->bytes += (__u64)(wire->packets - 1) * headers.length + (__u64)wire->packets * extra;
}

/* The largest fragment of which the kernel put this packet together; 0: it came whole. */
static __always_inline __u32 largest_fragment(view *skb)
{
    const void *cb = view_kernel(skb) + kernel.skb_cb.offset;
    __u16 size = 0;

    if (kernel.skb_cb.offset == TCTL_NO_OFFSET)
        return 0;
    if (view_is_ipv4(skb))
        PEEK(&size, cb, cb4_frag_max);
    else
        PEEK(&size, cb, cb6_frag_max);
    return size;
}

/* Does the socket send by the device's MTU alone (IP_PMTUDISC_PROBE, _INTERFACE, _OMIT)? */
static __always_inline bool ignores_path(const void *sk, bool ipv4, __u32 *frag_size)
{
    const void *np = NULL;
    __u8 discovery = 0;

    if (ipv4)
        PEEK_BITS(&discovery, sk, inet_pmtudisc);
    else if (PEEK(&np, sk, inet_pinet6) && np) {
        PEEK_BITS(&discovery, np, np_pmtudisc);
        PEEK(frag_size, np, np_frag_size);
    }
    return discovery >= IP_PMTUDISC_PROBE; /* IPV6_PMTUDISC_PROBE is the same number */
}

/* A path MTU that the kernel has learnt and that has not expired (ipv4_mtu() in net/ipv4/route.c); else 0. */
static __always_inline __u32 learnt_mtu(const void *dst)
{
    __u64 expires = 0;
    __u32 mtu = 0;

    if (!PEEK_BITS(&mtu, dst, rt_pmtu) || !mtu || !PEEK(&expires, dst, dst_expires))
        return 0;
    return (__s64)(bpf_jiffies64() - expires) < 0 ? mtu : 0;
}

/* The MTU of a route: set on it, or the device's; 0 unknown. */
static __always_inline __u32 route_mtu(const void *dst, const void *dev, bool ipv4)
{
    __u64 metrics = 0;
    const void *inet6 = NULL;
    __u32 mtu = 0;

    /* the two low bits of the pointer are flags (DST_METRICS_FLAGS); RTAX_MTU counts from 1 */
    if (PEEK(&metrics, dst, dst_metrics)) {
        metrics &= ~3ULL;
        if (!bpf_probe_read_kernel(&mtu, sizeof(mtu), (const void *)metrics + 4 * (RTAX_MTU - 1)) && mtu)
            return mtu;
    }
    if (!ipv4 && PEEK(&inet6, dev, dev_inet6) && inet6 && PEEK(&mtu, inet6, inet6_mtu) && mtu)
        return mtu;
    return PEEK(&mtu, dev, dev_mtu) ? mtu : 0;
}

/* The size that this outgoing packet will be cut into; 0: it fits, or nobody knows. */
static __noinline __u32 cut_size(view *skb)
{
    bool ipv4 = view_is_ipv4(skb);
    __u64 dst = 0;
    const void *dev = NULL, *sk = NULL;
    __u32 mtu = 0, frag_size = 0;

    if (!PEEK(&dst, view_kernel(skb), skb_dst) || !PEEK(&sk, view_kernel(skb), skb_sk))
        return 0;
    dst &= ~1ULL; /* SKB_DST_NOREF */
    if (!PEEK(&dev, dst, dst_dev))
        return 0;
    if (ignores_path(sk, ipv4, &frag_size))
        PEEK(&mtu, dev, dev_mtu);
    else
        mtu = (ipv4 ? learnt_mtu((const void *)dst) : 0) ?: route_mtu((const void *)dst, dev, ipv4);
    if (view_length(skb) <= mtu)
        return 0;
    return frag_size && frag_size < mtu ? frag_size : mtu; /* IPV6_MTU says how to cut, not when */
}

/* One packet, unless it is a super-packet. True: it is one, and counted. */
static __always_inline bool count_super(view *skb, struct wire *wire)
{
    wire->packets = 1;
    wire->bytes = view_length(skb);
    if (!view_gso_size(skb))
        return false;
    count_segments(skb, wire);
    return true;
}

static __always_inline bool may_be_fragments(const view *skb)
{
    return view_length(skb) > (view_is_ipv4(skb) ? IPV4_SMALLEST_MTU : IPV6_SMALLEST_MTU);
}

/* may_be_cut: an outgoing packet that may be longer than its path. */
static __always_inline void count_wire(view *skb, enum hook hook, bool may_be_cut, struct wire *wire)
{
    __u32 largest = 0;

    if (count_super(skb, wire) || !may_be_fragments(skb))
        return;
    if (hook == HOOK_INGRESS)
        largest = largest_fragment(skb);
    else if (may_be_cut)
        largest = cut_size(skb);
    if (largest)
        count_fragments(skb, largest, wire);
}
