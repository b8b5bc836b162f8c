/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the programs of traffic.bpf.c see of a packet: the kernel's struct __sk_buff. */
#pragma once

#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "kernel.bpf.h"

typedef struct __sk_buff view;

/* A function of a view that the verifier looks at once, and not for every way that leads to it. */
#define VIEW_GLOBAL __noinline

static __always_inline __u32 view_length(const view *skb)
{
    return skb->len;
}

static __always_inline __u32 view_gso_size(const view *skb)
{
    return skb->gso_size;
}

static __always_inline bool view_is_ipv4(const view *skb)
{
    return skb->protocol == bpf_htons(ETH_P_IP);
}

/* Number of the interface that the packet is at. */
static __always_inline __u32 view_iface(const view *skb)
{
    return skb->ifindex;
}

/* Number of the interface that the packet came in by; 0: none, it was made here. */
static __always_inline __u32 view_came_by(const view *skb)
{
    return skb->ingress_ifindex;
}

static __always_inline bool view_has_owner(const view *skb)
{
    return skb->sk;
}

/* Did it leave for others, and come back to this machine's own sockets? */
static __always_inline bool view_is_looped(const view *skb)
{
    return skb->pkt_type == PACKET_LOOPBACK;
}

/* Copy bytes, counted from the network header. Not 0: there are not that many. */
static __always_inline long view_load(const view *skb, __u32 offset, void *to, __u32 size)
{
    return bpf_skb_load_bytes(skb, offset, to, size);
}

/* The kernel's struct sk_buff, for PEEK alone. */
static __always_inline const void *view_kernel(const view *skb)
{
    return skb;
}

/* The kernel's struct skb_shared_info, for PEEK; NULL: not known. */
static __always_inline const void *view_shared(const view *skb)
{
    const void *head = NULL;
    __u32 end = 0;

    return PEEK(&head, skb, skb_head) && PEEK(&end, skb, skb_end) ? head + end : NULL;
}

/* The first skb in the list behind this one, for PEEK; NULL: it stands alone. */
static __always_inline const void *view_pieces(const view *skb)
{
    const void *shared = NULL, *piece = NULL;
    __u32 beyond = 0;

    if (!PEEK(&beyond, skb, skb_data_len) || !beyond || !(shared = view_shared(skb)))
        return NULL;
    return PEEK(&piece, shared, shared_frag_list) ? piece : NULL;
}
