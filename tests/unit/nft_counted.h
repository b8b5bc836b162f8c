/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Counts for tests of what carries them. Asserts with cmocka. */
#pragma once

#include "counts.h"

/* The row by name, made if there is none. */
struct tctl_stats_value *nft_counted(struct nft_counts *counts, enum nft_kind kind, uint32_t uid, const char *name);
/* The same for NFT_DROPS and NFT_REFUSED. */
struct tctl_stats_value *nft_counted_reason(struct nft_counts *counts, enum nft_kind kind, uint32_t uid,
                                            uint32_t reason);

/* Rows of each kind, in no order. */
void nft_counted_some(struct nft_counts *counts);

/* Both have the same rows, by names. */
void nft_counted_assert_equal(struct nft_counts *a, struct nft_counts *b);
