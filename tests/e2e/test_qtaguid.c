/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Readers that were written for /proc/net/xt_qtaguid read what trafficctl qtaguid prints, and find the same numbers. */
#include <net/if.h>

#include <bpf/bpf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "fd.h"
#include "iface_kit.h"
#include "old_readers.h"
#include "program.h"

#define UID 10001
#define TAGGED 10002
#define READER 20001 /* uid and gid */
#define TAG 0xff00ff00u
#define NOWHERE 4000001u
#define MANY 10000u
#define PROTOCOLS                                                                                                      \
    "rx_tcp_bytes rx_tcp_packets rx_udp_bytes rx_udp_packets rx_other_bytes rx_other_packets "                         \
    "tx_tcp_bytes tx_tcp_packets tx_udp_bytes tx_udp_packets tx_other_bytes tx_other_packets\n"

static struct program said;

static char *text_of(const char *what)
{
    char words[64];

    snprintf(words, sizeof(words), "qtaguid %s", what);
    return run_ctl_text(the_world, 0, words);
}

/* Of the one row of this name, UID, tag and set. */
static struct tctl_counters counters_of(const struct old_rows *rows, const struct old_row *key)
{
    struct tctl_counters counters = {0};
    size_t found = 0;

    for (size_t i = 0; i < rows->count; i++) {
        const struct old_row *row = &rows->all[i];
        if (strcmp(row->iface, key->iface) || row->uid != key->uid || row->tag != key->tag || row->set != key->set)
            continue;
        counters = row->counters;
        found++;
    }
    if (found != 1)
        fail_msg("there are %zu rows of %s %u 0x%x %u", found, key->iface, key->uid, key->tag, key->set);
    return counters;
}

static uint64_t packets_of(const struct tctl_counters *counters)
{
    return counters->rx_packets + counters->tx_packets;
}

/* What JSON has stands in the text, and the text has no more packets than that. */
static void is_what_json_says(const struct old_rows *rows)
{
    json_t *document = run_ctl_json(the_world, "stats detail", 0), *row;
    uint64_t packets = 0;
    size_t i;

    json_array_foreach(json_object_get(document, "entries"), i, row)
    {
        struct old_row key = {.uid = (uint32_t)json_integer_value(json_object_get(row, "uid")),
                              .tag = (uint32_t)json_integer_value(json_object_get(row, "tag")),
                              .set = (uint32_t)json_integer_value(json_object_get(row, "set"))};
        struct tctl_counters counters = json_counters(row);
        snprintf(key.iface, sizeof(key.iface), "%s", json_string_value(json_object_get(row, "iface")));
        assert_counters_equal(key.iface, counters_of(rows, &key), counters);
        packets += packets_of(&counters);
    }
    assert_true(i > 0);
    for (size_t r = 0; r < rows->count; r++)
        packets -= packets_of(&rows->all[r].counters);
    assert_true(packets == 0);
    json_decref(document);
}

/* Each key has both sets, one behind the other. */
static void sets_are_pairs(const struct old_rows *rows)
{
    assert_int_equal(rows->count % 2, 0);
    for (size_t i = 0; i < rows->count; i += 2) {
        const struct old_row *zero = &rows->all[i], *one = &rows->all[i + 1];
        assert_string_equal(zero->iface, one->iface);
        assert_true(zero->uid == one->uid && zero->tag == one->tag && zero->set == 0 && one->set == 1);
    }
}

static void stats_are_read(void)
{
    _cleanup_free_ char *text = text_of("stats");
    struct old_rows native = old_native_stats(text), java = old_java_stats(text);

    assert_int_equal(native.count, java.count);
    for (size_t i = 0; i < native.count; i++) {
        assert_string_equal(native.all[i].iface, java.all[i].iface);
        assert_memory_equal(&native.all[i].uid, &java.all[i].uid, 3 * sizeof(uint32_t));
        assert_counters_equal("both readers", native.all[i].counters, java.all[i].counters);
    }
    is_what_json_says(&java);
    old_rows_done(&native);
    old_rows_done(&java);
}

