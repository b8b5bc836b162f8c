/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What there is of our table in the kernel now. Nothing else is asked for, and what others have is not read. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nft_rules.h"
#include "talk.h"

/* So many surplus rules are taken away at a time. */
#define NFT_SURPLUS 8

struct nft_chain_seen {
    const struct nft_place *place;
    bool exists;
    bool right;       /* the chain itself; the rest is about its rules */
    bool begun;       /* there is a first rule, behind which nothing else can keep ours from running */
    bool head;        /* it is ours */
    bool head_right;  /* and does what it has to do */
    uint32_t program; /* the id that it names */
    uint64_t handle;
    uint64_t surplus[NFT_SURPLUS]; /* handles of ours further down */
    size_t surplus_count;
};

struct nft_seen {
    uint32_t generation;
    bool exists;
    bool ours;
    uint32_t flags;
    uint32_t owner; /* portid; 0: nobody */
    struct nft_chain_seen chains[NFT_PLACES];
};

/* All from one ruleset. -EAGAIN: it changes faster than it can be read; errno of nft_talk_ask(). */
int nft_seen_read(struct nft_talk *owner, struct nft_seen *ret_seen);

/* Our rule is there once, in a chain that runs it, and names this program. */
bool nft_seen_runs(const struct nft_seen *seen, size_t place, uint32_t program);

/* Readers of one message, for mnl_cb_run(): into a struct nft_seen, and twice a struct nft_chain_seen. */
int nft_seen_table(const struct nlmsghdr *message, void *seen);
int nft_seen_chain(const struct nlmsghdr *message, void *chain);
int nft_seen_rule(const struct nlmsghdr *message, void *chain);
