/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What is known of a UID, which all its sockets share: asked of the pinned maps once, kept by UID, taken from there as
 * answers are from a socket's storage: while the generation is the same and it is less than 100 ms old.
 */
#pragma once

#include "kernel.bpf.h"
#include "rules.bpf.h"

#define KNOWN_UIDS 1024

/* Words of a UID that was asked about, each with the stamp of who wrote it, as the words of an answer. */
enum known_word {
    KNOWN_UID,   /* and its drops << 32 */
    KNOWN_IFACE, /* and its set << 32 */
    KNOWN_GENERATION,
    KNOWN_MADE,
    KNOWN_WORDS,
};

struct known_uid {
    struct bpf_spin_lock lock;
    __u32 pad;
    __u64 word[KNOWN_WORDS];
};

/* w, r P; of no use to others. Where two UIDs meet, the one asked about last is known */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, KNOWN_UIDS);
    __type(key, __u32);
    __type(value, struct known_uid);
} known_uids SEC(".maps");

/* When and by what somebody asks. */
struct asking {
    __u64 generation; /* read before any map: a change in between makes the answer old */
    __u64 made;       /* jiffies of the oldest thing that went into the answer */
    __u32 after;      /* 0, known when that was read: whatever is looked up with it is read after */
};

static __always_inline bool recall_uid(const struct known_uid *known, __u32 uid, struct asking *asking, __u64 *ret)
{
    const volatile __u64 *word = known->word;
    __u64 first = word[KNOWN_UID], iface = word[KNOWN_IFACE], made = word[KNOWN_MADE];
    __u64 generation = word[KNOWN_GENERATION];

    if (((first ^ iface) | (first ^ made) | (first ^ generation)) >> STAMP_SHIFT)
        return false;
    if ((__u32)first != uid || (generation & PAYLOAD) != asking->generation)
        return false;
    made &= PAYLOAD;
    if (((bpf_jiffies64() - made) & PAYLOAD) >= kernel.answer_ticks)
        return false;
    if (made < asking->made)
        asking->made = made;
    *ret = (__u16)(first >> 32) | (iface >> 32 & 0xff) << 16 | iface << 32;
    return true;
}

static __always_inline void keep_uid(struct known_uid *known, __u32 uid, const struct asking *asking, __u64 number)
{
    volatile __u64 *word = known->word;
    __u64 stamp;

    bpf_spin_lock(&known->lock);
    stamp = ((word[KNOWN_UID] >> STAMP_SHIFT) + 1) << STAMP_SHIFT;
    word[KNOWN_UID] = uid | (__u64)UID_DROPS(number) << 32 | stamp;
    word[KNOWN_IFACE] = UID_IFACE(number) | (__u64)UID_SET(number) << 32 | stamp;
    word[KNOWN_GENERATION] = asking->generation | stamp;
    word[KNOWN_MADE] = asking->made | stamp;
    bpf_spin_unlock(&known->lock);
}

static __noinline __u64 learn_uid(__u32 uid, const struct asking *asking, struct known_uid *known)
{
    __u64 number = settle_uid(uid);

    if (known)
        keep_uid(known, uid, asking, number);
    return number;
}

/* As read_uid() gives it. What is known for a while makes the answer as old. */
static __always_inline __u64 ask_uid(__u32 uid, struct asking *asking)
{
    __u32 place = (uid | asking->after) % KNOWN_UIDS;
    struct known_uid *known = bpf_map_lookup_elem(&known_uids, &place);
    __u64 number = 0;

    return known && recall_uid(known, uid, asking, &number) ? number : learn_uid(uid, asking, known);
}
