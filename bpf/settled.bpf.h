/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Reading rows that are replaced meanwhile. A hash map's element is reused at once: between finding it and reading it
 * it may become another key's; and a look-up on its way through a bucket may miss a row that was just replaced.
 *
 * Writers raise the generation after they wrote, and write a row once in between. So while the generation stands still
 * a row is replaced once at most, of two readings one at most is wrong, and two that agree are right.
 */
#pragma once

#include "maps.bpf.h"

/* An answer's words: what they say, and above it the stamp of who wrote them. */
#define STAMP_SHIFT 48
#define PAYLOAD ((1ULL << STAMP_SHIFT) - 1)
#define MOST_READINGS 32
#define UNREADABLE (~0ULL) /* a reading that says itself that it is wrong */

/* 0, which a CPU that loads out of order does not know before it has read. */
static __always_inline __u32 zero_after(__u64 read)
{
    asm volatile("%0 ^= %0" : "+r"(read));
    return read;
}

static __always_inline __u64 read_generation(__u32 zero)
{
    const volatile __u64 *generation = bpf_map_lookup_elem(&generation_map, &zero);

    return generation ? *generation & PAYLOAD : 0;
}

static __always_inline __u64 current_generation(void)
{
    return read_generation(0);
}

/*
 * What read(key), a __u64, says twice in a row with the generation the same. Where that never stands still it is what
 * was last said twice in a row, be it with another generation, which an interrupt at each of the two can make wrong.
 * otherwise: no two agreed.
 */
#define SETTLED(read, key, otherwise)                                                                                  \
    ({                                                                                                                 \
        __u64 settled_ = (otherwise);                                                                                  \
        for (int i_ = 0; i_ < MOST_READINGS; i_++) {                                                                   \
            __u64 generation_ = current_generation();                                                                  \
            __u64 first_ = read((key) | zero_after(generation_)), second_ = read((key) | zero_after(first_));          \
            if (first_ != second_ || first_ == UNREADABLE)                                                             \
                continue;                                                                                              \
            settled_ = first_;                                                                                         \
            if (read_generation(zero_after(second_)) == generation_)                                                   \
                break;                                                                                                 \
        }                                                                                                              \
        settled_;                                                                                                      \
    })
