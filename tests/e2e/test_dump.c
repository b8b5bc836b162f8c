/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* trafficctl dump beside the layout of Android 9's "dumpsys netd trafficcontroller", line for line. */
#include <bpf/bpf.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "dump_text.h"
#include "fd.h"
#include "program.h"

#define UID 10001
#define TAGGED 10002
#define READER 20001 /* uid and gid */
#define NOWHERE 4000001u
#define MANY 10000u
#define CONFIG "app_uids = 10000-20000\nread_group = 20001\n"

static struct program said;

/* What it prints is the layout, whatever the maps hold now. */
static void dump_is_as_expected(const struct dump_case *dump_case)
{
    _cleanup_free_ char *expected = dump_expected(dump_case);
    _cleanup_free_ char *text =
        run_ctl_text(the_world, dump_case->member ? READER : 0, dump_case->brief ? "dump --short" : "dump");

    assert_same_text(text, expected);
}

static bool dump_has(const char *line)
{
    _cleanup_free_ char *text = run_ctl_text(the_world, 0, "dump");

    return strstr(text, line);
}

/* The one test that knows no code of ours but the numbers: the whole text, as the reference shows it. */
static void test_text_of_a_fresh_start(void **state)
{
    _cleanup_free_ char *text = run_ctl_text(the_world, 0, "dump --short");

    (void)state;
    assert_string_equal(text, "\n"
                              "  TrafficController\n"
                              "    BPF module status: ON\n"
                              "\n"
                              "    mCookieTagMap status: OK\n"
                              "    mUidCounterSetMap status: OK\n"
                              "    mAppUidStatsMap status: OK\n"
                              "    mUidStatsMap status: OK\n"
                              "    mTagStatsMap status: OK\n"
                              "    mIfaceIndexNameMap status: OK\n"
                              "    mIfaceStatsMap status: OK\n"
                              "    mDozableUidMap status: OK\n"
                              "    mStandbyUidMap status: OK\n"
                              "    mPowerSaveUidMap status: OK\n"
                              "\n"
                              "    Cgroup ingress program status: OK\n"
                              "    Cgroup egress program status: OK\n"
                              "    xt_bpf ingress program status: OK\n"
                              "    xt_bpf egress program status: OK\n"
                              "\n");
}

/* Nothing was counted yet: titles, and no rows below. */
static void test_empty_maps(void **state)
{
    (void)state;
    assert_int_equal(map_rows(the_world, "traffic_tag_stats_map"), 0);
    assert_int_equal(map_rows(the_world, "traffic_standby_uid_map"), 0);
    dump_is_as_expected(&(struct dump_case){0});
    assert_true(dump_has("\n      mTagStatsMap:\n"
                         "      ifaceIndex ifaceName tag_hex uid_int cnt_set rxBytes rxPackets txBytes txPackets\n"
                         "\n      mIfaceIndexNameMap:\n"));
    assert_true(dump_has("\n\n      mStandbyUidMap:\n\n      mPowerSaveUidMap:\n\n"));
}

/* Of a user and interface, everything that JSON has stands in a line of the text, with its own numbers. */
static void json_row_is_there(const char *text, uint32_t index, json_t *row)
{
    struct tctl_counters counters = json_counters(row);
    char line[256];

    snprintf(line, sizeof(line), "      %u %s 0x%llx %llu %llu %lu %lu %lu %lu\n", index,
             json_string_value(json_object_get(row, "iface")), json_integer_value(json_object_get(row, "tag")),
             json_integer_value(json_object_get(row, "uid")), json_integer_value(json_object_get(row, "set")),
             counters.rx_bytes, counters.rx_packets, counters.tx_bytes, counters.tx_packets);
    if (!strstr(text, line))
        fail_msg("there is no line '%s'", line);
}

static void json_agrees(uint32_t a0)
{
    _cleanup_free_ char *text = run_ctl_text(the_world, 0, "dump");
    json_t *document = run_ctl_json(the_world, "stats detail --iface a0", 0), *row;
    size_t i;

    json_array_foreach(json_object_get(document, "entries"), i, row) json_row_is_there(text, a0, row);
    assert_true(i >= 3);
    json_decref(document);
}

static uint32_t index_of_a0(void)
{
    _cleanup_fd_ int map = world_map(the_world, "traffic_iface_index_name_map");
    char name[TCTL_IFNAME_LEN];
    uint32_t index;

    for (void *at = NULL; bpf_map_get_next_key(map, at, &index) == 0; at = &index)
        if (bpf_map_lookup_elem(map, &index, name) == 0 && strcmp(name, "a0") == 0)
            return index;
    fail_msg("a0 has no name");
    return 0;
}

