// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * To compare with: what netd asks for every packet, in netd's maps and in its order. Written for the benchmark from
 * what two of them do: Android 9's, to the letter, so without its dead branches, and Android 15's. What they do not
 * know of (when a tag is too old, whose a container is, what a packet is on the wire) is not in here.
 */
#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "netd_rules.h"
#include "traffic_abi.h"

#define MAP(name, map_type, flags, entries, key_type, value_type)                                                      \
    struct {                                                                                                           \
        __uint(type, map_type);                                                                                        \
        __uint(map_flags, flags);                                                                                      \
        __uint(max_entries, entries);                                                                                  \
        __type(key, key_type);                                                                                         \
        __type(value, value_type);                                                                                     \
    } name SEC(".maps")
#define HASH_9(name, entries, key_type, value_type)                                                                    \
    MAP(name, BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, entries, key_type, value_type)
#define HASH_15(name, entries, key_type, value_type) MAP(name, BPF_MAP_TYPE_HASH, 0, entries, key_type, value_type)

HASH_9(cookie_tag_9, 10000, __u64, struct tctl_tag);
HASH_9(counter_set_9, 2000, __u32, __u8);
HASH_9(app_uid_stats_9, 10000, __u32, struct tctl_stats_value);
HASH_9(uid_stats_9, 10000, struct tctl_stats_key, struct tctl_stats_value);
HASH_9(tag_stats_9, 10000, struct tctl_stats_key, struct tctl_stats_value);
HASH_9(dozable_9, 2000, __u32, __u8);
HASH_9(standby_9, 2000, __u32, __u8);
HASH_9(powersave_9, 2000, __u32, __u8);

HASH_15(cookie_tag_15, 10000, __u64, struct tctl_tag);
HASH_15(counter_set_15, 4000, __u32, __u8);
HASH_15(app_uid_stats_15, 10000, __u32, struct tctl_stats_value);
HASH_15(stats_a_15, 5000, struct tctl_stats_key, struct tctl_stats_value);
HASH_15(stats_b_15, 5000, struct tctl_stats_key, struct tctl_stats_value);
HASH_15(uid_owner_15, 4000, __u32, struct netd_owner);
HASH_15(ingress_discard_15, 100, struct in6_addr, struct netd_discard);
MAP(configuration_15, BPF_MAP_TYPE_ARRAY, 0, 2, __u32, __u32);
MAP(trace_enabled_15, BPF_MAP_TYPE_ARRAY, 0, 1, __u32, bool);

/* UIDs below are the system's, of which no chain is asked. */
const volatile __u32 first_app = 10000;

#define PASS 1
#define DROP 0

#define FOLD 100000 /* UIDs of one user of the phone */
#define NO_SOCKET 65534
#define CLAT 1029
#define DNS 1051
#define DNS_TAG 0xFFFFFF82
#define LOOPBACK 1

#define COUNT(map, key, out, packets, bytes)                                                                           \
    do {                                                                                                               \
        struct tctl_stats_value none_ = {}, *row_ = bpf_map_lookup_elem(&(map), (key));                                \
        if (!row_) {                                                                                                   \
            bpf_map_update_elem(&(map), (key), &none_, BPF_NOEXIST);                                                   \
            row_ = bpf_map_lookup_elem(&(map), (key));                                                                 \
        }                                                                                                              \
        if (row_) {                                                                                                    \
            __sync_fetch_and_add((out) ? &row_->tx_packets : &row_->rx_packets, (packets));                            \
            __sync_fetch_and_add((out) ? &row_->tx_bytes : &row_->rx_bytes, (bytes));                                  \
        }                                                                                                              \
    } while (0)

#define IS_ON(map)                                                                                                     \
    ({                                                                                                                 \
        __u32 switch_ = TCTL_CHAIN_SWITCH;                                                                             \
        const __u8 *on_ = bpf_map_lookup_elem(&(map), &switch_);                                                       \
        on_ &&*on_;                                                                                                    \
    })

/* The first chain that is on and has something to say decides. Headers are not read: it asks for them in the wrong byte
 * order, and never gets there. */
