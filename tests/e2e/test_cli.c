/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* trafficctl beside the wire: what it prints, as text and as JSON, and its exit status. Bad input: test_refusals.c. */
#include <net/if.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "fd.h"
#include "kit.h"
#include "program.h"
#include "traffic_abi.h"

#define UID 10001
#define TAGGED 10002
#define READER 20001 /* uid and gid */

static struct program said;

/* The row of an array whose member has this number; NULL when there is none. */
static json_t *row_of(json_t *document, const char *array, const char *member, json_int_t value)
{
    json_t *row;
    size_t i;

    json_array_foreach(json_object_get(document, array), i,
                       row) if (json_integer_value(json_object_get(row, member)) == value) return row;
    return NULL;
}

static json_t *named(json_t *document, const char *array, const char *member, const char *name)
{
    json_t *row;
    size_t i;

    json_array_foreach(json_object_get(document, array), i,
                       row) if (strcmp(json_string_value(json_object_get(row, member)), name) == 0) return row;
    fail_msg("%s has no row named %s", array, name);
    return NULL;
}

static uint32_t index_of(const char *device)
{
    _cleanup_fd_ int fd = socket_as(the_world, PLACE_A, 0, AF_INET, SOCK_DGRAM, 0);
    struct ifreq name = {0};

    snprintf(name.ifr_name, sizeof(name.ifr_name), "%s", device);
    assert_return_code(ioctl(fd, SIOCGIFINDEX, &name), 0);
    return (uint32_t)name.ifr_ifindex;
}

/* Traffic of two users, the second one's tagged and in the foreground. */
static struct tctl_counters some_traffic(void)
{
    struct udp udp = udp_pair(the_world, UID, AF_INET, 1), tagged = udp_pair(the_world, TAGGED, AF_INET, 2);
    struct meter meter = meter_start(the_world, UID, &(struct wire_filter){.family = AF_INET, .address = 1});

    byte_write(the_world, "traffic_uid_counterSet_map", TAGGED, 1);
    tag_write(the_world, tagged.a, TAGGED, 0xabc);
    for (int i = 0; i < 9; i++) {
        udp_send(udp.a, udp.b, 100 + (size_t)i);
        udp_send(udp.b, udp.a, 2000);
        udp_send(tagged.a, tagged.b, 72);
    }
    udp_close(&udp);
    udp_close(&tagged);
    meter_exact(&meter);
    byte_remove(the_world, "traffic_uid_counterSet_map", TAGGED);
    return uid_total(the_world, UID);
}

static void test_stats_uid(void **state)
{
    struct tctl_counters total = some_traffic();
    json_t *document = run_ctl_json(the_world, "stats uid", 0), *one = run_ctl_json(the_world, "stats uid 10001", 0);
    json_int_t last = -1;
    json_t *row;
    char bytes[32];
    size_t i;

    (void)state;
    assert_counters_equal("all", json_counters(row_of(document, "uids", "uid", UID)), total);
    assert_int_equal(json_array_size(json_object_get(one, "uids")), 1);
    assert_counters_equal("one", json_counters(row_of(one, "uids", "uid", UID)), total);
    json_array_foreach(json_object_get(document, "uids"), i, row)
    {
        assert_true(json_integer_value(json_object_get(row, "uid")) > last);
        last = json_integer_value(json_object_get(row, "uid"));
    }
    json_decref(document);
    json_decref(one);
    run_ctl(the_world, "-n stats uid 10001", 0, &said);
    snprintf(bytes, sizeof(bytes), "%lu", total.rx_bytes);
    assert_non_null(strstr(said.out, bytes));
    assert_non_null(strstr(said.out, "10001"));
    assert_string_equal(said.error, "");
}

static void test_stats_uid_without_traffic_is_zero(void **state)
{
    json_t *document = run_ctl_json(the_world, "stats uid 4242", 0);

    (void)state;
    assert_counters_equal("nobody", json_counters(row_of(document, "uids", "uid", 4242)), (struct tctl_counters){0});
    json_decref(document);
}

