/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Counting sets read whole. The kernel walks over a set while packets add rows to it, and may leave out some and give
 * some twice: so a set is dumped until one dump has neither new rows nor double ones nor lacks any, four times at most,
 * and all that came is taken together. Who reads again needs one dump where nothing is new.
 */
#pragma once

#include "counting.h"
#include "counts.h"

/* What is asked; a test gives a kernel of its own. Errors are those of counting.h. */
struct nft_dump_calls {
    int (*table)(void *kernel, uint64_t *ret_handle);
    int (*set)(void *kernel, enum nft_set set, nft_counted_fn take, void *context);
    int (*counter)(void *kernel, enum nft_count count, struct nft_counter *ret_counter);
};

/* The running kernel's; kernel is a struct nft_talk. */
extern const struct nft_dump_calls nft_dump_kernel;

/* What is known from the last reading of the same table. A zeroed one knows nothing; end it with nft_dumps_done(). */
struct nft_dumps {
    uint64_t handle; /* of the table */
    uint64_t dump;   /* number of the last dump */
    struct nft_ifnames names;
    struct nft_ledger sets[NFT_SETS - NFT_SET_COUNTING];
};

void nft_dumps_done(struct nft_dumps *dumps);

/*
 * Read the table: *ret_handle says which it was, and *ret_counts, which is empty and which the caller ends also after a
 * failure, what it has counted. -ENOENT: there is no table, or it is not whole; -EAGAIN: tables take turns; -EBADMSG: a
 * set has other keys than ours; -EPERM, -ENOMEM, other errors of nft_talk_ask().
 */
int nft_dumps_read(struct nft_dumps *dumps, const struct nft_dump_calls *calls, void *kernel, uint64_t *ret_handle,
                   struct nft_counts *ret_counts);