static void some_traffic(int family, uid_t uid, uint32_t tag)
{
    struct udp udp = udp_pair(the_world, uid, family, 1);

    if (tag)
        tag_write(the_world, udp.a, uid, tag);
    if (tag)
        answer_drop(the_world, udp.a);
    for (int i = 0; i < 5; i++) {
        udp_send(udp.a, udp.b, 100 + (size_t)i);
        udp_send(udp.b, udp.a, 2000);
    }
    udp_close(&udp);
}

static void test_titles(void **state)
{
    _cleanup_free_ char *stats = text_of("stats"), *fmt = text_of("iface_stat_fmt");
    static const char stats_title[] = "idx iface acct_tag_hex uid_tag_int cnt_set rx_bytes rx_packets tx_bytes "
                                      "tx_packets " PROTOCOLS,
                      fmt_title[] = "ifname total_skb_rx_bytes total_skb_rx_packets total_skb_tx_bytes "
                                    "total_skb_tx_packets " PROTOCOLS;

    (void)state;
    assert_memory_equal(stats, stats_title, strlen(stats_title));
    assert_memory_equal(fmt, fmt_title, strlen(fmt_title));
}

/* Tagged bytes are in the row of the tag and in that of tag 0; the other set is there, with zeroes. */
static void test_stats_of_users_and_tags(void **state)
{
    _cleanup_free_ char *text = NULL;
    struct old_rows rows;

    (void)state;
    some_traffic(AF_INET, UID, 0);
    byte_write(the_world, "traffic_uid_counterSet_map", TAGGED, 1);
    policy_raise(the_world);
    some_traffic(AF_INET6, TAGGED, TAG);
    byte_remove(the_world, "traffic_uid_counterSet_map", TAGGED);
    policy_raise(the_world);
    stats_are_read();
    text = text_of("stats");
    assert_counters_equal("user", old_uid_stats(text, UID), uid_total(the_world, UID));
    assert_counters_equal("tagged user", old_uid_stats(text, TAGGED), uid_total(the_world, TAGGED));
    rows = old_java_stats(text);
    sets_are_pairs(&rows);
    assert_counters_equal("tag", counters_of(&rows, &(struct old_row){"a0", TAGGED, TAG, 1, {0}}),
                          uid_total(the_world, TAGGED));
    assert_counters_equal("tag 0", counters_of(&rows, &(struct old_row){"a0", TAGGED, 0, 1, {0}}),
                          uid_total(the_world, TAGGED));
    assert_counters_equal("other set", counters_of(&rows, &(struct old_row){"a0", TAGGED, TAG, 0, {0}}),
                          (struct tctl_counters){0});
    assert_non_null(strstr(text, " a0 0xff00ff0000000000 10002 1 "));
    old_rows_done(&rows);
}

static void name_number(uint32_t index, const char *name)
{
    _cleanup_fd_ int map = world_map(the_world, "traffic_iface_index_name_map");
    char bytes[TCTL_IFNAME_LEN] = "";

    memcpy(bytes, name, strlen(name));
    assert_return_code(bpf_map_update_elem(map, &index, bytes, BPF_ANY), errno);
}

/* No name, however odd, makes a line that a reader would lose or take for two; what its room cannot tell apart is one.
 */
static void test_names_of_odd_bytes(void **state)
{
    static const char *const NAMES[] = {"a b",
                                        "\n7 lo 0x0 1 1",
                                        "\xe2\x80\x83wide",
                                        "tab\there",
                                        "\x01\x02\x03\x04\x05\x06\x07one",
                                        "\x01\x02\x03\x04\x05\x06\x07two",
                                        "0x0"};
    static const char *const WORDS[] = {"a\\x20b",      "\\x0a7\\x20lo\\x200x0\\x201\\x201",      "\\xe2\\x80\\x83wide",
                                        "tab\\x09here", "\\x01\\x02\\x03\\x04\\x05\\x06\\x07one", NULL,
                                        "0x0"};
    _cleanup_free_ char *text = NULL;
    struct old_rows rows;

    (void)state;
    for (uint32_t i = 0; i < ARRAY_SIZE(NAMES); i++) {
        name_number(NOWHERE + i, NAMES[i]);
        stats_write(the_world, "traffic_uid_stats_map", &(struct tctl_stats_key){UID, 0, 0, NOWHERE + i},
                    (struct tctl_stats_value){i + 1, 10, 100, 1000});
    }
    text = text_of("stats");
    rows = old_native_stats(text);
    for (uint32_t i = 0; i < ARRAY_SIZE(NAMES); i++) {
        struct old_row key = {.uid = UID};
        if (WORDS[i]) {
            snprintf(key.iface, sizeof(key.iface), "%s", WORDS[i]);
            assert_int_equal(counters_of(&rows, &key).rx_packets, i + 1);
        }
        row_remove(the_world, "traffic_uid_stats_map", &(struct tctl_stats_key){UID, 0, 0, NOWHERE + i});
        row_remove(the_world, "traffic_iface_index_name_map", &(uint32_t){NOWHERE + i});
    }
    sets_are_pairs(&rows);
    old_rows_done(&rows);
}