/* Two users, one of whom has a tag and is in the foreground, and chains: real ones, as their own commands made them. */
static void test_traffic_tags_sets_and_chains(void **state)
{
    struct udp udp = udp_pair(the_world, UID, AF_INET, 1), tagged = udp_pair(the_world, TAGGED, AF_INET6, 2);
    char line[128];

    (void)state;
    run_ctl(the_world, "counterset 10002 1", 0, &said);
    tag_write(the_world, tagged.a, TAGGED, 0xabc);
    answer_drop(the_world, tagged.a);
    for (int i = 0; i < 9; i++) {
        udp_send(udp.a, udp.b, 100 + (size_t)i);
        udp_send(udp.b, udp.a, 2000);
        udp_send(tagged.a, tagged.b, 72);
    }
    run_ctl(the_world, "firewall deny standby 10003 10004 --runtime", 0, &said);
    run_ctl(the_world, "firewall allow dozable 10003 --runtime", 0, &said);
    run_ctl(the_world, "firewall enable standby --runtime", 0, &said);
    dump_is_as_expected(&(struct dump_case){0});
    dump_is_as_expected(&(struct dump_case){.brief = true});
    snprintf(line, sizeof(line), "\n      cookie=%llu tag=0xabc uid=10002\n", (unsigned long long)cookie_of(tagged.a));
    assert_true(dump_has(line));
    assert_true(dump_has("mUidCounterSetMap:\n      10002 1\n\n"));
    assert_true(dump_has("mDozableUidMap:\n      10003 1\n\n"));
    assert_true(dump_has("mStandbyUidMap:\n      10003 0\n      10004 0\n      4294967295 1\n\n"));
    json_agrees(index_of_a0());
    udp_close(&udp);
    udp_close(&tagged);
}

/* Written by a peer: numbers near 2^64, an interface that nobody knows, sets and tags of all bits. */
static void test_rows_of_any_numbers(void **state)
{
    const struct tctl_stats_key key = {4294967294u, 0, 4294967295u, NOWHERE}, tag = {1, 0xfffffffe, 1, 0};
    const struct tctl_stats_value most = {UINT64_MAX, UINT64_MAX - 1, UINT64_MAX - 2, 1ull << 63};
    const uint32_t removed = 0x80000007, nowhere = NOWHERE;

    (void)state;
    stats_write(the_world, "traffic_uid_stats_map", &key, most);
    stats_write(the_world, "traffic_tag_stats_map", &tag, most);
    stats_write(the_world, "traffic_iface_stats_map", &removed, most);
    stats_write(the_world, "traffic_iface_stats_map", &nowhere, (struct tctl_stats_value){0});
    stats_write(the_world, "traffic_app_uid_stats_map", &key.uid, most);
    dump_is_as_expected(&(struct dump_case){0});
    assert_true(dump_has("      4000001 unknown 0x0 4294967294 4294967295 18446744073709551614 18446744073709551615 "
                         "9223372036854775808 18446744073709551613\n"));
    assert_true(dump_has("      0 unknown 0xfffffffe 1 1 "));
    assert_true(dump_has("      4000001 unknown 0 0 0 0\n      2147483655 removed "));
    row_remove(the_world, "traffic_uid_stats_map", &key);
    row_remove(the_world, "traffic_tag_stats_map", &tag);
    row_remove(the_world, "traffic_iface_stats_map", &removed);
    row_remove(the_world, "traffic_iface_stats_map", &nowhere);
    row_remove(the_world, "traffic_app_uid_stats_map", &key.uid);
}

/* Whoever splits at blanks and lines finds as many words as columns. */
static void test_names_of_odd_bytes(void **state)
{
    static const char name[TCTL_IFNAME_LEN] = " a\tb\n\x1b[2J\x7f\xff";
    const struct tctl_stats_key key = {UID, 0, 0, NOWHERE};
    const uint32_t index = NOWHERE;
    _cleanup_fd_ int map = world_map(the_world, "traffic_iface_index_name_map");

    (void)state;
    stats_write(the_world, "traffic_uid_stats_map", &key, (struct tctl_stats_value){1, 2, 3, 4});
    assert_return_code(bpf_map_update_elem(map, &index, name, BPF_ANY), errno);
    dump_is_as_expected(&(struct dump_case){0});
    assert_true(dump_has("      4000001 \\x20a\\x09b\\x0a\\x1b[2J\\x7f\\xff 0x0 10001 0 2 1 4 3\n"));
    assert_true(dump_has("      ifaceIndex=4000001 ifaceName=\\x20a\\x09b\\x0a\\x1b[2J\\x7f\\xff\n"));
    row_remove(the_world, "traffic_iface_index_name_map", &index);
    row_remove(the_world, "traffic_uid_stats_map", &key);
}

