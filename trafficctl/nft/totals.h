/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What every reader is told: what the table has counted on top of what was counted before it, row by row never less. */
#pragma once

#include "base.h"
#include "dumps.h"

/*
 * Kept between readings. A zeroed one knows nothing, and may be given a base that was saved before it reads. End it
 * with nft_totals_done().
 */
struct nft_totals {
    struct nft_dumps dumps;
    struct nft_base base;
};

void nft_totals_done(struct nft_totals *totals);

/*
 * Read the table, note it in the base, and give both together, into an empty *ret_counts, which the caller ends also
 * after a failure. where: boot and network namespace, and the handle of the
 * table that is meant, 0: any; another one is a copy, with counters that were counted already. *ret_there: is it there?
 * Without one it is the base alone, and no failure. Errors of nft_dumps_read(); -ENOMEM: totals is to be thrown away.
 */
int nft_totals_read(struct nft_totals *totals, const struct nft_dump_calls *calls, void *kernel,
                    const struct nft_base_table *where, bool *ret_there, struct nft_counts *ret_counts);
