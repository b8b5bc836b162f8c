/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A change of the firewall in the table: first what differs, and nothing is written; then all of it in one step. */
#pragma once

#include "sets.h"

struct nft_stage {
    uint32_t generation; /* of the ruleset that it was made for */
    uint32_t switched;   /* TCTL_BIT() of what is on then, TCTL_CLOSED too */
    struct nft_elements gone[NFT_SET_COUNTING], made[NFT_SET_COUNTING];
};

/*
 * What has to be done so that the table holds this. *ret_stage is the caller's. -ENOENT: a set is not there; -EAGAIN:
 * the ruleset changed meanwhile; -EBADMSG, -ENOMEM.
 */
int nft_stage_prepare(struct nft_talk *talk, const struct nft_held *held, struct nft_stage *ret_stage);
void nft_stage_done(struct nft_stage *stage);

/* Does it change anything? */
bool nft_stage_is_empty(const struct nft_stage *stage);

/*
 * Do it: sets, and the chains of rules if something is switched. -EAGAIN: the ruleset is another one by now, and
 * nothing was done; -ENOENT: a chain is not there; -ENOMEM; the kernel's errno.
 */
int nft_stage_commit(struct nft_talk *talk, const struct tctl_config *config, const struct nft_stage *stage);
