/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "rate.h"

#include "counters.h"

#define SECOND_NS 1000000000

uint64_t rate_per_second(uint64_t before, uint64_t now, uint64_t elapsed_ns)
{
    unsigned __int128 rate = (unsigned __int128)counters_growth(before, now) * SECOND_NS / elapsed_ns;

    return rate > UINT64_MAX ? UINT64_MAX : (uint64_t)rate;
}

struct tctl_counters rate_of(const struct tctl_counters *before, const struct tctl_counters *now, uint64_t elapsed_ns)
{
    return (struct tctl_counters){
        .rx_bytes = rate_per_second(before->rx_bytes, now->rx_bytes, elapsed_ns),
        .rx_packets = rate_per_second(before->rx_packets, now->rx_packets, elapsed_ns),
        .tx_bytes = rate_per_second(before->tx_bytes, now->tx_bytes, elapsed_ns),
        .tx_packets = rate_per_second(before->tx_packets, now->tx_packets, elapsed_ns),
    };
}