/* Fifteen bytes of which each takes four: 31 are what a reader has room for, and two such are one. */
static void test_names_that_are_cut(void **state)
{
    static const char cut[] = "\\x01\\x01\\x01\\x01\\x01\\x01\\x01";
    struct old_row key = {.uid = UID};
    _cleanup_free_ char *text = NULL;
    struct old_rows rows;

    (void)state;
    name_number(NOWHERE, "\x01\x01\x01\x01\x01\x01\x01\x01one");
    name_number(NOWHERE + 1, "\x01\x01\x01\x01\x01\x01\x01\x01two");
    for (uint32_t i = 0; i < 2; i++)
        stats_write(the_world, "traffic_uid_stats_map", &(struct tctl_stats_key){UID, 0, 0, NOWHERE + i},
                    (struct tctl_stats_value){i + 1, 10, 100, 1000});
    text = text_of("stats");
    rows = old_native_stats(text);
    strcpy(key.iface, cut);
    assert_int_equal(counters_of(&rows, &key).rx_packets, 3);
    old_rows_done(&rows);
    for (uint32_t i = 0; i < 2; i++) {
        row_remove(the_world, "traffic_uid_stats_map", &(struct tctl_stats_key){UID, 0, 0, NOWHERE + i});
        row_remove(the_world, "traffic_iface_index_name_map", &(uint32_t){NOWHERE + i});
    }
}

/* Numbers to 2^64-1; a set that no reader knows has a line of its own. */
static void test_any_numbers(void **state)
{
    const struct tctl_stats_key keys[] = {{4294967294u, 0, 1, NOWHERE}, {4294967294u, 0, 200, NOWHERE}};
    _cleanup_free_ char *text = NULL;
    struct old_rows rows;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        stats_write(the_world, "traffic_uid_stats_map", &keys[i],
                    (struct tctl_stats_value){UINT64_MAX, UINT64_MAX - 1, UINT64_MAX - 2, 1ull << 63});
    text = text_of("stats");
    rows = old_java_stats(text);
    for (uint32_t set = 0; set <= 200; set = set == 0 ? 1 : set == 1 ? 200 : 201) {
        struct old_row key = {"4000001", 4294967294u, 0, set, {0}};
        assert_counters_equal("most", counters_of(&rows, &key),
                              set ? (struct tctl_counters){UINT64_MAX - 1, UINT64_MAX, 1ull << 63, UINT64_MAX - 2}
                                  : (struct tctl_counters){0});
    }
    old_rows_done(&rows);
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        row_remove(the_world, "traffic_uid_stats_map", &keys[i]);
}

/* Twice as many lines, no gap among them. */
static void test_ten_thousand_rows(void **state)
{
    _cleanup_free_ char *text = NULL;
    struct old_rows rows;
    uint64_t bytes = 0;

    (void)state;
    map_empty(the_world, "traffic_uid_stats_map");
    map_empty(the_world, "traffic_tag_stats_map");
    for (uint32_t uid = 0; uid < MANY; uid++)
        stats_write(the_world, "traffic_uid_stats_map", &(struct tctl_stats_key){uid, 0, uid % 2, NOWHERE},
                    (struct tctl_stats_value){uid, uid + 1, uid + 2, uid + 3});
    text = text_of("stats");
    rows = old_java_stats(text);
    assert_int_equal(rows.count, 2 * MANY);
    sets_are_pairs(&rows);
    for (size_t i = 0; i < rows.count; i++)
        bytes += rows.all[i].counters.rx_bytes;
    assert_true(bytes == (uint64_t)MANY * (MANY + 1) / 2);
    old_rows_done(&rows);
    map_empty(the_world, "traffic_uid_stats_map");
    free(text);
    text = text_of("stats");
    rows = old_java_stats(text);
    assert_int_equal(rows.count, 0);
}

