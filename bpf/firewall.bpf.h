/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Rules to verdict. No map, no packet: the programs compile it, and natively the unit tests and whoever explains a
 * verdict, so that all say the same.
 */
#pragma once

#include <stdbool.h>

#include <linux/types.h>

#include "traffic_abi.h"

/* UAPI numbers, here because this is compiled natively beside libc's names of them. */
#define FIREWALL_TCP 6
#define FIREWALL_ESP 50
#define FIREWALL_ICMPV6 58
#define FIREWALL_TCP_FIN 0x01
#define FIREWALL_TCP_RST 0x04

/* What the maps hold about one UID. */
struct rules {
    __u32 switched; /* TCTL_BIT() of the chains that are on */
    __u32 rules;    /* as tctl_uid_rules.rules, netd's three chains too */
    __u32 iface;    /* of TCTL_IFACE_RULE */
    bool closed;
};

/* Which of them may drop a packet, before anything is known of it. */
struct restriction {
    __u32 drops; /* TCTL_BIT() */
    __u32 iface; /* that TCTL_IFACE_RULE lets in */
};

/* Where a packet goes, or comes from. */
struct way {
    bool out;
    bool loopback;
    bool metered;
    bool crafted; /* by a raw socket of somebody's, which writes and reads headers as it likes */
    __u32 iface;  /* 0: of another network namespace, or not known */
};

/* What was found in a packet's headers. */
struct headers_seen {
    bool whole; /* parsed to the end of its last header, no fragment, nothing strange */
    bool ipv6;
    bool payload; /* TCP: there is something behind the header */
    __u8 protocol;
    __u8 tcp_flags;
    __u8 icmp_type;
};

/* May the firewall judge this UID, or is it a system UID? */
static inline bool may_judge(const struct tctl_config *config, __u32 uid)
{
    if (config->per_user_range)
        uid %= config->per_user_range;
    for (__u32 i = 0; i < TCTL_MAX_UID_RANGES; i++) {
        if (i >= config->range_count)
            break;
        if (uid >= config->app_uids[i].first && uid <= config->app_uids[i].last)
            return true;
    }
    return false;
}

/* A chain of netd's: is the UID on the list? In an allow list anything but 0 allows, in a deny list 0 denies. */
static inline bool is_listed(__u32 chain, const __u8 *entry)
{
    if (!entry)
        return false;
    return TCTL_ALLOW_LISTS & TCTL_BIT(chain) ? *entry != 0 : *entry == 0;
}

/* Any chain that says drop wins. */
static inline struct restriction restriction_of(const struct rules *rules)
{
    const __u32 chains = TCTL_BIT(TCTL_CHAINS) - TCTL_BIT(TCTL_DOZABLE);
    struct restriction restriction = {
        .drops = (rules->rules ^ TCTL_ALLOW_LISTS) & rules->switched & chains,
        .iface = TCTL_ANY_IFACE,
    };

    if (rules->rules & TCTL_BIT(TCTL_IFACE_RULE)) {
        restriction.iface = rules->iface;
        if (rules->iface != TCTL_ANY_IFACE)
            restriction.drops |= TCTL_BIT(TCTL_IFACE_RULE);
    } else if (rules->rules & TCTL_BIT(TCTL_LOCKDOWN)) {
        restriction.drops |= TCTL_BIT(TCTL_LOCKDOWN);
    }
    if (rules->closed)
        restriction.drops |= TCTL_BIT(TCTL_CLOSED);
    return restriction;
}

/* The interface that two restrictions let in together. */
static inline __u32 common_iface(const struct restriction *a, const struct restriction *b)
{
    if (!(a->drops & TCTL_BIT(TCTL_IFACE_RULE)))
        return b->iface;
    if (!(b->drops & TCTL_BIT(TCTL_IFACE_RULE)) || a->iface == b->iface)
        return a->iface;
    return TCTL_NO_IFACE;
}

/* What of drops holds on this way. */
static inline __u32 drops_on(__u32 drops, __u32 iface, const struct way *way, bool exempt_loopback)
{
    const __u32 incoming = TCTL_BIT(TCTL_IFACE_RULE) | TCTL_BIT(TCTL_LOCKDOWN);

    if (way->loopback && exempt_loopback)
        return 0;
    if (way->loopback)
        drops &= ~(incoming | TCTL_BIT(TCTL_BACKGROUND));
    if (way->out)
        drops &= ~incoming;
    if (way->iface && way->iface == iface)
        drops &= ~TCTL_BIT(TCTL_IFACE_RULE);
    if (!way->metered)
        drops &= ~TCTL_METERED_CHAINS;
    return drops;
}

/* Neighbour discovery, multicast listeners, packet too big: without them there is no IPv6. */
static inline bool keeps_ipv6_going(__u8 icmp_type)
{
    return icmp_type == 2 || (icmp_type >= 130 && icmp_type <= 137) || icmp_type == 143;
}

/*
 * Does the packet pass whatever the rules say? Resets and ends let the other side know; neither may carry anything.
 * Options, extension headers and messages of ICMPv6 could: what a raw socket makes of them is no exception.
 */
static inline bool is_exempt(const struct headers_seen *seen, const struct way *way, bool exempt_esp)
{
    const bool end = seen->tcp_flags & FIREWALL_TCP_RST || (!way->out && seen->tcp_flags & FIREWALL_TCP_FIN);

    if (!seen->whole)
        return false;
    switch (seen->protocol) {
    case FIREWALL_TCP:
        return end && !seen->payload && !way->crafted;
    case FIREWALL_ICMPV6:
        return seen->ipv6 && keeps_ipv6_going(seen->icmp_type) && !way->crafted;
    case FIREWALL_ESP:
        return exempt_esp;
    default:
        return false;
    }
}

/* Is it time to tell of a drop again? Clocks were read before waiting for each other: now may be the earlier one. */
static inline bool is_due(__u64 told_ns, __u64 now)
{
    return !told_ns || now >= told_ns + TCTL_EVENT_PAUSE_NS;
}

/* The first reason of several; TCTL_REASONS: none. */
static inline __u32 first_reason(__u32 drops)
{
    __u32 reason = 1;

    while (reason < TCTL_REASONS && !(drops & TCTL_BIT(reason)))
        reason++;
    return reason;
}
