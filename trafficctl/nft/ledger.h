/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Counters by UID and a number: as many rows as there is memory for, in the order in which they came, found by hash. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <traffic_abi.h>

struct nft_ledger_row {
    uint32_t uid;    /* 0 where rows are nobody's */
    uint32_t number; /* of an interface's name, or enum tctl_reason */
    uint64_t mark;   /* its owner's; 0 in a new row */
    struct tctl_stats_value value;
};

/* A zeroed one is empty; end it with nft_ledger_done(). */
struct nft_ledger {
    struct nft_ledger_row *rows;
    size_t count, room;
    uint32_t *slots; /* 1 + the place of a row, 0 for none; twice the room, a power of two */
};

void nft_ledger_done(struct nft_ledger *ledger);

/* Without rows; the memory is kept. */
void nft_ledger_clear(struct nft_ledger *ledger);

/* NULL: there is none. Valid until a row is made. */
struct nft_ledger_row *nft_ledger_find(const struct nft_ledger *ledger, uint32_t uid, uint32_t number);

/* Find it, or make one of zeroes: 0, 1. -ENOMEM. */
int nft_ledger_make(struct nft_ledger *ledger, uint32_t uid, uint32_t number, struct nft_ledger_row **ret_row);

/* Forget the rows whose mark is below this one. */
void nft_ledger_forget(struct nft_ledger *ledger, uint64_t mark);

/* Add to a row, which is made if there is none. -ENOMEM. */
int nft_ledger_add(struct nft_ledger *ledger, uint32_t uid, uint32_t number, const struct tctl_stats_value *value);

/* Add all rows of another one. numbers: what its numbers are here; NULL: what they are there. -ENOMEM: some are added.
 */
int nft_ledger_add_all(struct nft_ledger *ledger, const struct nft_ledger *from, const uint32_t *numbers);

static inline void nft_value_add(struct tctl_stats_value *sum, const struct tctl_stats_value *value)
{
    sum->rx_packets += value->rx_packets;
    sum->rx_bytes += value->rx_bytes;
    sum->tx_packets += value->tx_packets;
    sum->tx_bytes += value->tx_bytes;
}
