/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Whatever bytes come as readings: they are none, or written again they are the same bytes. */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "block.h"
#include "snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Counts are the end of a snapshot. */
static void check(const struct nft_snapshot *snapshot, const uint8_t *data, size_t size)
{
    const size_t length = nft_block_size(&snapshot->counts);
    uint8_t *again = malloc(length);
    assert(again && length < size);
    nft_block_put(&snapshot->counts, again);
    for (size_t i = 0; i < snapshot->counts.rows[NFT_UIDS].count; i++)
        assert(nft_ifnames_name(&snapshot->counts.names, snapshot->counts.rows[NFT_UIDS].rows[i].number));
    assert(memcmp(again, data + size - length, length) == 0);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nft_snapshot snapshot = {0};
    void *copy = malloc(size ? size : 1); /* aligned as memory of a file is, and of exactly that size */
    assert(copy);
    memcpy(copy, data, size);
    int r = nft_snapshot_parse(copy, size, &snapshot);
    assert(r == 0 || r == -EBADMSG || r == -EPROTO);
    if (r == 0)
        check(&snapshot, data, size);
    nft_snapshot_done(&snapshot);
    free(copy);
    return 0;
}
