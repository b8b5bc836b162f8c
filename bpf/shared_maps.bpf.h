/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The maps that both objects use, of which link.bpf.c is given those that are pinned. w, r, P, U as in maps.bpf.h.
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "traffic_abi.h"

/* counters: w P, U deletes and moves rows of removed interfaces; r U */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, TCTL_IFACE_ENTRIES);
    __type(key, __u32);
    __type(value, struct tctl_stats_value);
} iface_stats_map SEC(".maps");

/* w P, U moves rows of removed interfaces; r U */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, TCTL_IFACE_ENTRIES);
    __type(key, __u32);
    __type(value, struct tctl_iface_parts);
} iface_parts_map SEC(".maps");

/* lost[], dropped[], untold: w P; everything else: w U. r U */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct tctl_state);
} state_map SEC(".maps");

/* only with --counters percpu; what an interrupting program counted: w P, U deletes; r U */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, TCTL_STATS_ENTRIES);
    __type(key, struct tctl_spill_key);
    __type(value, struct tctl_stats_value);
} spill_map SEC(".maps");

/* only with --counters percpu; programs at work on this CPU's rows: w, r P */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} busy_map SEC(".maps");
