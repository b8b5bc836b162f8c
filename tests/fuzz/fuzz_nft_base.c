/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Whatever bytes are in the file of saved counters: they are none, or they can be told and gone on with. */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void go_on(struct nft_base *base)
{
    const struct nft_base_table other = {.handle = base->table.handle + 1};
    struct nft_counts total = {0}, again = {0};
    int r = nft_base_total(base, &total);
    assert(r == 0);
    r = nft_base_note(base, &other, &total);
    assert(r == 0);
    r = nft_base_total(base, &again);
    assert(r == 0);
    for (size_t i = 0; i < NFT_KINDS; i++)
        assert(again.rows[i].count == total.rows[i].count);
    nft_counts_done(&total);
    nft_counts_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nft_base base = {0};
    void *copy = malloc(size ? size : 1); /* aligned as what is read, and of exactly that size */
    assert(copy);
    memcpy(copy, data, size);
    int r = nft_base_parse(copy, size, &base);
    assert(r == 0 || r == -EBADMSG || r == -EPROTO);
    if (r == 0)
        go_on(&base);
    nft_base_done(&base);
    free(copy);
    return 0;
}
