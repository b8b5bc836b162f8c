/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "block.h"

#include <errno.h>
#include <string.h>

/* Names and rows follow, in this order. */
struct head {
    uint64_t names, rows[NFT_KINDS]; /* how many */
    struct nft_counter named[NFT_COUNTS];
};

struct row {
    uint32_t uid, number;
    struct tctl_stats_value value;
};
_Static_assert(sizeof(struct row) == 40 && sizeof(struct head) % 8 == 0, "no padding, all aligned");

struct bytes {
    const char *at;
    size_t left;
};

size_t nft_block_size(const struct nft_counts *counts)
{
    size_t rows = 0;
    for (size_t i = 0; i < NFT_KINDS; i++)
        rows += counts->rows[i].count;
    return sizeof(struct head) + counts->names.count * TCTL_IFNAME_LEN + rows * sizeof(struct row);
}

static struct row *put_rows(const struct nft_ledger *ledger, struct row *to)
{
    for (size_t i = 0; i < ledger->count; i++) {
        const struct nft_ledger_row *row = &ledger->rows[i];
        *to++ = (struct row){row->uid, row->number, row->value};
    }
    return to;
}

void *nft_block_put(const struct nft_counts *counts, void *to)
{
    const size_t names = counts->names.count * TCTL_IFNAME_LEN;
    struct head *head = to;
    *head = (struct head){.names = counts->names.count};
    memcpy(head->named, counts->named, sizeof(head->named));
    if (names)
        memcpy(head + 1, counts->names.all, names);
    struct row *rows = (struct row *)((char *)(head + 1) + names);
    for (size_t i = 0; i < NFT_KINDS; i++) {
        head->rows[i] = counts->rows[i].count;
        rows = put_rows(&counts->rows[i], rows);
    }
    return rows;
}

/* NULL: there are not so many. */
static const void *take(struct bytes *bytes, uint64_t count, size_t size)
{
    const char *at = bytes->at;
    if (count > bytes->left / size)
        return NULL;
    bytes->at += count * size;
    bytes->left -= count * size;
    return at;
}

static int take_names(struct bytes *bytes, uint64_t count, struct nft_ifnames *names)
{
    const char(*from)[TCTL_IFNAME_LEN] = take(bytes, count, sizeof(*from));
    if (!from)
        return -EBADMSG;
    for (uint64_t i = 0; i < count; i++) {
        uint32_t number = 0;
        int r = nft_ifnames_number(names, from[i], &number);
        if (r < 0)
            return r;
        /* Empty, or there already; without an end, or more than zeroes behind it. */
        if (number != i + 1 || memcmp(names->all[i], from[i], sizeof(*from)) != 0)
            return -EBADMSG;
    }
    return 0;
}

/* Numbers are below limit. */
static int take_rows(struct bytes *bytes, uint64_t count, uint64_t limit, struct nft_ledger *ledger)
{
    const struct row *from = take(bytes, count, sizeof(*from));
    if (!from)
        return -EBADMSG;
    for (uint64_t i = 0; i < count; i++) {
        struct nft_ledger_row *row;
        if (from[i].number >= limit)
            return -EBADMSG;
        int r = nft_ledger_make(ledger, from[i].uid, from[i].number, &row);
        if (r <= 0)
            return r < 0 ? r : -EBADMSG;
        row->value = from[i].value;
    }
    return 0;
}

static int take_kind(struct bytes *bytes, uint64_t count, enum nft_kind kind, struct nft_counts *counts)
{
    struct nft_ledger *rows = &counts->rows[kind];
    int r = take_rows(bytes, count, nft_kind_has_names(kind) ? counts->names.count + 1 : UINT64_MAX, rows);
    for (size_t i = 0; kind == NFT_IFACES && i < rows->count && r == 0; i++)
        if (rows->rows[i].uid != 0)
            r = -EBADMSG;
    return r;
}

int nft_block_parse(const void *from, size_t size, struct nft_counts *ret_counts, size_t *ret_used)
{
    struct bytes bytes = {from, size};
    const struct head *head = take(&bytes, 1, sizeof(*head));
    if (!head)
        return -EBADMSG;
    int r = take_names(&bytes, head->names, &ret_counts->names);
    for (size_t i = 0; i < NFT_KINDS && r == 0; i++)
        r = take_kind(&bytes, head->rows[i], i, ret_counts);
    if (r < 0)
        return r;
    memcpy(ret_counts->named, head->named, sizeof(head->named));
    *ret_used = size - bytes.left;
    return 0;
}
