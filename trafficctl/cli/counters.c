/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "counters.h"

uint64_t counters_plus(uint64_t one, uint64_t other)
{
    uint64_t sum;

    return __builtin_add_overflow(one, other, &sum) ? UINT64_MAX : sum;
}

void counters_add(struct tctl_counters *sum, const struct tctl_counters *more)
{
    sum->rx_bytes = counters_plus(sum->rx_bytes, more->rx_bytes);
    sum->rx_packets = counters_plus(sum->rx_packets, more->rx_packets);
    sum->tx_bytes = counters_plus(sum->tx_bytes, more->tx_bytes);
    sum->tx_packets = counters_plus(sum->tx_packets, more->tx_packets);
}

uint64_t counters_growth(uint64_t before, uint64_t now)
{
    return now >= before ? now - before : now;
}
