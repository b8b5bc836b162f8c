/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Packet in, verdict and counters out, of every program that BPF_PROG_TEST_RUN takes. Its socket belongs to UID 0.
 * Root. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>

#include <bpf/libbpf.h>
#include <trafficctl/traffic.h>

#include "fixture.h"

#define TAG 42

static int set_up_shared(void **state)
{
    *state = fixture_new(false);
    fixture_load(*state);
    return 0;
}

static int set_up_percpu(void **state)
{
    *state = fixture_new(true);
    fixture_load(*state);
    return 0;
}

static void check_row(struct tctl_stats_value row, uint64_t rx_packets, uint64_t rx_bytes, uint64_t tx_packets,
                      uint64_t tx_bytes)
{
    assert_int_equal(row.rx_packets, rx_packets);
    assert_int_equal(row.rx_bytes, rx_bytes);
    assert_int_equal(row.tx_packets, tx_packets);
    assert_int_equal(row.tx_bytes, tx_bytes);
}

static struct tctl_stats_value total(const struct fixture *fixture, uint32_t uid)
{
    return fixture_row(fixture, PIN_APP_UID_STATS, &uid);
}

/* Rows of the loopback device (BPF_PROG_TEST_RUN's), which is interface 1 of every namespace. */
static struct tctl_stats_value detail(const struct fixture *fixture, enum pin_id id, uint32_t uid, uint32_t tag,
                                      uint32_t set)
{
    struct tctl_stats_key key = {.uid = uid, .tag = tag, .counter_set = set, .iface_index = 1};

    return fixture_row(fixture, id, &key);
}

static void test_each_packet_is_counted(void **state)
{
    const struct fixture *fixture = *state;
    struct packet v4 = packet_ipv4(IPPROTO_UDP, 0, 44), v6 = packet_ipv6(IPPROTO_UDP, 60);

    assert_int_equal(fixture_run(fixture, PIN_EGRESS_PROG, &v4, 1), 1);
    check_row(total(fixture, 0), 0, 0, 1, 64);
    assert_int_equal(fixture_run(fixture, PIN_EGRESS_PROG, &v6, 1), 1);
    check_row(total(fixture, 0), 0, 0, 2, 164);
    assert_int_equal(fixture_run(fixture, PIN_INGRESS_PROG, &v4, 1), 1);
    check_row(total(fixture, 0), 1, 64, 2, 164);
    assert_int_equal(fixture_run(fixture, PIN_INGRESS_PROG, &v6, 3), 1);
    check_row(total(fixture, 0), 4, 364, 2, 164);
    check_row(detail(fixture, PIN_UID_STATS, 0, 0, 0), 4, 364, 2, 164);
    check_row(detail(fixture, PIN_TAG_STATS, 0, 0, 0), 0, 0, 0, 0);
}

/* What one super-packet counts as. */
static void check_super(const struct fixture *fixture, struct packet *packet, uint32_t gso_size, uint32_t headers)
{
    struct tctl_stats_value before = total(fixture, 0), after;
    uint32_t payload = packet->length - headers, segments = (payload + gso_size - 1) / gso_size;

    packet->gso_size = gso_size;
    packet->gso_segs = 0; /* as virtio_net and tun receive: only the size is sure */
    fixture_run(fixture, PIN_INGRESS_PROG, packet, 1);
    after = total(fixture, 0);
    assert_int_equal(after.rx_packets - before.rx_packets, segments);
    assert_int_equal(after.rx_bytes - before.rx_bytes, payload + (uint64_t)segments * headers);
}

static void test_super_packets_count_as_on_the_wire(void **state)
{
    const struct fixture *fixture = *state;
    struct packet packet = packet_ipv4(IPPROTO_TCP, 0, 1532);

    packet_tcp(&packet, 20, 32);
    check_super(fixture, &packet, 500, 52);
    check_super(fixture, &packet, 1499, 52);
    check_super(fixture, &packet, 1500, 52);
    check_super(fixture, &packet, 1, 52);
    packet = packet_ipv4(IPPROTO_TCP, 12, 1520); /* options are repeated in each segment */
    packet_tcp(&packet, 32, 20);
    check_super(fixture, &packet, 400, 52);
    packet = packet_ipv6(IPPROTO_TCP, 1020);
    packet_tcp(&packet, 40, 20);
    check_super(fixture, &packet, 300, 60);
    packet = packet_ipv4(IPPROTO_UDP, 0, 1208);
    check_super(fixture, &packet, 400, 28);
    packet = packet_ipv6(IPPROTO_UDP, 1208);
    check_super(fixture, &packet, 1000, 48);
}

