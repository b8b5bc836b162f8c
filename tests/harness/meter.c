/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "cleanup.h"
#include "inside.h"
#include "meter.h"

/* A softirq on the other CPU may still be at work when the last process has ended; nothing needs more than this. */
#define SETTLE_MS 1000
#define EVENT_MS 3000

static void pause_2ms(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

struct tctl_counters counters_less(struct tctl_counters a, struct tctl_counters b)
{
    return (struct tctl_counters){
        .rx_bytes = a.rx_bytes - b.rx_bytes,
        .rx_packets = a.rx_packets - b.rx_packets,
        .tx_bytes = a.tx_bytes - b.tx_bytes,
        .tx_packets = a.tx_packets - b.tx_packets,
    };
}

static bool counters_equal(struct tctl_counters a, struct tctl_counters b)
{
    return a.rx_bytes == b.rx_bytes && a.rx_packets == b.rx_packets && a.tx_bytes == b.tx_bytes &&
           a.tx_packets == b.tx_packets;
}

void assert_counters_equal(const char *what, struct tctl_counters got, struct tctl_counters expected)
{
    if (!counters_equal(got, expected))
        fail_msg("%s: rx %lu packets %lu bytes, tx %lu packets %lu bytes; expected rx %lu %lu, tx %lu %lu; "
                 "difference rx %+ld %+ld, tx %+ld %+ld",
                 what, got.rx_packets, got.rx_bytes, got.tx_packets, got.tx_bytes, expected.rx_packets,
                 expected.rx_bytes, expected.tx_packets, expected.tx_bytes,
                 (long)(got.rx_packets - expected.rx_packets), (long)(got.rx_bytes - expected.rx_bytes),
                 (long)(got.tx_packets - expected.tx_packets), (long)(got.tx_bytes - expected.tx_bytes));
}

static struct tctl_counters uid_now(struct world *world, uint32_t uid)
{
    struct tctl_counters now;

    assert_int_equal(tctl_read_uid(world->traffic, uid, &now), 0);
    return now;
}

struct tctl_counters detail_sum(struct world *world, const struct tctl_filter *filter)
{
    _cleanup_free_ struct tctl_detail_row *row = NULL;
    struct tctl_counters sum = {0};
    size_t count = 0;

    assert_int_equal(tctl_read_details(world->traffic, filter, &row, &count), 0);
    for (size_t i = 0; i < count; i++) {
        sum.rx_bytes += row[i].counters.rx_bytes;
        sum.rx_packets += row[i].counters.rx_packets;
        sum.tx_bytes += row[i].counters.tx_bytes;
        sum.tx_packets += row[i].counters.tx_packets;
    }
    return sum;
}

struct meter meter_start(struct world *world, uint32_t uid, const struct wire_filter *filter)
{
    struct meter meter = {.world = world, .uid = uid, .filter = *filter, .before = uid_now(world, uid)};

    assert_int_equal(wire_reset(world), 0);
    return meter;
}

struct tctl_counters meter_counted(const struct meter *meter)
{
    return counters_less(uid_now(meter->world, meter->uid), meter->before);
}

struct tctl_counters meter_wire(const struct meter *meter)
{
    struct tctl_counters wire;

    assert_int_equal(wire_count(meter->world, &meter->filter, &wire), 0);
    return wire;
}

static struct tctl_counters wire_and(const struct meter *meter, const struct meter_extra *extra)
{
    struct tctl_counters sum = meter_wire(meter);

    assert_true(sum.rx_packets + sum.tx_packets > 0 || extra->tx_packets || extra->rx_packets);
    sum.rx_bytes += (uint64_t)extra->rx_bytes;
    sum.rx_packets += (uint64_t)extra->rx_packets;
    sum.tx_bytes += (uint64_t)extra->tx_bytes;
    sum.tx_packets += (uint64_t)extra->tx_packets;
    return sum;
}

void meter_differs(const struct meter *meter, const struct meter_extra *extra)
{
    struct tctl_filter all = {.has_uid = true, .uid = meter->uid, .has_tag = true};

    for (int waited = 0; waited < SETTLE_MS; waited += 2) {
        if (counters_equal(meter_counted(meter), wire_and(meter, extra)))
            break;
        pause_2ms();
    }
    assert_counters_equal("counted, beside the wire", meter_counted(meter), wire_and(meter, extra));
    assert_counters_equal("detailed rows, beside the total", detail_sum(meter->world, &all),
                          uid_now(meter->world, meter->uid));
}

void meter_exact(const struct meter *meter)
{
    meter_differs(meter, &(struct meter_extra){0});
}

bool meter_reaches_tx(const struct meter *meter, uint64_t packets)
{
    for (int waited = 0; waited < EVENT_MS; waited += 2) {
        if (meter_counted(meter).tx_packets >= packets)
            return meter_counted(meter).tx_packets == packets;
        pause_2ms();
    }
    return false;
}
