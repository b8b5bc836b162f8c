// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* The entry points: resolve, judge, count. */
#include "count.bpf.h"
#include "release.bpf.h"
#include "sockets.bpf.h"

char _license[] SEC("license") = "Dual BSD/GPL";

#define PASS 1
#define DROP 0

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

SEC("cgroup_skb/egress")
int egress(struct __sk_buff *skb)
{
    struct answer answer;
    struct wire wire;

    answer_for(skb, &answer);
    if (answer.flags & ANSWER_BLOCKED)
        return DROP; /* never on the wire, so never counted */
    count_wire(skb, HOOK_EGRESS, may_be_cut(skb, &answer), &wire);
    count_for(&answer, skb, &wire, true);
    return PASS;
}

SEC("cgroup_skb/ingress")
int ingress(struct __sk_buff *skb)
{
    struct answer answer;
    struct wire wire;

    answer_for(skb, &answer);
    count_wire(skb, HOOK_INGRESS, false, &wire); /* dropped or not: it crossed the link */
    count_for(&answer, skb, &wire, false);
    return answer.flags & ANSWER_BLOCKED ? DROP : PASS;
}

SEC("cgroup/sock_release")
int release(struct bpf_sock *sk)
{
    release_socket(sk);
    return 1;
}

/* For netfilter's match: accounting only, the packet goes on as if there were no match. */
SEC("socket")
int xt_ingress(struct __sk_buff *skb)
{
    struct wire wire;

    count_wire(skb, HOOK_DEVICE, false, &wire);
    count_iface(skb->ifindex, &wire, false);
    return 1;
}

SEC("socket")
int xt_egress(struct __sk_buff *skb)
{
    struct wire wire;

    count_wire(skb, HOOK_DEVICE, false, &wire);
    count_iface(skb->ifindex, &wire, true);
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
