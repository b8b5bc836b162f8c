/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The table's sets in the kernel: parts of a batch that make, fill and clear them; and what is in them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "batch.h"
#include "elements.h"

/* So many rows each; those of the firewall's own sets have no bound. */
struct nft_sizes {
    uint32_t users; /* sent, received */
    uint32_t ifaces;
    uint32_t drops;
};

/* Parts; -ENOMEM. That a set is gone or full is said when the batch is sent. */
int nft_sets_make(struct nft_batch *batch, enum nft_set set, const struct nft_sizes *sizes);
int nft_sets_delete(struct nft_batch *batch, enum nft_set set);
int nft_sets_clear(struct nft_batch *batch, enum nft_set set);
int nft_sets_add(struct nft_batch *batch, enum nft_set set, const struct nft_elements *elements);
int nft_sets_remove(struct nft_batch *batch, enum nft_set set, const struct nft_elements *elements);

/* Is this message (NFT_MSG_NEWSET) about a set as we make it? Its size aside, which stays as long as the set. */
bool nft_sets_is_right(const struct nlmsghdr *message, enum nft_set set);
/* Does the set say of itself that the table is ours? */
bool nft_sets_is_ours(const struct nlmsghdr *message);

/*
 * What is in a set that is none of the counters. -ENOENT: no such set; -EINTR: it changed meanwhile; -EBADMSG: nobody
 * but a stranger wrote such a thing.
 */
int nft_sets_read(struct nft_talk *talk, enum nft_set set, struct nft_elements *ret_elements);

/* The whole firewall, of one ruleset, *ret_generation. *ret_held is the caller's. -EAGAIN: it changes all the time. */
int nft_sets_read_held(struct nft_talk *talk, struct nft_held *ret_held, uint32_t *ret_generation);
