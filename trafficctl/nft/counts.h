/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* All that the table counts, as values: of one reading, of tables that are gone, of both together. */
#pragma once

#include <stdbool.h>

#include <stats.h>

#include "ifnames.h"
#include "ledger.h"
#include "schema.h"

struct nft_counter {
    __u64 packets, bytes;
};

enum nft_kind {
    NFT_UIDS,    /* by UID and interface */
    NFT_IFACES,  /* by interface, also what has no owner and what is forwarded; UID 0 */
    NFT_DROPS,   /* by UID and reason */
    NFT_REFUSED, /* connects refused, by UID and reason: tx_packets alone */
    NFT_KINDS,
};

static inline bool nft_kind_has_names(enum nft_kind kind)
{
    return kind == NFT_UIDS || kind == NFT_IFACES;
}

/* A zeroed one is empty; end it with nft_counts_done(). rx is what came in, tx what went out. */
struct nft_counts {
    struct nft_ifnames names; /* of the numbers in rows of interfaces */
    struct nft_ledger rows[NFT_KINDS];
    struct nft_counter named[NFT_COUNTS];
};

void nft_counts_done(struct nft_counts *counts);

/* Without rows; names and memory are kept. */
void nft_counts_clear(struct nft_counts *counts);

/* Add the rows of another one, by names. -ENOMEM: a part is added. */
int nft_counts_add(struct nft_counts *to, const struct nft_counts *from);

/*
 * Add to rows what one of the maps would have where BPF counts: an interface's number is that of names, and a key of
 * TCTL_APP_UID_STATS may be there more than once. Tags are not counted: TCTL_TAG_STATS has no rows. -ENOMEM.
 */
int nft_counts_stats(const struct nft_counts *counts, enum tctl_stats_map which, struct stats_rows *rows);
