/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "rate.h"

#define SECOND_NS 1000000000

uint64_t rate_per_second(uint64_t before, uint64_t now, uint64_t elapsed_ns)
{
    uint64_t more = now >= before ? now - before : now;
    unsigned __int128 rate = (unsigned __int128)more * SECOND_NS / elapsed_ns;

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

uint64_t rate_sum(uint64_t one, uint64_t other)
{
    uint64_t sum;

    return __builtin_add_overflow(one, other, &sum) ? UINT64_MAX : sum;
}

struct tctl_counters rate_sums(const struct tctl_counters *one, const struct tctl_counters *other)
{
    return (struct tctl_counters){
        .rx_bytes = rate_sum(one->rx_bytes, other->rx_bytes),
        .rx_packets = rate_sum(one->rx_packets, other->rx_packets),
        .tx_bytes = rate_sum(one->tx_bytes, other->tx_bytes),
        .tx_packets = rate_sum(one->tx_packets, other->tx_packets),
    };
}
