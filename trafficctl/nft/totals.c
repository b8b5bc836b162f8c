/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "totals.h"

#include <errno.h>

#include "cleanup.h"

void nft_totals_done(struct nft_totals *totals)
{
    nft_dumps_done(&totals->dumps);
    nft_base_done(&totals->base);
}

int nft_totals_read(struct nft_totals *totals, const struct nft_dump_calls *calls, void *kernel,
                    const struct nft_base_table *where, bool *ret_there, struct nft_counts *ret_counts)
{
    _cleanup_(nft_counts_done) struct nft_counts read = {0};
    struct nft_base_table table = *where;
    int r = nft_dumps_read(&totals->dumps, calls, kernel, &table.handle, &read);
    if (r == 0 && where->handle && table.handle != where->handle)
        r = -ENOENT;
    const bool there = r != -ENOENT;
    if (r == 0)
        r = nft_base_note(&totals->base, &table, &read);
    if (r == 0 || !there)
        r = nft_base_total(&totals->base, ret_counts);
    if (r < 0)
        return r;
    *ret_there = there;
    return 0;
}
