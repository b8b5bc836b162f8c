/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Counts as bytes, in this machine's order: for other processes of this boot. */
#pragma once

#include "counts.h"

/* What a file of ours may have: more than a million rows. */
#define NFT_BLOCK_FILE_MAX (64 << 20)

size_t nft_block_size(const struct nft_counts *counts);

/* Write that many bytes; to is aligned to 8. Returns their end. */
void *nft_block_put(const struct nft_counts *counts, void *to);

/*
 * Read the counts at the beginning of size bytes at from, which is aligned to 8, into an empty *ret_counts, which the
 * caller ends also after a failure; *ret_used bytes are theirs. -EBADMSG: nft_block_put() writes nothing like it: cut
 * off, a name twice or without an end, a row twice or of no interface; -ENOMEM.
 */
int nft_block_parse(const void *from, size_t size, struct nft_counts *ret_counts, size_t *ret_used);
