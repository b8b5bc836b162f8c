/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Rules as parts of a batch. */
#pragma once

#include "batch.h"
#include "expr.h"

/* All of them, each at the end of its chain. -ENOMEM. */
int nft_rules_put(struct nft_batch *batch, const struct nft_rules *rules);
/* Take all rules of a chain away. -ENOMEM. */
int nft_rules_clear(struct nft_batch *batch, enum nft_chain chain);
