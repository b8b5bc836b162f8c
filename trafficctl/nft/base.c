/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "base.h"

#include <stdbool.h>
#include <string.h>

#include "cleanup.h"

void nft_base_done(struct nft_base *base)
{
    nft_counts_done(&base->carried);
    nft_counts_done(&base->last);
}

static bool is_same(const struct nft_base_table *a, const struct nft_base_table *b)
{
    return a->handle == b->handle && a->netns_inum == b->netns_inum &&
           strncmp(a->boot_id, b->boot_id, sizeof(a->boot_id)) == 0;
}

/* The last table is gone, and what was seen of it is all that there will be. */
static int carry(struct nft_base *base, const struct nft_base_table *table)
{
    int r = nft_counts_add(&base->carried, &base->last);
    if (r < 0)
        return r;
    nft_counts_clear(&base->last);
    base->unsaved = true;
    base->table = *table;
    return 0;
}

/* One direction of a row. */
struct way {
    __u64 *packets, *bytes;
};

static struct way way_in(struct tctl_stats_value *value)
{
    return (struct way){&value->rx_packets, &value->rx_bytes};
}

static struct way way_out(struct tctl_stats_value *value)
{
    return (struct way){&value->tx_packets, &value->tx_bytes};
}

/*
 * Zeroes are no counter: sets of either direction have their own rows, and others may have taken this one away. Less
 * than before: it was set back, and what it had is carried.
 */
static void note_way(struct way carried, struct way last, struct way read)
{
    if (*read.packets == 0 && *read.bytes == 0)
        return;
    if (*read.packets < *last.packets || *read.bytes < *last.bytes) {
        *carried.packets += *last.packets;
        *carried.bytes += *last.bytes;
    }
    *last.packets = *read.packets;
    *last.bytes = *read.bytes;
}

static void note_value(struct tctl_stats_value *carried, struct tctl_stats_value *last, struct tctl_stats_value read)
{
    note_way(way_in(carried), way_in(last), way_in(&read));
    note_way(way_out(carried), way_out(last), way_out(&read));
}

static void note_named(struct nft_counter *carried, struct nft_counter *last, struct nft_counter read)
{
    note_way((struct way){&carried->packets, &carried->bytes}, (struct way){&last->packets, &last->bytes},
             (struct way){&read.packets, &read.bytes});
}

/* Numbers of interfaces in the three of them. NULL: numbers are reasons. */
struct numbers {
    uint32_t *carried, *last;
};

static void numbers_done(struct numbers *numbers)
{
    free(numbers->carried);
    free(numbers->last);
}

static bool is_zero(const struct tctl_stats_value *value)
{
    static const struct tctl_stats_value zero;
    return memcmp(value, &zero, sizeof(zero)) == 0;
}

/* 1: something was carried. */
static int note_row(struct nft_ledger *carried, struct nft_ledger *last, const struct numbers *numbers,
                    const struct nft_ledger_row *read)
{
    struct tctl_stats_value set_back = {0};
    struct nft_ledger_row *row;
    int r = nft_ledger_make(last, read->uid, numbers->last ? numbers->last[read->number] : read->number, &row);
    if (r < 0)
        return r;
    note_value(&set_back, &row->value, read->value);
    if (is_zero(&set_back))
        return 0;
    r = nft_ledger_add(carried, read->uid, numbers->carried ? numbers->carried[read->number] : read->number, &set_back);
    return r < 0 ? r : 1;
}

static int note_rows(struct nft_ledger *carried, struct nft_ledger *last, const struct numbers *numbers,
                     const struct nft_ledger *read)
{
    int r = 0, any = 0;
    for (size_t i = 0; i < read->count && r >= 0; i++) {
        r = note_row(carried, last, numbers, &read->rows[i]);
        any |= r;
    }
    return r < 0 ? r : any;
}

static int note_counts(struct nft_counts *carried, struct nft_counts *last, const struct nft_counts *read)
{
    static const struct numbers reasons;
    _cleanup_(numbers_done) struct numbers numbers = {0};
    int any = 0, r = nft_ifnames_translate(&carried->names, &read->names, &numbers.carried);
    if (r == 0)
        r = nft_ifnames_translate(&last->names, &read->names, &numbers.last);
    for (size_t i = 0; i < NFT_KINDS && r >= 0; i++) {
        r = note_rows(&carried->rows[i], &last->rows[i], nft_kind_has_names(i) ? &numbers : &reasons, &read->rows[i]);
        any |= r;
    }
    for (size_t i = 0; i < NFT_COUNTS; i++)
        note_named(&carried->named[i], &last->named[i], read->named[i]);
    return r < 0 ? r : any;
}

int nft_base_note(struct nft_base *base, const struct nft_base_table *table, const struct nft_counts *read)
{
    int r = is_same(&base->table, table) ? 0 : carry(base, table);
    if (r == 0)
        r = note_counts(&base->carried, &base->last, read);
    base->unsaved |= r > 0;
    return r < 0 ? r : 0;
}

int nft_base_total(const struct nft_base *base, struct nft_counts *ret_counts)
{
    int r = nft_counts_add(ret_counts, &base->carried);
    return r < 0 ? r : nft_counts_add(ret_counts, &base->last);
}
