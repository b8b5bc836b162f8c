/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Our chain in the bytes of a table, as the kernel gives them. Pure: nothing is asked of the kernel. */
#pragma once

#include <stddef.h>

#include "legacy_place.h"

struct legacy_blob {
    void *entries; /* of struct ipt_entry or ip6t_entry */
    size_t size;
    size_t first, policy; /* offsets of the built-in chain's first rule and of its policy */
};

struct legacy_found {
    bool chain;         /* one of our name is there */
    bool empty;         /* it has no rules */
    bool runs;          /* what is in it is what we put: nothing but IPsec is let by, then the program runs */
    unsigned int jumps; /* from the built-in chain, of every packet */
    bool referenced;    /* other rules jump there too */
};

/* *ret is untouched on failure. -EBADMSG: these are no entries of a table. */
int legacy_entries_find(const struct legacy_blob *blob, const struct legacy_wanted *wanted, struct legacy_found *ret);

/* Every packet runs through the program, once. */
static inline bool legacy_found_is_right(const struct legacy_found *found)
{
    return found->chain && found->runs && found->jumps == 1;
}
