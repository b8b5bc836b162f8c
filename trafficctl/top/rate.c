/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "rate.h"

#include <stdlib.h>

static uint64_t per_second(uint64_t before, uint64_t now, uint64_t elapsed_ns)
{
    uint64_t more = now >= before ? now - before : now;

    return (unsigned __int128)more * 1000000000 / elapsed_ns;
}

struct tctl_counters rate_of(const struct tctl_counters *before, const struct tctl_counters *now, uint64_t elapsed_ns)
{
    return (struct tctl_counters){
        .rx_bytes = per_second(before->rx_bytes, now->rx_bytes, elapsed_ns),
        .rx_packets = per_second(before->rx_packets, now->rx_packets, elapsed_ns),
        .tx_bytes = per_second(before->tx_bytes, now->tx_bytes, elapsed_ns),
        .tx_packets = per_second(before->tx_packets, now->tx_packets, elapsed_ns),
    };
}

static int compare_uid(const void *key, const void *member)
{
    uint32_t uid = *(const uint32_t *)key;
    const struct tctl_uid_row *row = member;

    return (uid > row->uid) - (uid < row->uid);
}

struct tctl_counters rate_find(const struct tctl_uid_row *rows, size_t count, uint32_t uid)
{
    const struct tctl_uid_row *row = count ? bsearch(&uid, rows, count, sizeof(*rows), compare_uid) : NULL;

    return row ? row->counters : (struct tctl_counters){0};
}
