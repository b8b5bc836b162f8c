/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Connections refused at once. The packet program alone would drop each attempt of TCP's, and connect() would wait for
 * minutes. Nothing rests on this: what is let go here is judged packet by packet.
 */
#pragma once

#include "judge.bpf.h"

#include <linux/in6.h>

#define SOCK_STREAM 1 /* bits/socket_type.h; the UAPI headers have no name for it */
#define AF_INET 2
#define AF_INET6 10

/* 240.0.0.1, which nobody may have (RFC 1112), and 100::, which nobody answers (RFC 6666). */
#define NOBODYS4 0xF0000001
#define NOBODYS6 0x01000000

static __always_inline bool is_loopback4(__u32 address)
{
    return !address || (bpf_ntohl(address) >> 24) == 127; /* 0.0.0.0 means this machine */
}

static __always_inline bool is_loopback6(const __u32 *address)
{
    if (address[0] || address[1])
        return false;
    if (address[2] == bpf_htonl(0xFFFF))
        return is_loopback4(address[3]);
    return !address[2] && (!address[3] || address[3] == bpf_htonl(1));
}

static __always_inline bool take4(struct bpf_sock_addr *ctx, __u32 address)
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = address};

    return !bpf_bind(ctx, (struct sockaddr *)&own, sizeof(own));
}

static __always_inline bool take6(struct bpf_sock_addr *ctx, const __u32 *address)
{
    struct sockaddr_in6 own = {.sin6_family = AF_INET6};

    for (int i = 0; i < 4; i++)
        own.sin6_addr.s6_addr32[i] = address[i];
    return !bpf_bind(ctx, (struct sockaddr *)&own, sizeof(own));
}

/*
 * Is the destination an address of this machine? The kernel has not chosen a way yet, but it lets a socket have only
 * local addresses, unless that is asked for (IP_FREEBIND, ip_nonlocal_bind): then it could have nobody's too, and
 * nothing is known. What the socket had is put back. One that has a port cannot be tried, and passes for no local one.
 */
static __always_inline bool is_own4(struct bpf_sock_addr *ctx, __u32 address)
{
    struct bpf_sock *sk = ctx->sk;
    __u32 had = sk ? sk->src_ip4 : 0;
    bool own;

    if (!take4(ctx, address))
        return false;
    own = !take4(ctx, bpf_htonl(NOBODYS4));
    take4(ctx, had);
    return own;
}

static __always_inline bool is_own6(struct bpf_sock_addr *ctx, const __u32 *address)
{
    const __u32 nobodys[4] = {bpf_htonl(NOBODYS6)};
    const __u32 nobodys_mapped[4] = {0, 0, bpf_htonl(0xFFFF), bpf_htonl(NOBODYS4)};
    struct bpf_sock *sk = ctx->sk;
    __u32 had[4] = {};
    bool own;

    for (int i = 0; sk && i < 4; i++)
        had[i] = sk->src_ip6[i];
    if (!take6(ctx, address))
        return false;
    own = !take6(ctx, address[0] || address[1] || address[2] != bpf_htonl(0xFFFF) ? nobodys : nobodys_mapped);
    take6(ctx, had);
    return own;
}

/* Who connects, as the packet program would know it. */
static __always_inline void find_connecting(struct bpf_sock_addr *ctx, const struct tctl_config *config,
                                            struct subject *subject)
{
    struct bpf_sock *sk = ctx->sk;

    subject->to.uid = subject->to.user = subject->to.payer = bpf_get_current_uid_gid();
    if (!sk || find_mptcp(sk, config, subject))
        return;
    subject->brief = true;
    subject->sk = subject->tcp = as_tcp(sk);
    if (subject->sk || PEEK(&subject->sk, ctx, addr_sk))
        KNOW_OWNER(subject, sk, config);
}

static __always_inline void find_way(struct bpf_sock_addr *ctx, const struct subject *subject,
                                     const struct tctl_config *config, struct way *way)
{
    struct bpf_sock *sk = ctx->sk;
    __u32 device = sk ? sk->bound_dev_if : 0;

    way->out = true;
    way->loopback = device == LOOPBACK_IFINDEX;
    way->iface = in_our_namespace(subject, config) ? device : 0;
    way->metered = is_metered(way->iface);
}

static __always_inline void ask_restriction(struct bpf_sock_addr *ctx, const struct tctl_config *config,
                                            struct answer *answer, struct way *way)
{
    struct asking asking = {.generation = current_generation(), .made = bpf_jiffies64() & PAYLOAD};
    struct subject subject = {};

    find_connecting(ctx, config, &subject);
    answer->payer = subject.to.payer;
    answer->uid = config->fold_user_namespaces ? subject.to.user : subject.to.uid;
    restrict_answer(&subject, &asking, answer);
    hold_back(config, answer);
    if (answer->flags & ANSWER_RESTRICTED)
        find_way(ctx, &subject, config, way);
}

/* What drops everything that the connection would send; 0: nothing, or it cannot be told yet. */
static __always_inline __u32 refuses(const struct answer *answer, const struct tctl_config *config, struct way *way,
                                     bool loopback, bool *ret_unless_local)
{
    __u32 drops, local;

    way->loopback |= loopback;
    drops = drops_of(answer, way, config);
    if (!drops || way->loopback)
        return drops;
    way->loopback = true;
    local = drops_of(answer, way, config);
    way->loopback = false;
    *ret_unless_local = !local;
    return drops;
}

/* True: refuse it. */
static __always_inline bool refuses_connect(struct bpf_sock_addr *ctx, const __u32 *address, bool ipv6)
{
    __u32 zero = 0, drops;
    const struct tctl_config *config = bpf_map_lookup_elem(&config_map, &zero);
    const struct wire nothing = {.packets = 1};
    struct answer answer = {};
    struct way way = {};
    bool unless_local = false;

    if (!config || ctx->type != SOCK_STREAM)
        return false;
    ask_restriction(ctx, config, &answer, &way);
    if (!(answer.flags & ANSWER_RESTRICTED))
        return false;
    drops = refuses(&answer, config, &way, ipv6 ? is_loopback6(address) : is_loopback4(*address), &unless_local);
    if (!drops || (unless_local && (ipv6 ? is_own6(ctx, address) : is_own4(ctx, *address))))
        return false;
    note(&answer, drops, &way, &nothing, true);
    return true;
}