static void test_stats_detail(void **state)
{
    struct tctl_counters total;
    json_t *document, *row;

    (void)state;
    some_traffic();
    total = uid_total(the_world, TAGGED);
    document = run_ctl_json(the_world, "stats detail --uid 10002 --iface a0 --tag 0xabc --set 1", 0);
    assert_int_equal(json_array_size(json_object_get(document, "entries")), 1);
    row = row_of(document, "entries", "tag", 0xabc);
    assert_string_equal(json_string_value(json_object_get(row, "iface")), "a0");
    assert_int_equal(json_integer_value(json_object_get(row, "uid")), TAGGED);
    assert_int_equal(json_integer_value(json_object_get(row, "set")), 1);
    assert_counters_equal("tagged", json_counters(row), total);
    json_decref(document);
    document = run_ctl_json(the_world, "stats detail --uid 10002", 0);
    assert_int_equal(json_array_size(json_object_get(document, "entries")), 2); /* tag 0 and the tag */
    assert_counters_equal("tag 0", json_counters(row_of(document, "entries", "tag", 0)), total);
    json_decref(document);
    document = run_ctl_json(the_world, "stats detail --uid 10002 --set 0", 0);
    assert_int_equal(json_array_size(json_object_get(document, "entries")), 0);
    json_decref(document);
    run_ctl(the_world, "stats detail --tag 0xabc", 0, &said);
    assert_non_null(strstr(said.out, "0xabc"));
    assert_string_equal(said.error, "");
}

/* Nothing is hooked in yet that counts by interface; whoever writes a row raw sees it under the interface's name. */
static void test_stats_iface(void **state)
{
    uint32_t index = index_of("a0");
    json_t *document = run_ctl_json(the_world, "stats iface", 0);

    (void)state;
    assert_int_equal(json_array_size(json_object_get(document, "interfaces")), 0);
    json_decref(document);
    stats_write(the_world, "traffic_iface_stats_map", &index, (struct tctl_stats_value){1, 100, 2, 200});
    document = run_ctl_json(the_world, "stats iface a0", 0);
    assert_counters_equal("a0", json_counters(named(document, "interfaces", "iface", "a0")),
                          (struct tctl_counters){100, 1, 200, 2});
    json_decref(document);
    row_remove(the_world, "traffic_iface_stats_map", &index);
}

static void test_status_is_ok(void **state)
{
    json_t *document = run_ctl_json(the_world, "status", 0), *daemon = json_object_get(document, "daemon"), *row,
           *value;
    const char *pin;
    size_t i;

    (void)state;
    assert_string_equal(json_string_value(json_object_get(document, "state")), "ok");
    assert_true(json_is_true(json_object_get(daemon, "running")));
    assert_int_equal(json_integer_value(json_object_get(daemon, "pid")), the_world->daemon);
    assert_int_equal(json_array_size(json_object_get(document, "maps")), 10);
    json_array_foreach(json_object_get(document, "programs"), i, row)
        assert_true(json_is_true(json_object_get(row, "attached")));
    assert_true(i >= 2);
    json_array_foreach(json_object_get(document, "chains"), i, row)
        assert_true(json_is_false(json_object_get(row, "enabled")));
    assert_int_equal(i, 12);
    json_object_foreach(json_object_get(document, "lost"), pin, value) if (json_integer_value(value) != 0)
        fail_msg("%s lost packets", pin);
    json_decref(document);
    run_ctl(the_world, "status", 0, &said);
    assert_non_null(strstr(said.out, "state: ok\n"));
    assert_non_null(strstr(said.out, "chains that are on: none (0 of 12)\n"));
    assert_string_equal(said.error, "");
}

