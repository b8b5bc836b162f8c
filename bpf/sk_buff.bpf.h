/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the programs of link.bpf.c see of a packet: the kernel's struct sk_buff itself, by offsets of its BTF. The
 * verifier knows its type and checks each load against it, so that most need no helper.
 */
#pragma once

#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "kernel.bpf.h"

/* Defined, if only by name: libbpf takes a struct that is merely declared for another type than the kernel's. */
struct sk_buff {
    char unknown;
};

/* struct bpf_nf_ctx (include/linux/netfilter/.. of 6.4): the same reason for "void". */
struct netfilter_context {
    const void *state;
    void *skb;
};

/* include/uapi/linux/bpf.h of 6.4: opaque, 16 bytes. */
struct dynptr {
    __u64 opaque[2];
} __attribute__((aligned(8)));

struct bpf_dynptr;
extern int bpf_dynptr_from_skb(struct sk_buff *skb, __u64 flags, struct bpf_dynptr *ptr) __ksym;

typedef struct view {
    void *skb;
    const void *dev;
    const void *shared; /* struct skb_shared_info */
    __u64 length;
    __u64 gso_size;
} view;

/* A global function would not know the types of what it is given. */
#define VIEW_GLOBAL static __always_inline

/* A member of a struct whose type the verifier knows. The loader sees to it that its place is known. */
#define MEMBER(type, base, member) (*(type *)((void *)(base) + kernel.member.offset))

static __always_inline __u32 view_length(const view *skb)
{
    return skb->length;
}

static __always_inline __u32 view_gso_size(const view *skb)
{
    return skb->gso_size;
}

static __always_inline bool view_is_ipv4(const view *skb)
{
    return MEMBER(__u16, skb->skb, skb_protocol) == bpf_htons(ETH_P_IP);
}

static __always_inline __u32 view_iface(const view *skb)
{
    return MEMBER(__u32, skb->dev, dev_ifindex);
}

static __always_inline __u32 view_came_by(const view *skb)
{
    return MEMBER(__u32, skb->skb, skb_iif);
}

static __always_inline bool view_has_owner(const view *skb)
{
    return MEMBER(const void *, skb->skb, skb_sk);
}

static __always_inline bool view_is_looped(const view *skb)
{
    __u8 type;

    if (kernel.skb_pkt_type.offset == TCTL_NO_OFFSET)
        return false;
    type = MEMBER(__u8, skb->skb, skb_pkt_type) >> kernel.skb_pkt_type.shift;
    return (type & ((1 << kernel.skb_pkt_type.bits) - 1)) == PACKET_LOOPBACK;
}

static __always_inline long view_load(const view *skb, __u32 offset, void *to, __u32 size)
{
    struct dynptr bytes;
    struct bpf_dynptr *ptr = (struct bpf_dynptr *)&bytes;

    return bpf_dynptr_from_skb(skb->skb, 0, ptr) ?: bpf_dynptr_read(to, size, ptr, offset, 0);
}

static __always_inline const void *view_kernel(const view *skb)
{
    return skb->skb;
}

static __always_inline const void *view_shared(const view *skb)
{
    return skb->shared;
}

static __always_inline const void *view_pieces(const view *skb)
{
    const void *piece = NULL;

    return MEMBER(__u32, skb->skb, skb_data_len) && PEEK(&piece, skb->shared, shared_frag_list) ? piece : NULL;
}

/* False: this is not to be had, and the packet is not counted. */
static __always_inline bool view_open(const struct netfilter_context *context, view *skb)
{
    __u16 gso_size = 0;

    skb->skb = context->skb;
    skb->dev = MEMBER(const void *, skb->skb, skb_dev);
    skb->length = MEMBER(__u32, skb->skb, skb_len);
    /* skb_shinfo(): behind the linear data, whose end is counted from its beginning where pointers have 64 bits */
    skb->shared = (const void *)MEMBER(__u64, skb->skb, skb_head) + MEMBER(__u32, skb->skb, skb_end);
    if (!PEEK(&gso_size, skb->shared, shared_gso_size))
        return false;
    skb->gso_size = gso_size;
    return true;
}
