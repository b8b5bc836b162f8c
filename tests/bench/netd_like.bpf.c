// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * To compare with: what netd asks for every packet, in netd's maps. Written for the benchmark from what Android 9's
 * netd does (its maps and the order of its questions), with Android 10's rule that any chain that says drop wins, and
 * with the counting of a super-packet left out, as there. Ours does more; this is what it costs to ask each time.
 */
#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "traffic_abi.h"

#define NOT_PREALLOCATED(name, entries, key_type, value_type)                                                          \
    struct {                                                                                                           \
        __uint(type, BPF_MAP_TYPE_HASH);                                                                               \
        __uint(map_flags, BPF_F_NO_PREALLOC);                                                                          \
        __uint(max_entries, entries);                                                                                  \
        __type(key, key_type);                                                                                         \
        __type(value, value_type);                                                                                     \
    } name SEC(".maps")

NOT_PREALLOCATED(cookie_tag, 10000, __u64, struct tctl_tag);
NOT_PREALLOCATED(counter_set, 2000, __u32, __u8);
NOT_PREALLOCATED(app_uid_stats, 10000, __u32, struct tctl_stats_value);
NOT_PREALLOCATED(uid_stats, 10000, struct tctl_stats_key, struct tctl_stats_value);
NOT_PREALLOCATED(tag_stats, 10000, struct tctl_stats_key, struct tctl_stats_value);
NOT_PREALLOCATED(dozable, 10001, __u32, __u8);
NOT_PREALLOCATED(standby, 10001, __u32, __u8);
NOT_PREALLOCATED(powersave, 10001, __u32, __u8);

/* UIDs below are the system's, of which no chain is asked. */
const volatile __u32 first_app = 10000;

#define PASS 1
#define DROP 0

#define COUNT(map, key, out, bytes)                                                                                    \
    do {                                                                                                               \
        struct tctl_stats_value none_ = {}, *row_ = bpf_map_lookup_elem(&(map), (key));                                \
        if (!row_) {                                                                                                   \
            bpf_map_update_elem(&(map), (key), &none_, BPF_NOEXIST);                                                   \
            row_ = bpf_map_lookup_elem(&(map), (key));                                                                 \
        }                                                                                                              \
        if (row_) {                                                                                                    \
            __sync_fetch_and_add((out) ? &row_->tx_packets : &row_->rx_packets, 1);                                    \
            __sync_fetch_and_add((out) ? &row_->tx_bytes : &row_->rx_bytes, (bytes));                                  \
        }                                                                                                              \
    } while (0)

static __always_inline bool is_exempt(struct __sk_buff *skb)
{
    __u8 first = 0, protocol = 0, flags = 0;
    __u32 length = sizeof(struct ipv6hdr);

    if (skb->protocol == bpf_htons(ETH_P_IP)) {
        bpf_skb_load_bytes(skb, offsetof(struct iphdr, protocol), &protocol, 1);
        if (protocol == IPPROTO_ESP)
            return true;
        bpf_skb_load_bytes(skb, 0, &first, 1);
        length = (first & 0xf) * 4;
    } else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
        bpf_skb_load_bytes(skb, offsetof(struct ipv6hdr, nexthdr), &protocol, 1);
        if (protocol == IPPROTO_ESP)
            return true;
    } else {
        return false;
    }
    return protocol == IPPROTO_TCP && !bpf_skb_load_bytes(skb, length + 13, &flags, 1) && flags & 4;
}

/* absent: what holds for a UID that has no entry. */
#define PASSES(map, uid, absent)                                                                                       \
    ({                                                                                                                 \
        __u32 switch_ = TCTL_CHAIN_SWITCH;                                                                             \
        const __u8 *entry_ = bpf_map_lookup_elem(&(map), &switch_);                                                    \
        bool passes_ = true;                                                                                           \
        if (entry_ && *entry_) {                                                                                       \
            entry_ = bpf_map_lookup_elem(&(map), &(uid));                                                              \
            passes_ = entry_ ? *entry_ : (absent);                                                                     \
        }                                                                                                              \
        passes_;                                                                                                       \
    })

static __always_inline bool passes(struct __sk_buff *skb, __u32 uid)
{
    bool pass = true;

    if (uid < first_app || is_exempt(skb))
        return true;
    pass &= PASSES(dozable, uid, false);
    pass &= PASSES(standby, uid, true);
    pass &= PASSES(powersave, uid, false);
    return pass;
}

static __always_inline int judge_and_count(struct __sk_buff *skb, bool out)
{
    __u32 uid = bpf_get_socket_uid(skb);
    bool pass = passes(skb, uid);
    __u64 cookie;
    struct tctl_tag *tag;
    struct tctl_stats_key key = {.uid = uid, .iface_index = skb->ifindex};
    __u8 *set;

    if (out && !pass)
        return DROP;
    cookie = bpf_get_socket_cookie(skb);
    tag = bpf_map_lookup_elem(&cookie_tag, &cookie);
    if (tag) {
        key.uid = tag->uid;
        key.tag = tag->tag;
    }
    set = bpf_map_lookup_elem(&counter_set, &key.uid);
    if (set)
        key.counter_set = *set;
    if (key.tag)
        COUNT(tag_stats, &key, out, skb->len);
    key.tag = 0;
    COUNT(uid_stats, &key, out, skb->len);
    COUNT(app_uid_stats, &key.uid, out, skb->len);
    return pass ? PASS : DROP;
}

SEC("cgroup_skb/egress")
int egress(struct __sk_buff *skb)
{
    return judge_and_count(skb, true);
}

SEC("cgroup_skb/ingress")
int ingress(struct __sk_buff *skb)
{
    return judge_and_count(skb, false);
}

char _license[] SEC("license") = "Dual BSD/GPL";