static void test_status_shows_a_chain_that_is_on(void **state)
{
    json_t *document;

    (void)state;
    byte_write(the_world, "traffic_dozable_uid_map", 0xFFFFFFFF, 1);
    document = run_ctl_json(the_world, "status", 0);
    assert_true(json_is_true(json_object_get(named(document, "chains", "name", "dozable"), "enabled")));
    assert_true(json_is_false(json_object_get(named(document, "chains", "name", "standby"), "enabled")));
    json_decref(document);
    run_ctl(the_world, "status", 0, &said);
    assert_non_null(strstr(said.out, "chains that are on: dozable (1 of 12)\n"));
    byte_remove(the_world, "traffic_dozable_uid_map", 0xFFFFFFFF);
}

static void test_check(void **state)
{
    static const char *const names[] = {
        "CONFIG_CGROUP_BPF",    "CONFIG_BPF",    "CONFIG_BPF_SYSCALL", "CONFIG_NETFILTER_XT_MATCH_BPF",
        "CONFIG_INET_UDP_DIAG", "MEMLOCK 8 MiB", "netfilter links",    "nf_tables with xt_bpf"};
    json_t *document = run_ctl_json(the_world, "check", 0);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        json_t *row = named(document, "requirements", "name", names[i]);

        assert_true(json_is_boolean(json_object_get(row, "ok")));
        assert_true(json_string_length(json_object_get(row, "needed_for")) > 0);
    }
    assert_true(json_is_true(json_object_get(named(document, "requirements", "name", "CONFIG_CGROUP_BPF"), "ok")));
    assert_string_equal(json_string_value(json_object_get(json_object_get(document, "backend"), "name")), "bpf");
    json_decref(document);
    run_ctl(the_world, "check", 0, &said);
    assert_non_null(strstr(said.out, "CONFIG_CGROUP_BPF"));
    assert_non_null(strstr(said.out, "\nbackend (auto): bpf\n"));
}

/* A program that somebody detached is a state of its own. */
static void test_status_is_down_without_a_program(void **state)
{
    char path[160];
    json_t *document;

    (void)state;
    assert_int_equal(world_stop_daemon(the_world, SIGTERM, NULL), 0);
    document = run_ctl_json(the_world, "status", 4);
    assert_string_equal(json_string_value(json_object_get(document, "state")), "degraded");
    assert_true(json_is_false(json_object_get(json_object_get(document, "daemon"), "running")));
    json_decref(document);
    snprintf(path, sizeof(path), "%s/trafficctl/egress_link", the_world->bpffs);
    assert_return_code(remove(path), 0);
    document = run_ctl_json(the_world, "status", 4);
    assert_string_equal(json_string_value(json_object_get(document, "state")), "down");
    json_decref(document);
    assert_int_equal(world_start_daemon(the_world), 0);
    test_status_is_ok(state);
}

/* Members of read_group see the counters, others a line that says what they lack. */
static void test_readers_of_the_group(void **state)
{
    const char *const arguments[] = {"--bpffs", the_world->bpffs, "stats", "uid", NULL};
    const char *const status[] = {"--bpffs", the_world->bpffs, "status", NULL};

    (void)state;
    assert_return_code(chmod(the_world->folder, 0755), 0);
    run_as(READER, "trafficctl", arguments, &said);
    assert_int_equal(said.exit, 0);
    assert_string_equal(said.error, "");
    run_as(READER, "trafficctl", status, &said);
    assert_int_equal(said.exit, 0);
    run_as(READER + 1, "trafficctl", arguments, &said);
    assert_refused(&said, 1, "read_group", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_is_ok),
        cmocka_unit_test(test_stats_uid),
        cmocka_unit_test(test_stats_uid_without_traffic_is_zero),
        cmocka_unit_test(test_stats_detail),
        cmocka_unit_test(test_stats_iface),
        cmocka_unit_test(test_status_shows_a_chain_that_is_on),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_status_is_down_without_a_program),
        cmocka_unit_test(test_readers_of_the_group),
    };
    const struct world_options shared = {.config = "read_group = 20001\n"};
    const struct world_options percpu = {.config = "read_group = 20001\n", .percpu = true};

    return run_world("command", tests, ARRAY_SIZE(tests), &shared) +
           run_world("command", tests, ARRAY_SIZE(tests), &percpu);
}