static __always_inline bool passes_9(__u32 uid)
{
    const __u8 *entry;

    if (uid < first_app)
        return true;
    if (IS_ON(dozable_9)) {
        entry = bpf_map_lookup_elem(&dozable_9, &uid);
        return entry && *entry;
    }
    if (IS_ON(standby_9)) {
        entry = bpf_map_lookup_elem(&standby_9, &uid);
        if (entry)
            return *entry;
    }
    if (IS_ON(powersave_9)) {
        entry = bpf_map_lookup_elem(&powersave_9, &uid);
        return entry && *entry;
    }
    return true;
}

static __always_inline int run_9(struct __sk_buff *skb, bool out)
{
    __u32 uid = bpf_get_socket_uid(skb);
    bool pass = passes_9(uid);
    struct tctl_stats_key key = {.uid = uid, .iface_index = skb->ifindex};
    const struct tctl_tag *tag;
    const __u8 *set;
    __u64 cookie;

    if (out && !pass)
        return DROP;
    cookie = bpf_get_socket_cookie(skb);
    tag = bpf_map_lookup_elem(&cookie_tag_9, &cookie);
    if (tag) {
        key.uid = tag->uid;
        key.tag = tag->tag;
    }
    set = bpf_map_lookup_elem(&counter_set_9, &key.uid);
    if (set)
        key.counter_set = *set;
    if (key.tag)
        COUNT(tag_stats_9, &key, out, 1, skb->len);
    key.tag = 0;
    COUNT(uid_stats_9, &key, out, 1, skb->len);
    COUNT(app_uid_stats_9, &key.uid, out, 1, skb->len);
    return pass ? PASS : DROP;
}

SEC("cgroup_skb/egress")
int egress_9(struct __sk_buff *skb)
{
    return run_9(skb, true);
}

SEC("cgroup_skb/ingress")
int ingress_9(struct __sk_buff *skb)
{
    return run_9(skb, false);
}

/* ESP, and TCP's resets and (incoming) ends. A short read exempts nothing. */
static __always_inline bool is_exempt_15(struct __sk_buff *skb, bool out)
{
    __u8 first = 0, protocol = 0, flags = 0;
    bool v4 = skb->protocol == bpf_htons(ETH_P_IP);
    __u32 length = sizeof(struct ipv6hdr);

    if (!v4 && skb->protocol != bpf_htons(ETH_P_IPV6))
        return false;
    if (bpf_skb_load_bytes(skb, v4 ? offsetof(struct iphdr, protocol) : offsetof(struct ipv6hdr, nexthdr), &protocol,
                           1))
        return false;
    if (protocol == IPPROTO_ESP)
        return true;
    if (protocol != IPPROTO_TCP)
        return false;
    if (v4) {
        if (bpf_skb_load_bytes(skb, 0, &first, 1))
            return false;
        length = (first & 0xf) * 4;
    }
    if (bpf_skb_load_bytes(skb, length + 13, &flags, 1))
        return false;
    return flags & 4 || (!out && flags & 1);
}

static __always_inline bool is_discarded_15(struct __sk_buff *skb)
{
    struct in6_addr to = {};
    const struct netd_discard *discard;
    int r;

    if (skb->protocol == bpf_htons(ETH_P_IP)) {
        to.s6_addr32[2] = bpf_htonl(0xffff);
        r = bpf_skb_load_bytes(skb, offsetof(struct iphdr, daddr), &to.s6_addr32[3], 4);
    } else {
        r = bpf_skb_load_bytes(skb, offsetof(struct ipv6hdr, daddr), &to, sizeof(to));
    }
    if (r)
        return false;
    discard = bpf_map_lookup_elem(&ingress_discard_15, &to);
    return discard && discard->iface[0] != skb->ifindex && discard->iface[1] != skb->ifindex;
}

enum verdict_15 { DROPS, PASSES, DROPS_UNLESS_DNS };