static void test_super_packets_with_extension_headers(void **state)
{
    const struct fixture *fixture = *state;
    struct packet packet = packet_ipv6(IPPROTO_TCP, 1020);

    packet_tcp(&packet, 40, 20);
    packet_extend(&packet, IPPROTO_DSTOPTS, 2);
    check_super(fixture, &packet, 300, 40 + 16 + 20);
    packet_extend(&packet, IPPROTO_ROUTING, 3);
    packet_extend(&packet, IPPROTO_HOPOPTS, 1);
    check_super(fixture, &packet, 300, 40 + 8 + 24 + 16 + 20);
}

/* More headers than are walked, or headers that end in the middle: one packet, its own length; never a wrong division.
 */
static void test_strange_super_packets(void **state)
{
    const struct fixture *fixture = *state;
    struct packet packet = packet_ipv6(IPPROTO_TCP, 4);

    packet.gso_size = 100;
    fixture_run(fixture, PIN_INGRESS_PROG, &packet, 1);
    check_row(total(fixture, 0), 1, 44, 0, 0);
    packet = packet_ipv6(IPPROTO_DSTOPTS, 1);
    packet.gso_size = 100;
    fixture_run(fixture, PIN_INGRESS_PROG, &packet, 1);
    check_row(total(fixture, 0), 2, 85, 0, 0);
}

static void tag_next_socket(const struct fixture *fixture, uint32_t uid, uint32_t tag)
{
    struct tctl_tag row = {.uid = uid, .tag = tag};
    uint64_t cookie = fixture_next_cookie();

    fixture_put(fixture, PIN_COOKIE_TAG, &cookie, &row);
}

static void test_tag_charges_its_uid(void **state)
{
    const struct fixture *fixture = *state;
    struct packet packet = packet_ipv4(IPPROTO_UDP, 0, 80);

    tag_next_socket(fixture, 10086, TAG);
    fixture_run(fixture, PIN_EGRESS_PROG, &packet, 10);
    check_row(total(fixture, 10086), 0, 0, 10, 1000);
    check_row(detail(fixture, PIN_UID_STATS, 10086, 0, 0), 0, 0, 10, 1000);
    check_row(detail(fixture, PIN_TAG_STATS, 10086, TAG, 0), 0, 0, 10, 1000);
    check_row(total(fixture, 0), 0, 0, 0, 0);
}

static void test_tag_zero_charges_without_a_row_of_its_own(void **state)
{
    const struct fixture *fixture = *state;
    struct packet packet = packet_ipv4(IPPROTO_UDP, 0, 80);

    tag_next_socket(fixture, 10086, 0);
    fixture_run(fixture, PIN_INGRESS_PROG, &packet, 2);
    check_row(total(fixture, 10086), 2, 200, 0, 0);
    check_row(detail(fixture, PIN_UID_STATS, 10086, 0, 0), 2, 200, 0, 0);
    check_row(detail(fixture, PIN_TAG_STATS, 10086, 0, 0), 0, 0, 0, 0);
}

static void test_counter_set_is_that_of_the_charged_uid(void **state)
{
    const struct fixture *fixture = *state;
    struct packet packet = packet_ipv4(IPPROTO_UDP, 0, 80);
    uint32_t uid = 10086;
    uint8_t foreground = 1;

    fixture_put(fixture, PIN_UID_COUNTER_SET, &uid, &foreground);
    tag_next_socket(fixture, uid, TAG);
    fixture_run(fixture, PIN_EGRESS_PROG, &packet, 1);
    fixture_run(fixture, PIN_EGRESS_PROG, &packet, 1); /* another socket, of uid 0 and so in set 0 */
    check_row(detail(fixture, PIN_UID_STATS, uid, 0, 1), 0, 0, 1, 100);
    check_row(detail(fixture, PIN_TAG_STATS, uid, TAG, 1), 0, 0, 1, 100);
    check_row(detail(fixture, PIN_UID_STATS, 0, 0, 0), 0, 0, 1, 100);
}

