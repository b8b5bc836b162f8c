/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Counters from a map to a larger one that programs count in already. Each is taken by an exchange with 0 and added, so
 * that nothing is counted twice however often this runs; and it runs to its end, whatever becomes of who started it.
 * No program may write the old map any more. An object of its own: it is loaded only when maps grow.
 */
#include <stdbool.h>

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "move.h"
#include "traffic_abi.h"

#ifndef NULL
#define NULL ((void *)0)
#endif

const volatile struct move_plan plan = {};

/* The loader puts the real maps in the place of these. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1);
    __uint(key_size, 4);
    __uint(value_size, 8);
} from SEC(".maps"), to SEC(".maps");

/* As the programs that count have them; only for per-CPU maps. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1);
    __type(key, struct tctl_spill_key);
    __type(value, struct tctl_stats_value);
} spill SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} busy SEC(".maps");

struct bpf_map;

struct moving {
    __u32 left; /* rows that found no room */
};

static __always_inline __u64 take(__u64 *word)
{
    return *word ? __sync_lock_test_and_set(word, 0) : 0;
}

/* The lock of a row of drops is neither read nor written. */
static __always_inline __u64 *row_for(const void *key, const __u64 *old)
{
    __u64 fresh[MOVE_WORDS] = {}, *row = bpf_map_lookup_elem(&to, key);

    if (row)
        return row;
    if (plan.is_drops) {
        ((struct tctl_drop *)fresh)->payer = ((const struct tctl_drop *)old)->payer;
        ((struct tctl_drop *)fresh)->told_ns = ((const struct tctl_drop *)old)->told_ns;
    }
    bpf_map_update_elem(&to, key, fresh, BPF_NOEXIST);
    return bpf_map_lookup_elem(&to, key);
}

static long move_row(struct bpf_map *map, const void *key, __u64 *old, struct moving *moving)
{
    __u64 *row = row_for(key, old);

    if (!row) {
        moving->left++;
        return 0;
    }
#pragma unroll
    for (int i = 0; i < MOVE_WORDS; i++) {
        if (plan.words & 1u << i) {
            __u64 count = take(&old[i]);
            if (count)
                __sync_fetch_and_add(&row[i], count);
        }
    }
    return 0;
}

static __always_inline struct tctl_stats_value *spill_row(const void *key)
{
    struct tctl_stats_value none = {}, *row;
    struct tctl_spill_key where = {.map = plan.map};

    if (plan.map == TCTL_APP_UID_STATS)
        where.key.uid = *(const __u32 *)key;
    else if (plan.map == TCTL_IFACE_STATS)
        where.key.iface_index = *(const __u32 *)key;
    else
        where.key = *(const struct tctl_stats_key *)key;
    row = bpf_map_lookup_elem(&spill, &where);
    if (row)
        return row;
    bpf_map_update_elem(&spill, &where, &none, BPF_NOEXIST);
    return bpf_map_lookup_elem(&spill, &where);
}

/* What all CPUs had, to one. */
static __always_inline void add_all(struct tctl_stats_value *row, const void *key, bool alone)
{
    for (__u32 cpu = 0; cpu < plan.cpus; cpu++) {
        struct tctl_stats_value *old = bpf_map_lookup_percpu_elem(&from, key, cpu);

        if (!old)
            continue;
        __u64 rx_packets = take(&old->rx_packets), rx_bytes = take(&old->rx_bytes);
        __u64 tx_packets = take(&old->tx_packets), tx_bytes = take(&old->tx_bytes);
        if (alone) {
            row->rx_packets += rx_packets;
            row->rx_bytes += rx_bytes;
            row->tx_packets += tx_packets;
            row->tx_bytes += tx_bytes;
        } else {
            __sync_fetch_and_add(&row->rx_packets, rx_packets);
            __sync_fetch_and_add(&row->rx_bytes, rx_bytes);
            __sync_fetch_and_add(&row->tx_packets, tx_packets);
            __sync_fetch_and_add(&row->tx_bytes, tx_bytes);
        }
    }
}

/* Rows of this CPU are written as the programs that count do it: alone, or else into the spill map. */
static long move_percpu_row(struct bpf_map *map, const void *key, void *here, struct moving *moving)
{
    struct tctl_stats_value none = {}, *row = bpf_map_lookup_elem(&to, key);
    volatile __u64 *at_work;
    __u32 zero = 0;
    bool alone;

    if (!row) {
        bpf_map_update_elem(&to, key, &none, BPF_NOEXIST);
        row = bpf_map_lookup_elem(&to, key);
    }
    at_work = bpf_map_lookup_elem(&busy, &zero);
    if (!row || !at_work) {
        moving->left++;
        return 0;
    }
    __sync_fetch_and_add(at_work, 1);
    alone = *at_work == 1;
    if (!alone)
        row = spill_row(key);
    if (row)
        add_all(row, key, alone);
    else
        moving->left++;
    __sync_fetch_and_add(at_work, -1);
    return 0;
}

static __always_inline int move_all(void)
{
    struct moving moving = {};

    if (plan.cpus)
        bpf_for_each_map_elem(&from, move_percpu_row, &moving, 0);
    else
        bpf_for_each_map_elem(&from, move_row, &moving, 0);
    return moving.left;
}

/* Kernel 5.14. */
SEC("syscall")
int move(void *ctx)
{
    return move_all();
}

/* The same where the other is not let at such a map: kernels before 6.8 let no program that may sleep at locks. */
SEC("tc")
int move_as_packet(struct __sk_buff *skb)
{
    return move_all();
}

char _license[] SEC("license") = "Dual BSD/GPL";