static struct tctl_counters iface_of(const struct old_rows *rows, const char *name)
{
    for (size_t i = 0; i < rows->count; i++)
        if (strcmp(rows->all[i].iface, name) == 0)
            return rows->all[i].counters;
    fail_msg("there is no %s", name);
    return (struct tctl_counters){0};
}

/* Both texts and JSON while nothing was counted: the kernel sends something itself now and then. */
static json_t *read_at_rest(char **ret_fmt, char **ret_all)
{
    json_t *before = NULL, *now = run_ctl_json(the_world, "stats iface", 0);

    do {
        json_decref(before);
        free(*ret_fmt);
        free(*ret_all);
        before = now;
        *ret_fmt = text_of("iface_stat_fmt");
        *ret_all = text_of("iface_stat_all");
        now = run_ctl_json(the_world, "stats iface", 0);
    } while (!json_equal(before, now));
    json_decref(before);
    return now;
}

/* The totals that JSON has, by both readers; interfaces that have counted nothing are there beside. */
static void ifaces_are_read(void)
{
    _cleanup_free_ char *fmt = NULL, *all = NULL;
    json_t *document = read_at_rest(&fmt, &all), *row;
    struct old_rows rows = old_iface_all(all);
    uint64_t packets = 0;
    size_t i;

    json_array_foreach(json_object_get(document, "interfaces"), i, row)
    {
        const char *name = json_string_value(json_object_get(row, "iface"));
        struct tctl_counters counters = json_counters(row);
        assert_counters_equal(name, iface_of(&rows, name), counters);
        assert_counters_equal(name, old_iface_fmt(fmt, name), counters);
        packets += packets_of(&counters);
    }
    for (size_t r = 0; r < rows.count; r++)
        packets -= packets_of(&rows.all[r].counters);
    assert_true(packets == 0);
    json_decref(document);
    old_rows_done(&rows);
}

/* Down, so that nothing is sent but what a test writes. */
static void add_link(const char *name, uint32_t index)
{
    assert_int_equal(
        world_run(the_world, PLACE_A, "ip link add %s index %u type veth peer name peer%u", name, index, index), 0);
    comes_to_name(index, name);
}

static void take_link(const char *name, uint32_t index)
{
    delete_link(name);
    comes_to_name(index, NULL);
}

/* The line of an interface; and both texts have the totals that JSON has. */
static void line_is(const char *name, const char *numbers)
{
    _cleanup_free_ char *text = text_of("iface_stat_all");
    char line[128];

    snprintf(line, sizeof(line), "%s %s\n", name, numbers);
    if (!strstr(text, line))
        fail_msg("there is no '%s' in: %s", line, text);
    ifaces_are_read();
}

/* What an interface of this name counted before it went comes first, what the one that is there counts last. */
static void come_and_go(const char *name, uint32_t first, uint32_t second)
{
    add_link(name, first);
    line_is(name, "1 0 0 0 0 0 0 0 0");
    stats_write(the_world, "traffic_iface_stats_map", &first, (struct tctl_stats_value){1, 20, 3, 40});
    line_is(name, "1 0 0 0 0 20 1 40 3");
    take_link(name, first);
    line_is(name, "0 20 1 40 3 0 0 0 0");
    add_link(name, second);
    line_is(name, "1 20 1 40 3 0 0 0 0");
    stats_write(the_world, "traffic_iface_stats_map", &second, (struct tctl_stats_value){5, 600, 7, 800});
    line_is(name, "1 20 1 40 3 600 5 800 7");
    take_link(name, second);
    line_is(name, "0 620 6 840 10 0 0 0 0");
}

static void test_interfaces_that_come_and_go(void **state)
{
    (void)state;
    come_and_go("usb0", 7001, 7002);
}

