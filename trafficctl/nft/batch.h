/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Parts of a change of the ruleset, which take effect together or not at all: each packet sees all of it or nothing. */
#pragma once

#include <libmnl/libmnl.h>
#include <stddef.h>
#include <stdint.h>

#include "talk.h"

/* What one part may take, with its head. */
#define NFT_PART_SIZE 16384

struct nft_batch {
    struct nft_talk *talk;
    char *buffer;
    size_t size, room;
    size_t last;    /* where the last part begins */
    uint32_t first; /* sequence of the beginning */
};

/*
 * generation: holds only as long as the ruleset has this number; 0: whatever it has. End with nft_batch_done(), also
 * after a failure. -ENOMEM.
 */
int nft_batch_begin(struct nft_batch *batch, struct nft_talk *talk, uint32_t generation);
void nft_batch_done(struct nft_batch *batch);

/* The head of a part, to be filled with NFT_PART_SIZE at most and then ended, before the next. */
struct nlmsghdr *nft_batch_part(struct nft_batch *batch, uint16_t type, uint16_t flags);
/* -ENOMEM. */
int nft_batch_part_end(struct nft_batch *batch);

/*
 * Send all. *ret_part is the part that was refused, from 1 on, 0: the whole of it. -EAGAIN: the ruleset is another one
 * meanwhile, or answers were lost: look again. -EMSGSIZE: more than this process may send at once. Other errors are the
 * kernel's.
 */
int nft_batch_send(struct nft_batch *batch, uint32_t *ret_part);
/* Would it be taken? As nft_batch_send(), and nothing is done. */
int nft_batch_try(struct nft_batch *batch, uint32_t *ret_part);
