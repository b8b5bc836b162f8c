/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * A kernel that does not describe itself: trafficd sees an empty /sys/kernel/btf. It still counts to the byte what is
 * not fragmented; a datagram that is counts as one, and the UID is the one that the network namespace sees.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "attempt.h"
#include "fd.h"

#define UID 10001

static void whole(int family)
{
    struct wire_filter filter = {.family = family, .address = 1};
    struct meter meter = meter_start(the_world, UID, &filter);
    struct udp udp = udp_pair(the_world, UID, family, 1);
    struct tcp tcp = tcp_connect(the_world, UID, family, 1);

    udp_send(udp.a, udp.b, 1000);
    udp_send(udp.b, udp.a, 1400);
    transfer(tcp.a, tcp.b, 1000000, 1 << 16);
    transfer(tcp.b, tcp.a, 1000000, 1 << 16);
    tcp_end(&tcp, true);
    udp_close(&udp);
    meter_exact(&meter);
}

static void test_no_btf_counts_exactly(void **state)
{
    (void)state;
    each_offload(whole);
}

/* 60000 bytes: 41 fragments of IPv4, 42 of IPv6, taken for one packet each. */
static void fragmented(int family, int64_t fragments, int64_t bytes)
{
    struct wire_filter filter = {.family = family, .protocol = IPPROTO_UDP};
    int64_t header = family == AF_INET ? 20 : 40, once = 60008 + header;
    struct meter meter = meter_start(the_world, UID, &filter);
    struct udp udp = udp_pair(the_world, UID, family, 1);

    udp_send(udp.a, udp.b, 60000);
    udp_send(udp.b, udp.a, 60000);
    udp_close(&udp);
    meter_differs(&meter, &(struct meter_extra){1 - fragments, once - bytes, 1 - fragments, once - bytes});
}

static void test_no_btf_takes_fragments_for_one(void **state)
{
    (void)state;
    fragmented(AF_INET, 41, 60828);
    fragmented(AF_INET6, 42, 62024);
}

static int send_to(int channel, void *arg)
{
    const struct attempt *attempt = arg;
    _cleanup_fd_ int fd = socket(attempt->filter.family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    (void)channel;
    return attempt_send(fd, &attempt->to);
}

static int connect_to(int channel, void *arg)
{
    const struct attempt *attempt = arg;
    _cleanup_fd_ int fd = socket(attempt->filter.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    (void)channel;
    return attempt_connect(fd, &attempt->to);
}

static void test_no_btf_tags_and_chown(void **state)
{
    struct udp udp = udp_pair(the_world, UID, AF_INET, 1);
    struct tctl_counters tagged = tag_sum(the_world, UID, 5);
    struct meter next;

    (void)state;
    tag_write(the_world, udp.a, UID, 5);
    udp_send(udp.a, udp.b, 72);
    assert_counters_equal("tag", counters_less(tag_sum(the_world, UID, 5), tagged),
                          (struct tctl_counters){0, 0, 100, 1});
    tag_write(the_world, udp.a, UINT32_MAX, 0);
    answer_drop(the_world, udp.a);
    assert_return_code(fchown(udp.a, UID + 1, UID + 1), 0);
    next = meter_start(the_world, UID + 1, &(struct wire_filter){.family = AF_INET, .protocol = IPPROTO_UDP});
    udp_send(udp.a, udp.b, 72);
    meter_exact(&next);
    udp_close(&udp);
}

/* The UID is the one that the network namespace sees; who connects is judged, since nobody can tell the owner there. */
static void test_no_btf_blocks(void **state)
{
    struct attempt udp = attempt_udp(AF_INET), tcp;
    _cleanup_fd_ int listener = attempt_tcp(AF_INET6, &tcp);
    struct udp pair = udp_pair(the_world, BARRIER_USER, AF_INET, 1);
    char byte;

    (void)state;
    barrier_up(TCTL_STANDBY);
    assert_int_equal(send(pair.b, "x", 1, 0), 1);
    assert_int_equal(recv(pair.a, &byte, 1, 0), -1);
    assert_int_equal(errno, EAGAIN);
    attempt_fails(send_to, &udp);
    barrier_up(TCTL_RESTRICTED);
    attempt_fails(connect_to, &tcp);
    udp_send(pair.a, pair.b, 10);
    udp_send(pair.b, pair.a, 10);
    udp_close(&pair);
}

/* An upgrade from there to a kernel with BTF is a restart, and needs none of what was counted to go. */
static void test_no_btf_then_btf(void **state)
{
    struct wire_filter filter = {.family = AF_INET, .protocol = IPPROTO_UDP};
    struct meter meter;
    struct udp udp = udp_pair(the_world, UID, AF_INET, 1);

    (void)state;
    assert_int_equal(world_stop_daemon(the_world, SIGTERM, NULL), 0);
    the_world->hide_btf = false;
    assert_int_equal(world_start_daemon(the_world), 0);
    meter = meter_start(the_world, UID, &filter);
    udp_send(udp.a, udp.b, 60000);
    udp_send(udp.b, udp.a, 60000);
    udp_close(&udp);
    meter_exact(&meter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_btf_counts_exactly), cmocka_unit_test(test_no_btf_takes_fragments_for_one),
        cmocka_unit_test(test_no_btf_tags_and_chown), cmocka_unit_test(test_no_btf_blocks),
        cmocka_unit_test(test_no_btf_then_btf),
    };
    const struct world_options shared = {.hide_btf = true}, percpu = {.hide_btf = true, .percpu = true};

    return run_world("no BTF", tests, ARRAY_SIZE(tests), &shared) +
           run_world("no BTF", tests, ARRAY_SIZE(tests), &percpu);
}
