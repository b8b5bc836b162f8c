// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The programs at BPF netfilter links. An object of its own, loaded only for these: they need what not every kernel
 * has, its types and its functions for programs. The loader sets their type, which this libbpf has no name for.
 */
#include "sk_buff.bpf.h"

#include "iface.bpf.h"

char _license[] SEC("license") = "Dual BSD/GPL";

#define ACCEPT 1 /* NF_ACCEPT */

/* what link_ingress and link_egress run: w U. As xt_calls in maps.bpf.h; links cannot be given another program */
struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, TCTL_CALLS);
    __type(key, __u32);
    __type(value, __u32);
} link_calls SEC(".maps");

/* netd leaves "ipsec+" out: what is inside IPsec's packets, which are counted themselves. */
static __always_inline bool is_ipsec(const view *skb)
{
    static const char prefix[] = "ipsec";

    for (__u32 i = 0; i < sizeof(prefix) - 1; i++)
        if (*(char *)((void *)skb->dev + kernel.dev_name.offset + i) != prefix[i])
            return false;
    return true;
}

static __always_inline bool was_decrypted(const view *skb)
{
    return kernel.sec_path && MEMBER(__u8, skb->skb, skb_extensions) & kernel.sec_path;
}

static __always_inline bool will_be_encrypted(const view *skb)
{
    const void *dst = (const void *)(MEMBER(__u64, skb->skb, skb_dst) & ~1ULL), *transform = NULL;

    return PEEK(&transform, dst, dst_xfrm) && transform;
}

SEC("netfilter/ingress")
int link_ingress(struct netfilter_context *context)
{
    bpf_tail_call(context, &link_calls, TCTL_CALL_INGRESS);
    return ACCEPT;
}

SEC("netfilter/egress")
int link_egress(struct netfilter_context *context)
{
    bpf_tail_call(context, &link_calls, TCTL_CALL_EGRESS);
    return ACCEPT;
}

SEC("netfilter/count_ingress")
int link_count_ingress(struct netfilter_context *context)
{
    view skb;

    if (view_open(context, &skb) && !was_decrypted(&skb) && !is_ipsec(&skb))
        count_incoming(&skb);
    return ACCEPT;
}

SEC("netfilter/count_egress")
int link_count_egress(struct netfilter_context *context)
{
    view skb;

    if (view_open(context, &skb) && !will_be_encrypted(&skb) && !is_ipsec(&skb))
        count_outgoing(&skb);
    return ACCEPT;
}
