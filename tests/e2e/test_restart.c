/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Counting outlives trafficd: killed, stopped, started again; and ends only with unload. */
#include <bpf/bpf.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "fd.h"
#include "kit.h"
#include "program.h"
#include "stream.h"
#include "traffic_abi.h"

#define UID 10001
/* One that detached for a moment is seen: thousands of packets a second never pause. */
#define RESTARTS 10
#define BURST 80

static const struct wire_filter ALL4 = {.family = AF_INET, .address = 1};
static const struct wire_filter UDP4 = {.family = AF_INET, .protocol = IPPROTO_UDP};

static json_int_t since(void)
{
    json_t *status = run_ctl_json(the_world, "status", 0);
    json_int_t value = json_integer_value(json_object_get(status, "since"));

    json_decref(status);
    return value;
}

static void test_killed_and_started_again(void **state)
{
    struct meter meter = meter_start(the_world, UID, &ALL4);
    json_int_t began = since();
    struct stream stream;

    (void)state;
    stream_start(&stream, UID, BURST);
    for (int i = 0; i < RESTARTS; i++) {
        uint64_t before = meter_wire(&meter).tx_packets;

        assert_int_equal(world_stop_daemon(the_world, SIGKILL, NULL), 0);
        assert_int_equal(world_start_daemon(the_world), 0);
        assert_true(meter_wire(&meter).tx_packets > before); /* there was traffic while it was away */
    }
    stream_stop(&stream);
    meter_exact(&meter); /* before the end: see test_races.c */
    stream_end(&stream);
    assert_int_equal(since(), began);
}

static void test_stopping_does_not_stop_counting(void **state)
{
    struct udp udp = udp_pair(the_world, UID, AF_INET, 1);
    struct meter meter = meter_start(the_world, UID, &UDP4);
    json_t *status;
    int ended;

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(world_stop_daemon(the_world, i ? SIGINT : SIGTERM, &ended), 0);
        assert_true(WIFEXITED(ended) && WEXITSTATUS(ended) == 0);
        udp_send(udp.a, udp.b, 100);
        udp_send(udp.b, udp.a, 5000);
        meter_exact(&meter);
        status = run_ctl_json(the_world, "status", 4);
        assert_string_equal(json_string_value(json_object_get(status, "state")), "degraded");
        json_decref(status);
        assert_int_equal(world_start_daemon(the_world), 0);
    }
    udp_close(&udp);
}

static void test_restart_changes_no_chain_and_no_tag(void **state)
{
    struct udp udp = udp_pair(the_world, UID, AF_INET, 1);
    struct tctl_counters tagged = tag_sum(the_world, UID, 3);

    (void)state;
    tag_write(the_world, udp.a, UID, 3);
    byte_write(the_world, "traffic_standby_uid_map", 10099, 0);
    byte_write(the_world, "traffic_standby_uid_map", TCTL_CHAIN_SWITCH, 1);
    assert_int_equal(world_stop_daemon(the_world, SIGKILL, NULL), 0);
    assert_int_equal(world_start_daemon(the_world), 0);
    assert_int_equal(map_rows(the_world, "traffic_standby_uid_map"), 2);
    udp_send(udp.a, udp.b, 72);
    assert_counters_equal("tag", counters_less(tag_sum(the_world, UID, 3), tagged),
                          (struct tctl_counters){0, 0, 100, 1});
    byte_remove(the_world, "traffic_standby_uid_map", TCTL_CHAIN_SWITCH);
    byte_remove(the_world, "traffic_standby_uid_map", 10099);
    udp_close(&udp);
}

static struct program said;

static void test_second_daemon_refuses_and_names_the_first(void **state)
{
    const char *const arguments[] = {"--config", the_world->config, "--bpffs", the_world->bpffs,
                                     "--cgroup", the_world->cgroup, NULL};
    char pid[16];

    (void)state;
    snprintf(pid, sizeof(pid), "%d", the_world->daemon);
    run_as(0, "trafficd", arguments, &said);
    assert_refused(&said, 1, pid, NULL);
}

static void test_unload_is_refused_while_the_daemon_runs(void **state)
{
    char pid[16];

    (void)state;
    snprintf(pid, sizeof(pid), "%d", the_world->daemon);
    run_ctl(the_world, "unload", 1, &said);
    assert_refused(&said, 1, pid, NULL);
}

static void test_reload_by_signal(void **state)
{
    struct udp udp = udp_pair(the_world, UID, AF_INET, 1);
    uint64_t start;

    (void)state;
    byte_write(the_world, "traffic_standby_uid_map", UID, 0);
    byte_write(the_world, "traffic_standby_uid_map", TCTL_CHAIN_SWITCH, 1);
    start = now_ms();
    while (send(udp.a, "x", 1, 0) == 1)
        assert_true(now_ms() - start < PROMISE_MS);
    assert_int_equal(world_configure(the_world, "app_uids = 20000-30000\n"), 0);
    assert_return_code(kill(the_world->daemon, SIGHUP), errno);
    start = now_ms();
    while (send(udp.a, "x", 1, 0) != 1)
        assert_true(now_ms() - start < 3000);
    byte_remove(the_world, "traffic_standby_uid_map", TCTL_CHAIN_SWITCH);
    byte_remove(the_world, "traffic_standby_uid_map", UID);
    udp_close(&udp);
}

static uint32_t attached(enum bpf_attach_type type)
{
    uint32_t ids[8], count = 8, flags;

    assert_int_equal(bpf_prog_query(the_world->cgroup_fd, type, 0, &flags, ids, &count), 0);
    return count;
}

/* The last of its group: nothing counts afterwards. */
static void test_unload_leaves_nothing(void **state)
{
    (void)state;
    assert_int_equal(attached(BPF_CGROUP_INET_INGRESS), 1);
    assert_int_equal(attached(BPF_CGROUP_INET_EGRESS), 1);
    assert_int_equal(world_stop_daemon(the_world, SIGTERM, NULL), 0);
    run_ctl(the_world, "unload", 0, &said);
    assert_int_equal(bpffs_entries(the_world), 0);
    assert_int_equal(attached(BPF_CGROUP_INET_INGRESS), 0);
    assert_int_equal(attached(BPF_CGROUP_INET_EGRESS), 0);
    assert_int_equal(attached(BPF_CGROUP_INET_SOCK_RELEASE), 0);
    run_ctl(the_world, "unload", 0, &said);
    run_ctl(the_world, "status", 1, &said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed_and_started_again),
        cmocka_unit_test(test_stopping_does_not_stop_counting),
        cmocka_unit_test(test_restart_changes_no_chain_and_no_tag),
        cmocka_unit_test(test_second_daemon_refuses_and_names_the_first),
        cmocka_unit_test(test_unload_is_refused_while_the_daemon_runs),
        cmocka_unit_test(test_reload_by_signal),
        cmocka_unit_test(test_unload_leaves_nothing),
    };

    return run_both("restart", tests, ARRAY_SIZE(tests));
}
