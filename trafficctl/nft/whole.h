/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What there is of our table in the kernel now: is it ours, and is it whole? */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "judge.h"
#include "sets.h"

enum nft_found {
    NFT_MISSING,
    NFT_WRONG, /* there is something of that name */
    NFT_RIGHT,
};

struct nft_whole {
    uint32_t generation;
    bool exists, ours;
    bool copy; /* another one than was put: somebody has restored what nft had listed. Its counters are no new ones */
    bool dormant;    /* somebody has put it to sleep */
    uint64_t handle; /* of this table alone, until it goes; 0: the kernel gives none */
    uint32_t switched;
    enum nft_found sets[NFT_SETS], counts[NFT_COUNTS], chains[NFT_CHAINS];
    bool rules[NFT_CHAINS]; /* just ours are in the chain */
    bool judged;            /* app_uids are those asked for */
};

/* All rules that there have to be. false: no memory; end *rules in any case. */
bool nft_whole_rules(const struct tctl_config *config, uint32_t switched, struct nft_rules *rules);

/*
 * All from one ruleset. -EAGAIN: it changes faster than it can be read; -E2BIG, -ENOMEM as nft_ranges(); errno of
 * nft_talk_ask().
 */
int nft_whole_look(struct nft_talk *talk, const struct tctl_config *config, struct nft_whole *ret_whole);

/* Only whether there is a table, whether it is ours, and its sets. Errors as above. */
int nft_whole_find(struct nft_talk *talk, struct nft_whole *ret_whole);

/* 1 << enum tctl_program of what would do the same where BPF counts: its base chain is there, with our rules. */
uint32_t nft_whole_attached(const struct nft_whole *whole);

/* Note whether it is a copy. made: the handle of the table that was put, 0: none was. */
void nft_whole_compare(struct nft_whole *whole, uint64_t made);

/* Nothing is missing, nothing is other than we make it, and as far as was compared it is no copy. */
bool nft_whole_is(const struct nft_whole *whole);