static void test_interface_programs_count_by_interface(void **state)
{
    const struct fixture *fixture = *state;
    struct packet packet = packet_ipv4(IPPROTO_TCP, 0, 1220);
    uint32_t loopback = 1;

    packet_tcp(&packet, 20, 20);
    packet.gso_size = 400;
    assert_int_equal(fixture_run(fixture, PIN_XT_INGRESS_PROG, &packet, 1), 1);
    packet = packet_ipv6(IPPROTO_UDP, 60);
    assert_int_equal(fixture_run(fixture, PIN_XT_EGRESS_PROG, &packet, 5), 1);
    check_row(fixture_row(fixture, PIN_IFACE_STATS, &loopback), 3, 1240 + 2 * 40, 5, 500);
    check_row(total(fixture, 0), 0, 0, 0, 0);
}

/* How many programs are at work on each CPU's rows, as the programs will see it. */
static void put_busy(const struct fixture *fixture, uint64_t programs)
{
    uint64_t *cpu = calloc(libbpf_num_possible_cpus(), sizeof(*cpu));
    uint32_t zero = 0;

    assert_non_null(cpu);
    for (int i = 0; i < libbpf_num_possible_cpus(); i++)
        cpu[i] = programs;
    fixture_put(fixture, PIN_BUSY, &zero, cpu);
    free(cpu);
}

static uint64_t read_by_library(const struct fixture *fixture, uint32_t uid)
{
    struct tctl_counters counters;
    struct tctl *traffic;

    assert_int_equal(tctl_open(fixture->bpffs, &traffic), 0);
    assert_int_equal(tctl_read_uid(traffic, uid, &counters), 0);
    tctl_close(traffic);
    return counters.tx_packets;
}

/* What comes while another program is at its rows goes elsewhere, all of it, and readers see the sum. */
static void test_interrupting_program_spills(void **state)
{
    const struct fixture *fixture = *state;
    struct packet packet = packet_ipv4(IPPROTO_UDP, 0, 80);
    struct tctl_spill_key app = {.map = TCTL_APP_UID_STATS, .key = {.iface_index = 1}}, uid = app;

    uid.map = TCTL_UID_STATS;
    fixture_run(fixture, PIN_EGRESS_PROG, &packet, 2);
    put_busy(fixture, 1);
    fixture_run(fixture, PIN_EGRESS_PROG, &packet, 3);
    check_row(fixture_row(fixture, PIN_SPILL, &app), 0, 0, 3, 300);
    check_row(fixture_row(fixture, PIN_SPILL, &uid), 0, 0, 3, 300);
    check_row(total(fixture, 0), 0, 0, 2, 200);
    put_busy(fixture, 0);
    fixture_run(fixture, PIN_EGRESS_PROG, &packet, 4);
    check_row(fixture_row(fixture, PIN_SPILL, &app), 0, 0, 3, 300);
    check_row(total(fixture, 0), 0, 0, 6, 600);
    assert_int_equal(read_by_library(fixture, 0), 9);
}

#define BOTH(test)                                                                                                     \
    {#test, test, set_up_shared, fixture_tear_down, NULL},                                                             \
    {                                                                                                                  \
#test "_percpu", test, set_up_percpu, fixture_tear_down, NULL                                                  \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_each_packet_is_counted),
        BOTH(test_super_packets_count_as_on_the_wire),
        BOTH(test_super_packets_with_extension_headers),
        BOTH(test_strange_super_packets),
        BOTH(test_tag_charges_its_uid),
        BOTH(test_tag_zero_charges_without_a_row_of_its_own),
        BOTH(test_counter_set_is_that_of_the_charged_uid),
        BOTH(test_interface_programs_count_by_interface),
        {"test_interrupting_program_spills", test_interrupting_program_spills, set_up_percpu, fixture_tear_down, NULL},
    };

    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: packets", tests, NULL, NULL);
}
