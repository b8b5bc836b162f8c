/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "nft_counted.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct tctl_stats_value *row(struct nft_counts *counts, enum nft_kind kind, uint32_t uid, uint32_t number)
{
    struct nft_ledger_row *found = NULL;
    assert_true(nft_ledger_make(&counts->rows[kind], uid, number, &found) >= 0);
    return &found->value;
}

struct tctl_stats_value *nft_counted(struct nft_counts *counts, enum nft_kind kind, uint32_t uid, const char *name)
{
    char padded[TCTL_IFNAME_LEN];
    uint32_t number;
    snprintf(padded, sizeof(padded), "%s", name);
    assert_int_equal(nft_ifnames_number(&counts->names, padded, &number), 0);
    return row(counts, kind, uid, number);
}

struct tctl_stats_value *nft_counted_reason(struct nft_counts *counts, enum nft_kind kind, uint32_t uid,
                                            uint32_t reason)
{
    return row(counts, kind, uid, reason);
}

void nft_counted_some(struct nft_counts *counts)
{
    static const char *const NAMES[] = {"wlan0", "lo", "a-longest-name0", ""};
    for (uint32_t i = 0; i < 100; i++)
        *nft_counted(counts, NFT_UIDS, 10000 + i / 3, NAMES[i % 4]) =
            (struct tctl_stats_value){.rx_packets = i, .rx_bytes = 40 * i, .tx_packets = 2 * i, .tx_bytes = 100 * i};
    *nft_counted(counts, NFT_IFACES, 0, "eth0") = (struct tctl_stats_value){1, 2, 3, 4};
    *nft_counted_reason(counts, NFT_DROPS, 10057, TCTL_STANDBY) =
        (struct tctl_stats_value){.tx_packets = 7, .tx_bytes = 700};
    *nft_counted_reason(counts, NFT_REFUSED, 10057, TCTL_STANDBY) = (struct tctl_stats_value){.tx_packets = 2};
    for (size_t i = 0; i < NFT_COUNTS; i++)
        counts->named[i] = (struct nft_counter){i + 1, 100 * i};
}

static void assert_equal_rows(const struct nft_counts *a, struct nft_counts *b, enum nft_kind kind)
{
    const struct nft_ledger *rows = &a->rows[kind];
    assert_int_equal(rows->count, b->rows[kind].count);
    for (size_t i = 0; i < rows->count; i++) {
        const struct nft_ledger_row *one = &rows->rows[i];
        const struct tctl_stats_value *other =
            nft_kind_has_names(kind) ? nft_counted(b, kind, one->uid, nft_ifnames_name(&a->names, one->number))
                                     : nft_counted_reason(b, kind, one->uid, one->number);
        assert_memory_equal(&one->value, other, sizeof(*other));
    }
    assert_int_equal(rows->count, b->rows[kind].count); /* none was made */
}

void nft_counted_assert_equal(struct nft_counts *a, struct nft_counts *b)
{
    for (size_t i = 0; i < NFT_KINDS; i++)
        assert_equal_rows(a, b, i);
    assert_memory_equal(a->named, b->named, sizeof(a->named));
}