/* Full maps: each row once, in order. */
static void test_ten_thousand_rows(void **state)
{
    (void)state;
    map_empty(the_world, "traffic_uid_stats_map");
    for (uint32_t i = 0; i < MANY; i++) {
        const struct tctl_stats_key key = {(i * 7919) % MANY, 0, i % 2, 1 + i % 3};
        stats_write(the_world, "traffic_uid_stats_map", &key, (struct tctl_stats_value){i, i + 1, i + 2, i + 3});
    }
    assert_int_equal(map_rows(the_world, "traffic_uid_stats_map"), MANY);
    dump_is_as_expected(&(struct dump_case){0});
    map_empty(the_world, "traffic_uid_stats_map");
}

static void rename_pin(const char *from, const char *to)
{
    char old[160], new[160];

    snprintf(old, sizeof(old), "%s/%s", the_world->bpffs, from);
    snprintf(new, sizeof(new), "%s/%s", the_world->bpffs, to);
    assert_return_code(rename(old, new), errno);
}

/* Each alternative of the layout, in its place alone. Nobody is there who would put the pin back; nor to print the
 * text. */
static void test_each_missing_pin(void **state)
{
    static const char *const PINS[] = {
        "traffic_cookie_tag_map",
        "traffic_uid_counterSet_map",
        "traffic_app_uid_stats_map",
        "traffic_uid_stats_map",
        "traffic_tag_stats_map",
        "traffic_iface_index_name_map",
        "traffic_iface_stats_map",
        "traffic_dozable_uid_map",
        "traffic_standby_uid_map",
        "traffic_powersave_uid_map",
        "ingress_prog",
        "egress_prog",
        "xt_bpf_ingress_prog",
        "xt_bpf_egress_prog",
    };

    (void)state;
    assert_int_equal(world_stop_daemon(the_world, SIGTERM, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(PINS); i++) {
        rename_pin(PINS[i], "aside");
        dump_is_as_expected(&(struct dump_case){.missing = PINS[i]});
        dump_is_as_expected(&(struct dump_case){.missing = PINS[i], .brief = true});
        rename_pin("aside", PINS[i]);
    }
    dump_is_as_expected(&(struct dump_case){0});
}

/* What is not open to a member of read_group is not made up, and the rest is there. */
static void test_members_of_the_group(void **state)
{
    const struct tctl_stats_key key = {UID, 0, 0, NOWHERE};

    (void)state;
    assert_return_code(chmod(the_world->folder, 0755), errno);
    stats_write(the_world, "traffic_uid_stats_map", &key, (struct tctl_stats_value){1, 2, 3, 4});
    dump_is_as_expected(&(struct dump_case){.member = true});
    dump_is_as_expected(&(struct dump_case){.member = true, .brief = true});
    row_remove(the_world, "traffic_uid_stats_map", &key);
}

static void test_who_may_not_read_is_told(void **state)
{
    const char *const arguments[] = {"--bpffs", the_world->bpffs, "dump", NULL};

    (void)state;
    run_as(READER + 1, "trafficctl", arguments, &said);
    assert_refused(&said, 1, "read_group", NULL);
    assert_string_equal(said.out, "");
}

/* Off: the text says so with its own indent and frame, and standard error says why. */
static void test_nothing_is_pinned(void **state)
{
    const char *const arguments[] = {"--bpffs", the_world->folder, "dump", NULL};

    (void)state;
    run_as(0, "trafficctl", arguments, &said);
    assert_string_equal(said.out, "\n  TrafficController\n    BPF module status: OFF\n\n");
    assert_refused(&said, 1, "no pins in", "start it");
}

static void test_there_is_no_json_of_it(void **state)
{
    (void)state;
    run_ctl(the_world, "--json dump", 2, &said);
    assert_refused(&said, 2, "dump is a text", "stats detail");
    assert_string_equal(said.out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_of_a_fresh_start),
        cmocka_unit_test(test_empty_maps),
        cmocka_unit_test(test_traffic_tags_sets_and_chains),
        cmocka_unit_test(test_rows_of_any_numbers),
        cmocka_unit_test(test_names_of_odd_bytes),
        cmocka_unit_test(test_members_of_the_group),
        cmocka_unit_test(test_who_may_not_read_is_told),
        cmocka_unit_test(test_ten_thousand_rows),
        cmocka_unit_test(test_nothing_is_pinned),
        cmocka_unit_test(test_there_is_no_json_of_it),
        cmocka_unit_test(test_each_missing_pin),
    };
    const struct world_options shared = {.config = CONFIG}, percpu = {.config = CONFIG, .percpu = true};

    return run_world("dump", tests, ARRAY_SIZE(tests), &shared) + run_world("dump", tests, ARRAY_SIZE(tests), &percpu);
}
