/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the firewall drops is seen: counted by whose rule it was and which, and told, at most once a second for each.
 */
#pragma once

#include "count.bpf.h"
#include "firewall.bpf.h"

/* What was dropped. */
struct drop {
    struct tctl_drop_key key;
    __u32 payer; /* whose share of rows a new row is taken from */
    __u32 iface;
    bool out;
    bool is_connect;
    struct wire wire;
};

static __always_inline struct drop_value *drop_row(const struct drop *drop)
{
    struct drop_value none = {.payer = drop->payer}, *row = bpf_map_lookup_elem(&drops_map, &drop->key);
    __u32 *share;

    if (row)
        return row;
    share = share_of(drop->payer, TCTL_DROPS);
    if (!share)
        return NULL;
    __sync_fetch_and_add(share, 1);
    if (bpf_map_update_elem(&drops_map, &drop->key, &none, BPF_NOEXIST))
        __sync_fetch_and_add(share, -1); /* another CPU made it first, or the map is full */
    return bpf_map_lookup_elem(&drops_map, &drop->key);
}

/* Is it this one that tells? */
static __always_inline bool is_its_turn(struct drop_value *row, __u64 now)
{
    bool turn;

    bpf_spin_lock(&row->lock);
    turn = is_due(row->told_ns, now);
    if (turn)
        row->told_ns = now;
    bpf_spin_unlock(&row->lock);
    return turn;
}

static __always_inline void tell(const struct drop *drop, __u64 now, struct tctl_state *state)
{
    const struct tctl_event event = {
        .time_ns = now,
        .uid = drop->key.uid,
        .iface = drop->iface,
        .reason = drop->key.reason,
        .out = drop->out,
        .is_connect = drop->is_connect,
    };

    if (bpf_ringbuf_output(&events_map, (void *)&event, sizeof(event), 0))
        __sync_fetch_and_add(&state->untold, 1);
}

/* One that finds no room for its row is in the total alone. */
static __noinline int note_drop(const struct drop *drop)
{
    __u32 zero = 0;
    __u64 now = bpf_ktime_get_ns();
    struct tctl_state *state = bpf_map_lookup_elem(&state_map, &zero);
    struct drop_value *row = drop_row(drop);

    if (!state)
        return 0;
    __sync_fetch_and_add(drop->out ? &state->dropped[1] : &state->dropped[0], drop->wire.packets);
    if (!row) {
        count_lost(TCTL_DROPS, drop->wire.packets);
        return 0;
    }
    add_shared(&row->dropped, &drop->wire, drop->out);
    if (is_its_turn(row, now))
        tell(drop, now, state);
    return 0;
}