static __always_inline enum verdict_15 judge_15(struct __sk_buff *skb, __u32 uid, bool out)
{
    __u32 zero = 0, on, rules = 0, iface = 0;
    const __u32 *enabled;
    const struct netd_owner *owner;

    if (uid % FOLD < first_app || is_exempt_15(skb, out))
        return PASSES;
    enabled = bpf_map_lookup_elem(&configuration_15, &zero);
    owner = bpf_map_lookup_elem(&uid_owner_15, &uid);
    on = enabled ? *enabled : 0;
    if (owner) {
        rules = owner->rules;
        iface = owner->iface;
    }
    if (skb->ifindex == LOOPBACK)
        on &= ~NETD_BACKGROUND;
    if (on & (NETD_DENY_LISTS | NETD_ALLOW_LISTS) & (rules ^ NETD_ALLOW_LISTS))
        return DROPS;
    if (out || skb->ifindex == LOOPBACK)
        return PASSES;
    if (is_discarded_15(skb))
        return DROPS;
    if (rules & NETD_IIF)
        return iface && iface != skb->ifindex ? DROPS_UNLESS_DNS : PASSES;
    return rules & NETD_LOCKDOWN ? DROPS_UNLESS_DNS : PASSES;
}

/* What a packet longer than this was on the wire, guessed: TCP with timestamps, 1500 bytes a packet. */
#define LONGEST 1500
static __always_inline void measure_15(const struct __sk_buff *skb, __u64 *packets, __u64 *bytes)
{
    __u64 header = (skb->protocol == bpf_htons(ETH_P_IP) ? sizeof(struct iphdr) : sizeof(struct ipv6hdr)) +
                   sizeof(struct tcphdr) + 12;
    __u64 room = LONGEST - header;

    *packets = 1;
    *bytes = skb->len;
    if (skb->len <= LONGEST)
        return;
    *packets = (skb->len - header + room - 1) / room;
    *bytes = header * *packets + skb->len - header;
}

static __always_inline void count_15(const struct __sk_buff *skb, __u32 live, const struct tctl_stats_key *key,
                                     bool out)
{
    __u64 packets, bytes;

    measure_15(skb, &packets, &bytes);
    if (live == 0)
        COUNT(stats_a_15, key, out, packets, bytes);
    else
        COUNT(stats_b_15, key, out, packets, bytes);
    COUNT(app_uid_stats_15, &key->uid, out, packets, bytes);
}

static __always_inline int run_15(struct __sk_buff *skb, bool out)
{
    __u32 zero = 0, one = 1, uid = bpf_get_socket_uid(skb);
    __u64 cookie = bpf_get_socket_cookie(skb);
    struct tctl_stats_key key = {.iface_index = skb->ifindex};
    const struct tctl_tag *tag;
    const bool *trace;
    const __u32 *live;
    const __u8 *set;
    enum verdict_15 verdict;

    if (uid == NO_SOCKET)
        uid = 0;
    tag = bpf_map_lookup_elem(&cookie_tag_15, &cookie);
    key.uid = tag ? tag->uid : uid;
    key.tag = tag ? tag->tag : 0;
    if (out && key.uid == CLAT)
        return PASS;
    verdict = judge_15(skb, uid, out);
    if (verdict == DROPS_UNLESS_DNS) {
        verdict = key.tag == DNS_TAG && key.uid == DNS ? PASSES : DROPS;
        key.uid = verdict == PASSES ? uid : key.uid;
    }
    if (out && verdict == DROPS)
        return DROP;
    live = bpf_map_lookup_elem(&configuration_15, &one);
    if (!live)
        return PASS;
    trace = bpf_map_lookup_elem(&trace_enabled_15, &zero);
    if (trace && *trace)
        return PASS; /* nobody traces here */
    set = bpf_map_lookup_elem(&counter_set_15, &key.uid);
    if (set)
        key.counter_set = *set;
    count_15(skb, *live, &key, out);
    return verdict == PASSES ? PASS : DROP;
}

SEC("cgroup_skb/egress")
int egress_15(struct __sk_buff *skb)
{
    return run_15(skb, true);
}

SEC("cgroup_skb/ingress")
int ingress_15(struct __sk_buff *skb)
{
    return run_15(skb, false);
}

char _license[] SEC("license") = "Dual BSD/GPL";
