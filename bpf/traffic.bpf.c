// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* The entry points: resolve, judge, count. */
#include "view.bpf.h"

#include "connect.bpf.h"
#include "count.bpf.h"
#include "iface.bpf.h"
#include "judge.bpf.h"
#include "release.bpf.h"
#include "sockets.bpf.h"

char _license[] SEC("license") = "Dual BSD/GPL";

#define PASS 1
#define DROP 0

/* Was this outgoing packet built in pieces? ip_append_data() does so with a datagram that is longer than its path. */
static __always_inline bool in_pieces(const struct __sk_buff *skb)
{
    return (__u64)(skb->data_end - skb->data) < skb->len;
}

/* TCP makes its segments fit; raw sockets may hand in whole what others build in pieces. */
static __always_inline bool may_be_cut(const struct __sk_buff *skb, const struct answer *answer)
{
    return answer->flags & ANSWER_RAW || (!(answer->flags & ANSWER_STREAM) && in_pieces(skb));
}

static __always_inline void count_for(const struct answer *answer, const struct __sk_buff *skb, const struct wire *wire,
                                      bool out)
{
    if (!(answer->flags & ANSWER_UNCOUNTED))
        count_uid(answer, skb->ifindex, wire, out);
}

static __always_inline bool is_dropped(struct __sk_buff *skb, const struct answer *answer, const struct wire *wire,
                                       bool out)
{
    return answer->flags & ANSWER_RESTRICTED && drops_packet(skb, answer, wire, out);
}

SEC("cgroup_skb/egress")
int egress(struct __sk_buff *skb)
{
    struct answer answer = {};
    struct wire wire;

    answer_for(skb, &answer);
    count_wire(skb, HOOK_EGRESS, may_be_cut(skb, &answer), &wire);
    if (is_dropped(skb, &answer, &wire, true))
        return DROP; /* never on the wire, so not counted as traffic */
    count_for(&answer, skb, &wire, true);
    return PASS;
}

SEC("cgroup_skb/ingress")
int ingress(struct __sk_buff *skb)
{
    struct answer answer = {};
    struct wire wire;

    answer_for(skb, &answer);
    count_wire(skb, HOOK_INGRESS, false, &wire); /* dropped or not: it crossed the link */
    count_for(&answer, skb, &wire, false);
    return is_dropped(skb, &answer, &wire, false) ? DROP : PASS;
}

SEC("cgroup/sock_release")
int release(struct bpf_sock *sk)
{
    release_socket(sk);
    return 1;
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
    __u32 address = ctx->user_ip4;

    return refuses_connect(ctx, &address, false) ? DROP : PASS;
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx)
{
    __u32 address[4];

    for (int i = 0; i < 4; i++)
        address[i] = ctx->user_ip6[i];
    return refuses_connect(ctx, address, true) ? DROP : PASS;
}

/*
 * For netfilter's match "bpf": accounting only, the packet goes on as if there were no match. The programs in rules
 * stay the same over every restart; those that count are called by them, and replaced there.
 */
SEC("socket")
int xt_ingress(struct __sk_buff *skb)
{
    bpf_tail_call(skb, &xt_calls, TCTL_CALL_INGRESS);
    return 1;
}

SEC("socket")
int xt_egress(struct __sk_buff *skb)
{
    bpf_tail_call(skb, &xt_calls, TCTL_CALL_EGRESS);
    return 1;
}

SEC("socket")
int count_ingress(struct __sk_buff *skb)
{
    count_incoming(skb);
    return 1;
}

SEC("socket")
int count_egress(struct __sk_buff *skb)
{
    count_outgoing(skb);
    return 1;
}

/* Iterators, only where the kernel describes itself. Each runs for whoever reads its pin. */
SEC("iter/bpf_sk_storage_map")
int stored_sockets(struct stored_socket *stored)
{
    find(stored->sk);
    return 0;
}

SEC("iter/task_file")
int open_sockets(struct open_file *open)
{
    if (open->file)
        find(socket_of(open->file));
    return 0;
}

SEC("iter/bpf_sk_storage_map")
int peers(struct stored_socket *stored)
{
    write_peer(stored);
    return 0;
}
