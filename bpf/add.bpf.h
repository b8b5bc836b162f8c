/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Adding to a row of counters, in both kinds of counters, and what could not be counted.
 */
#pragma once

#include "kernel.bpf.h"
#include "packet.bpf.h"
#include "shared_maps.bpf.h"

static __always_inline void count_lost(__u32 map, __u32 packets)
{
    __u32 zero = 0;
    struct tctl_state *state = bpf_map_lookup_elem(&state_map, &zero);

    if (state && map < TCTL_COUNTED_MAPS)
        __sync_fetch_and_add(&state->lost[map], packets);
}

static __always_inline void add_shared(struct tctl_stats_value *row, const struct wire *wire, bool out)
{
    if (out) {
        __sync_fetch_and_add(&row->tx_packets, wire->packets);
        __sync_fetch_and_add(&row->tx_bytes, wire->bytes);
    } else {
        __sync_fetch_and_add(&row->rx_packets, wire->packets);
        __sync_fetch_and_add(&row->rx_bytes, wire->bytes);
    }
}

static __always_inline void add_alone(struct tctl_stats_value *row, const struct wire *wire, bool out)
{
    if (out) {
        row->tx_packets += wire->packets;
        row->tx_bytes += wire->bytes;
    } else {
        row->rx_packets += wire->packets;
        row->rx_bytes += wire->bytes;
    }
}

/* What a program counts that has interrupted another one at its rows: plain adds there would lose counts. */
static __noinline int spill(enum tctl_stats_map map, const struct tctl_stats_key *key, const struct wire *wire,
                            bool out)
{
    struct tctl_spill_key where = {.map = map, .key = *key};
    struct tctl_stats_value none = {}, *row = bpf_map_lookup_elem(&spill_map, &where);

    if (!row) {
        bpf_map_update_elem(&spill_map, &where, &none, BPF_NOEXIST);
        row = bpf_map_lookup_elem(&spill_map, &where);
    }
    if (row)
        add_shared(row, wire, out);
    else
        count_lost(map, wire->packets);
    return 0;
}

/* row NULL: none could be made. key: as readers of the spill map know the row. */
static __always_inline void add_to(struct tctl_stats_value *row, const struct tctl_stats_key *key,
                                   enum tctl_stats_map map, const struct wire *wire, bool out, bool alone)
{
    if (!row)
        count_lost(map, wire->packets);
    else if (!kernel.percpu)
        add_shared(row, wire, out);
    else if (alone)
        add_alone(row, wire, out);
    else
        spill(map, key, wire, out);
}

/*
 * Say that a program is at work on this CPU's rows. True: it is the only one. Atomic, because on preemptible kernels
 * the other one need not end first; adds alone, because exchanges need kernel 5.12.
 */
static __always_inline bool enter(volatile __u64 *busy)
{
    if (!busy)
        return false;
    __sync_fetch_and_add(busy, 1);
    return *busy == 1;
}

static __always_inline void leave(volatile __u64 *busy)
{
    if (busy)
        __sync_fetch_and_add(busy, -1);
}

static __always_inline volatile __u64 *busy_here(void)
{
    __u32 zero = 0;

    return kernel.percpu ? bpf_map_lookup_elem(&busy_map, &zero) : NULL;
}
