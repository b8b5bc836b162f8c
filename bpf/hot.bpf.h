/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Only with --counters percpu: what each CPU counts often, at a place that its key tells, so that a packet needs no
 * look-ups by hash for its total, its row and its tag's row. Those three are there already; what is counted here is
 * theirs, and readers add it to them. Whatever finds no place here is counted there.
 *
 * All of this is done by a program that is alone at its CPU's rows. User space changes only what no program counts for
 * meanwhile (trafficctl/lib/hot_change.h).
 */
#pragma once

#include "resolve.bpf.h"
#include "rows.bpf.h"

/* The highest bits of a product depend on all bits of its factor; the multipliers are odd and without a pattern. */
static __always_inline __u32 hot_place(const struct tctl_stats_key *key)
{
    __u64 who = key->uid | (__u64)key->tag << 32, where = key->iface_index | (__u64)key->counter_set << 32;

    return (who * 0x9e3779b97f4a7c15 ^ where * 0xd6e8feb86659fd93) >> (64 - TCTL_HOT_BITS);
}

/* This CPU's rows at the place and at the one beside it, which the key may be at, too. */
static __always_inline struct tctl_hot *hot_here(__u32 place)
{
    __u32 entry = bpf_get_smp_processor_id() * TCTL_HOT_CHUNKS + place / TCTL_HOT_CHUNK;

    return bpf_map_lookup_elem(&hot_map, &entry);
}

static __always_inline bool is_hot_for(const struct tctl_hot_row *row, const struct tctl_stats_key *key)
{
    return row->used & TCTL_HOT_COUNTS && row->key.uid == key->uid && row->key.tag == key->tag &&
           row->key.iface_index == key->iface_index && row->key.counter_set == key->counter_set;
}

/* False: this key has no place here. */
static __always_inline bool count_hot(const struct tctl_stats_key *key, const struct wire *wire, bool out)
{
    __u32 place = hot_place(key), first = place % TCTL_HOT_CHUNK;
    struct tctl_hot *hot = hot_here(place);
    struct tctl_hot_row *row;

    if (!hot)
        return false;
    row = &hot->row[first];
    if (!is_hot_for(row, key)) {
        row = &hot->row[first ^ 1];
        if (!is_hot_for(row, key))
            return false;
    }
    add_alone(&row->value, wire, out);
    row->used |= TCTL_HOT_AGAIN;
    return true;
}

static __always_inline void give(struct tctl_stats_value *row, const struct tctl_stats_value *value)
{
    row->rx_packets += value->rx_packets;
    row->rx_bytes += value->rx_bytes;
    row->tx_packets += value->tx_packets;
    row->tx_bytes += value->tx_bytes;
}

/* What a place has counted goes to the rows that it was counted for. False: one of them is gone, and cannot be made. */
static __always_inline bool give_to_rows(const struct tctl_hot_row *from)
{
    const struct tctl_stats_key key = from->key;
    const struct tctl_stats_value value = from->value;
    struct rows rows;

    find_rows(&key, key.uid, &rows);
    if (!rows.app || !rows.uid || (key.tag && !rows.tag))
        return false;
    give(rows.app, &value);
    give(rows.uid, &value);
    if (key.tag && rows.tag)
        give(rows.tag, &value);
    return true;
}

/*
 * One for all CPUs: readers look again at what was moved while they read, and shall come to an end. Looked at without
 * the lock first, that those who find no place do not wait for each other.
 */
static __always_inline bool may_cool(struct hot_moves_value *moves)
{
    __u64 now = bpf_jiffies64();
    bool may;

    if (now - *(volatile __u64 *)&moves->cooled < kernel.hot_ticks)
        return false;
    bpf_spin_lock(&moves->lock);
    may = now - moves->cooled >= kernel.hot_ticks;
    if (may)
        moves->cooled = now;
    bpf_spin_unlock(&moves->lock);
    return may;
}

/* A row is safe once for having counted since its place was last wanted. NULL: both are. */
static __always_inline struct tctl_hot_row *find_idle(struct tctl_hot_row *row, struct tctl_hot_row *other)
{
    if ((row->used & TCTL_HOT_USE) != TCTL_HOT_AGAIN)
        return row;
    if ((other->used & TCTL_HOT_USE) != TCTL_HOT_AGAIN)
        return other;
    row->used ^= TCTL_HOT_AGAIN ^ TCTL_HOT_ONCE;
    other->used ^= TCTL_HOT_AGAIN ^ TCTL_HOT_ONCE;
    return NULL;
}

/* NULL: there is none now. Who deletes changes rows, and nobody else does meanwhile. */
static __always_inline struct tctl_hot_row *find_place(struct tctl_hot *hot, __u32 place, struct hot_moves_value *moves)
{
    __u32 zero = 0, first = place % TCTL_HOT_CHUNK;
    const struct tctl_config *config = bpf_map_lookup_elem(&config_map, &zero);
    struct tctl_hot_row *row = &hot->row[first], *other = &hot->row[first ^ 1], *idle;

    if (row->used == TCTL_HOT_FREE)
        return row;
    if (other->used == TCTL_HOT_FREE)
        return other;
    if (!config || is_deleted_now(config))
        return NULL;
    idle = find_idle(row, other);
    return idle && may_cool(moves) ? idle : NULL;
}

/* Two locks in a row keep stores in their order on weakly ordered CPUs. */
static __always_inline void pass_lock(struct hot_moves_value *moves)
{
    bpf_spin_lock(&moves->lock);
    bpf_spin_unlock(&moves->lock);
}

static __always_inline void begin_move(struct hot_moves_value *moves)
{
    bpf_spin_lock(&moves->lock);
    moves->begun++;
    bpf_spin_unlock(&moves->lock);
    pass_lock(moves);
}

static __always_inline void end_move(struct hot_moves_value *moves)
{
    pass_lock(moves);
    bpf_spin_lock(&moves->lock);
    moves->ended++;
    bpf_spin_unlock(&moves->lock);
}

/* Under a number of its own, so that who has looked at the place before knows. */
static __always_inline void take_place(struct tctl_hot_row *row, const struct tctl_stats_key *key,
                                       struct hot_moves_value *moves)
{
    const struct tctl_stats_value none = {};
    __u64 turn = (row->used & ~(__u64)TCTL_HOT_USE) + TCTL_HOT_TURN;

    row->key = *key;
    row->value = none;
    pass_lock(moves);
    pass_lock(moves);
    *(volatile __u64 *)&row->used = turn | TCTL_HOT_ONCE;
}

/* A place for what will be counted under this key, whose rows are there. */
static __noinline int make_hot(const struct tctl_stats_key *key)
{
    __u32 zero = 0, place;
    struct hot_moves_value *moves = bpf_map_lookup_elem(&hot_moves_map, &zero);
    struct tctl_hot_row *row;
    struct tctl_hot *hot;

    if (!moves || !key)
        return 0;
    place = hot_place(key);
    hot = hot_here(place);
    row = hot ? find_place(hot, place, moves) : NULL;
    if (!row)
        return 0;
    begin_move(moves);
    if (!(row->used & TCTL_HOT_COUNTS) || give_to_rows(row))
        take_place(row, key, moves);
    end_move(moves);
    return 0;
}
