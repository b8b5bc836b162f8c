/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "counts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

void nft_counts_done(struct nft_counts *counts)
{
    nft_ifnames_done(&counts->names);
    for (size_t i = 0; i < NFT_KINDS; i++)
        nft_ledger_done(&counts->rows[i]);
}

void nft_counts_clear(struct nft_counts *counts)
{
    for (size_t i = 0; i < NFT_KINDS; i++)
        nft_ledger_clear(&counts->rows[i]);
    memset(counts->named, 0, sizeof(counts->named));
}

int nft_counts_add(struct nft_counts *to, const struct nft_counts *from)
{
    _cleanup_free_ uint32_t *numbers = NULL;
    int r = nft_ifnames_translate(&to->names, &from->names, &numbers);
    for (size_t i = 0; i < NFT_KINDS && r == 0; i++)
        r = nft_ledger_add_all(&to->rows[i], &from->rows[i], nft_kind_has_names(i) ? numbers : NULL);
    for (size_t i = 0; i < NFT_COUNTS; i++) {
        to->named[i].packets += from->named[i].packets;
        to->named[i].bytes += from->named[i].bytes;
    }
    return r;
}

static int reserve(struct stats_rows *rows, size_t count)
{
    if (rows->room - rows->count >= count)
        return 0;
    struct stats_row *grown = reallocarray(rows->rows, rows->count + count, sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    rows->rows = grown;
    rows->room = rows->count + count;
    return 0;
}

static struct tctl_stats_key key_in(enum tctl_stats_map which, const struct nft_ledger_row *row)
{
    return (struct tctl_stats_key){
        .uid = which == TCTL_IFACE_STATS ? 0 : row->uid,
        .iface_index = which == TCTL_APP_UID_STATS ? 0 : row->number,
    };
}

int nft_counts_stats(const struct nft_counts *counts, enum tctl_stats_map which, struct stats_rows *rows)
{
    const struct nft_ledger *from = &counts->rows[which == TCTL_IFACE_STATS ? NFT_IFACES : NFT_UIDS];
    const size_t count = which == TCTL_TAG_STATS ? 0 : from->count;
    int r = reserve(rows, count);
    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++)
        rows->rows[rows->count++] =
            (struct stats_row){.key = key_in(which, &from->rows[i]), .value = from->rows[i].value};
    return 0;
}
