/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Tags: raw writes, exact splits, sockets that outlive their descriptor. Concurrency: test_races.c. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "charge.h"
#include "fd.h"
#include "kit.h"
#include "lingering.h"

#define UID 10001
#define PAYER 10002

static const struct wire_filter UDP4 = {.family = AF_INET, .protocol = IPPROTO_UDP};
static const struct wire_filter TCP4 = {.family = AF_INET, .protocol = IPPROTO_TCP};

static void send_times(const struct udp *udp, int times)
{
    for (int i = 0; i < times; i++)
        udp_send(udp->a, udp->b, 72);
}

static struct tctl_counters sent(uint64_t packets)
{
    return (struct tctl_counters){.tx_packets = packets, .tx_bytes = packets * 100};
}

/* The writer drops the stored answer after its write, as ours do: the very next packet is charged anew. */
static void test_tag_splits_rows_at_the_packet(void **state)
{
    struct udp udp = udp_pair(the_world, UID, AF_INET, 1);
    struct tctl_counters tagged = tag_sum(the_world, UID, 5), other = tag_sum(the_world, UID, 6);
    struct meter meter = meter_start(the_world, UID, &UDP4);

    (void)state;
    send_times(&udp, 10);
    tag_write(the_world, udp.a, UID, 5);
    answer_drop(the_world, udp.a);
    send_times(&udp, 7);
    tag_write(the_world, udp.a, UID, 6);
    answer_drop(the_world, udp.a);
    send_times(&udp, 3);
    tag_write(the_world, udp.a, UINT32_MAX, 0);
    answer_drop(the_world, udp.a);
    send_times(&udp, 4);
    meter_exact(&meter);
    assert_counters_equal("first tag", counters_less(tag_sum(the_world, UID, 5), tagged), sent(7));
    assert_counters_equal("second tag", counters_less(tag_sum(the_world, UID, 6), other), sent(3));
    udp_close(&udp);
}

static void test_tag_charges_another_uid(void **state)
{
    struct udp udp = udp_pair(the_world, UID, AF_INET, 1);
    struct meter owner = meter_start(the_world, UID, &UDP4), payer = meter_start(the_world, PAYER, &UDP4);
    struct tctl_counters tagged = tag_sum(the_world, PAYER, 5);

    (void)state;
    tag_write(the_world, udp.a, PAYER, 5);
    send_times(&udp, 7);
    meter_exact(&payer);
    assert_counters_equal("owner", meter_counted(&owner), (struct tctl_counters){0});
    assert_counters_equal("tag", counters_less(tag_sum(the_world, PAYER, 5), tagged), sent(7));
    udp_close(&udp);
}

/* Sends until what() counts something, within the promise; then everything that follows must be counted there too. */
static void obeyed(const struct udp *udp, struct tctl_counters (*what)(void))
{
    uint64_t start = now_ms(), before = what().tx_packets, at_change;
    struct meter meter = meter_start(the_world, UID, &UDP4);

    do {
        send_times(udp, 1);
        assert_true(now_ms() - start < PROMISE_MS);
    } while (what().tx_packets == before);
    at_change = meter_wire(&meter).tx_packets;
    assert_int_equal(what().tx_packets, before + 1);
    send_times(udp, 20);
    meter_exact(&meter);
    assert_int_equal(what().tx_packets, before + 1 + meter_wire(&meter).tx_packets - at_change);
}

static struct tctl_counters with_tag(void)
{
    return tag_sum(the_world, UID, 8);
}

static struct tctl_counters in_foreground(void)
{
    return detail_sum(the_world,
                      &(struct tctl_filter){.has_uid = true, .uid = UID, .has_set = true, .set = 1, .has_tag = true});
}

static struct tctl_counters in_background(void)
{
    return detail_sum(the_world, &(struct tctl_filter){.has_uid = true, .uid = UID, .has_set = true, .has_tag = true});
}

static void test_raw_tag_is_obeyed(void **state)
{
    struct udp udp = udp_pair(the_world, UID, AF_INET, 1);

    (void)state;
    send_times(&udp, 10);
    tag_write(the_world, udp.a, UID, 8);
    obeyed(&udp, with_tag);
    udp_close(&udp);
}

static void test_raw_counter_set_is_obeyed(void **state)
{
    struct udp udp = udp_pair(the_world, UID, AF_INET, 1);

    (void)state;
    send_times(&udp, 10);
    byte_write(the_world, "traffic_uid_counterSet_map", UID, 1);
    obeyed(&udp, in_foreground);
    byte_remove(the_world, "traffic_uid_counterSet_map", UID);
    obeyed(&udp, in_background);
    udp_close(&udp);
}

/* A connection that had few packets has no stored answer that could be old. */
static void test_young_connection_is_tagged_at_the_packet(void **state)
{
    struct tcp tcp = tcp_connect(the_world, UID, AF_INET, 1);
    struct charge charge;

    (void)state;
    transfer(tcp.a, tcp.b, 100, 100);
    acknowledge(tcp.b);
    tag_write(the_world, tcp.a, UID, 7);
    charge = charge_start(UID, 7, 0, &TCP4);
    transfer(tcp.a, tcp.b, 100, 100);
    acknowledge(tcp.b);
    tcp_end(&tcp, true);
    charge_exact(&charge);
}

/* The row of the cookie goes with the last close, not before. */
static void test_close_removes_the_tag(void **state)
{
    struct udp udp = udp_pair(the_world, UID, AF_INET, 1);
    int copy = fcntl(udp.a, F_DUPFD_CLOEXEC, 0);

    (void)state;
    assert_true(copy >= 0);
    tag_write(the_world, udp.a, UID, 9);
    fd_close(udp.a);
    udp.a = copy;
    assert_int_equal(map_rows(the_world, "traffic_cookie_tag_map"), 1);
    send_times(&udp, 1);
    udp_close(&udp);
    assert_int_equal(map_rows(the_world, "traffic_cookie_tag_map"), 0);
}

/* Closed with much unsent, while the peer reads nothing: the kernel sends the rest without any descriptor. */
static void lingering(uint32_t uid, uint32_t tag)
{
    struct tctl_counters before = tag_sum(the_world, uid, tag);
    struct meter meter = meter_start(the_world, uid, &(struct wire_filter){.family = AF_INET, .protocol = IPPROTO_TCP});
    struct lingering socket = lingering_new(UID);

    tag_write(the_world, socket.tcp.a, uid, tag);
    lingering_close(&socket);
    assert_int_equal(map_rows(the_world, "traffic_cookie_tag_map"), 0);
    assert_true(meter_wire(&meter).tx_bytes < 100000);
    lingering_wait(&meter);
    lingering_end(&socket);
    /* the peer's FIN and the answer to it are TIME_WAIT's */
    meter_differs(&meter, &(struct meter_extra){-1, -52, -1, -52});
    assert_counters_equal("the tag", counters_less(tag_sum(the_world, uid, tag), before), meter_counted(&meter));
}

static void test_closed_socket_keeps_its_tag(void **state)
{
    (void)state;
    lingering(UID, 11);
    lingering(PAYER, 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tag_splits_rows_at_the_packet),
        cmocka_unit_test(test_tag_charges_another_uid),
        cmocka_unit_test(test_raw_tag_is_obeyed),
        cmocka_unit_test(test_raw_counter_set_is_obeyed),
        cmocka_unit_test(test_young_connection_is_tagged_at_the_packet),
        cmocka_unit_test(test_close_removes_the_tag),
        cmocka_unit_test(test_closed_socket_keeps_its_tag),
    };

    return run_both("tags", tests, ARRAY_SIZE(tests));
}
