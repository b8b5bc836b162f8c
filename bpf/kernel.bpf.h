/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Reading the kernel's own structs at offsets that the loader took from its BTF. Without BTF every offset is
 * TCTL_NO_OFFSET: the reads answer false, and the verifier prunes them, so that one object serves both kinds of kernel.
 */
#pragma once

#include <stdbool.h>

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "traffic_abi.h"

const volatile struct tctl_kernel kernel = {};

/* Copy a member of the kernel struct at base. False: unknown here, or base is no valid address. */
#define PEEK(to, base, member)                                                                                         \
    (kernel.member.offset != TCTL_NO_OFFSET &&                                                                         \
     !bpf_probe_read_kernel((to), sizeof(*(to)), (const void *)(base) + kernel.member.offset))

/* The same without a call, where the verifier knows what base is. What cannot be read is 0. */
#define LOAD(to, base, member)                                                                                         \
    (kernel.member.offset != TCTL_NO_OFFSET &&                                                                         \
     (*(to) = *(typeof(*(to)) volatile const *)((const void *)(base) + kernel.member.offset), true))

/* The same for a bit-field too: *to is as wide as the member, or as the smallest whole number that the bits lie in. */
#define PEEK_BITS(to, base, member)                                                                                    \
    ({                                                                                                                 \
        bool ok_ = PEEK(to, base, member);                                                                             \
        if (ok_ && kernel.member.bits)                                                                                 \
            *(to) = (*(to) >> kernel.member.shift) & ((1ULL << kernel.member.bits) - 1);                               \
        ok_;                                                                                                           \
    })