/* There the kernel knows nothing of them. */
static void test_the_same_from_another_namespace(void **state)
{
    (void)state;
    come_and_go("usb1", 7003, 7004);
}

/* Real packets, counted where interfaces are. */
static void test_interfaces_with_traffic(void **state)
{
    struct tctl_counters before, told, since;

    (void)state;
    some_traffic(AF_INET, UID, 0);
    ifaces_are_read();
    do {
        before = iface_total("a0");
        _cleanup_free_ char *fmt = text_of("iface_stat_fmt");
        told = old_iface_fmt(fmt, "a0");
        since = counters_less(iface_total("a0"), before);
    } while (since.rx_packets || since.tx_packets);
    assert_true(told.rx_packets >= 5);
    assert_counters_equal("a0", told, before);
}

/* qtaguid_test.py's testCloseWithoutUntag, libcutils' close_socket_without_untag. */
static void test_tags_until_the_last_close(void **state)
{
    int fd = socket_as(the_world, PLACE_A, UID, AF_INET, SOCK_DGRAM, 0);
    _cleanup_free_ char *text = NULL, *none = text_of("ctrl");
    char line[128];

    (void)state;
    assert_int_equal(old_ctrl_sockets(none), 0);
    tag_write(the_world, fd, UID, TAG);
    text = text_of("ctrl");
    assert_true(old_ctrl_has_tag(text, TAG, UID));
    assert_false(old_ctrl_has_tag(text, TAG, TAGGED));
    assert_true(old_ctrl_references(text, TAG, UID) <= 2);
    assert_int_equal(old_ctrl_references(text, TAG + 1, UID), -ENOENT);
    assert_int_equal(old_ctrl_sockets(text), 1);
    snprintf(line, sizeof(line), "sock=%016llx tag=0xff00ff0000002711 (uid=10001) pid=0 f_count=0\nevents: ",
             (unsigned long long)cookie_of(fd));
    assert_memory_equal(text, line, strlen(line));
    fd_close(fd);
    free(text);
    text = text_of("ctrl");
    assert_string_equal(text, none);
}

static void refused(uid_t uid, const char *command, int exit, const char *part, const char *another)
{
    const char *const arguments[] = {"--bpffs", the_world->bpffs, "qtaguid", command, NULL};

    run_as(uid, "trafficctl", arguments, &said);
    assert_refused(&said, exit, part, another);
    assert_string_equal(said.out, "");
}

static void test_who_may_read(void **state)
{
    static const char *const COMMANDS[] = {"stats", "iface_stat_fmt", "iface_stat_all", "ctrl"};
    char words[64];

    (void)state;
    assert_return_code(chmod(the_world->folder, 0755), errno);
    for (size_t i = 0; i < ARRAY_SIZE(COMMANDS); i++) {
        refused(READER + 1, COMMANDS[i], 1, "read_group", NULL);
        snprintf(words, sizeof(words), "--json qtaguid %s", COMMANDS[i]);
        run_ctl(the_world, words, 2, &said);
        assert_refused(&said, 2, "is a text and has no JSON", COMMANDS[i]);
        snprintf(words, sizeof(words), "qtaguid %s", COMMANDS[i]);
        if (i < 3)
            free(run_ctl_text(the_world, READER, words));
    }
    refused(READER, "ctrl", 1, "traffic_cookie_tag_map", "accounting_group");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_titles),
        cmocka_unit_test(test_stats_of_users_and_tags),
        cmocka_unit_test(test_names_of_odd_bytes),
        cmocka_unit_test(test_names_that_are_cut),
        cmocka_unit_test(test_any_numbers),
        IN_A_PLACE(test_interfaces_that_come_and_go),
        cmocka_unit_test(test_the_same_from_another_namespace),
        cmocka_unit_test(test_interfaces_with_traffic),
        cmocka_unit_test(test_tags_until_the_last_close),
        cmocka_unit_test(test_who_may_read),
        cmocka_unit_test(test_ten_thousand_rows),
    };
    const struct world_options options = {.config = "read_group = 20001\n", .netfilter = "auto", .percpu = true};

    return run_world("qtaguid", tests, ARRAY_SIZE(tests), &options);
}
