/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Another reader agrees: bpftool's dump of every map beside every JSON document and text of trafficctl. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "documents.h"
#include "fd.h"
#include "iface_kit.h"
#include "kit.h"
#include "program.h"
#include "stream.h"
#include "verify_kit.h"

#define UID 10001
#define TAGGED 10002
#define DENIED 10003
#define NO_USER 4294967290u
#define VETH 7001
#define ROWS 10000
#define MANY_IFACES 8000
#define IFACES 900 /* of 1000: some are there already */
#define CHAIN_UIDS 3900
#define WAIT_MS 10000

static struct program said;

static void ctl(const char *words)
{
    run_ctl(the_world, words, 0, &said);
}

/* A row of a map of counters, on the first CPU, or on each: there one packet more than on the one before. */
static void put(int map, const void *key, struct tctl_stats_value value, bool on_each)
{
    const size_t cpus = the_world->options.percpu ? (size_t)libbpf_num_possible_cpus() : 1;
    _cleanup_free_ struct tctl_stats_value *values = calloc(cpus, sizeof(*values));

    assert_non_null(values);
    for (size_t cpu = 0; cpu < (on_each ? cpus : 1); cpu++, value.rx_packets++)
        values[cpu] = value;
    assert_return_code(bpf_map_update_elem(map, key, values, BPF_ANY), errno);
}

static void put_drop(int map, uint32_t uid, uint32_t reason, struct tctl_stats_value value)
{
    const struct tctl_drop_key key = {.uid = uid, .reason = reason};
    const struct tctl_drop drop = {.dropped = value};

    assert_return_code(bpf_map_update_elem(map, &key, &drop, BPF_ANY), errno);
}

/* Everything that is counted has a row for each of these UIDs: without a tag and with one, at lo. */
static void put_everywhere(uint32_t uid, struct tctl_stats_value value)
{
    const struct tctl_stats_key plain = {.uid = uid, .iface_index = 1},
                                tagged = {.uid = uid, .tag = uid, .iface_index = 1};
    _cleanup_fd_ int uids = world_map(the_world, "traffic_app_uid_stats_map"),
                     plains = world_map(the_world, "traffic_uid_stats_map"),
                     tags = world_map(the_world, "traffic_tag_stats_map"),
                     ifaces = world_map(the_world, "traffic_iface_stats_map"),
                     drops = world_map(the_world, TCTL_DIR "/drops");

    put(uids, &uid, value, false);
    put(plains, &plain, value, false);
    put(tags, &tagged, value, false);
    put(ifaces, &plain.iface_index, value, false);
    put_drop(drops, uid, TCTL_STANDBY, value);
}

/* What a program counts that interrupted another one. */
static void put_spill(enum tctl_stats_map map, struct tctl_stats_key key)
{
    const struct tctl_spill_key spill = {.map = map, .key = key};
    _cleanup_fd_ int fd = world_map(the_world, TCTL_DIR "/spill");

    put(fd, &spill, (struct tctl_stats_value){1, 60, 2, 120}, true);
}

static void test_at_first(void **state)
{
    (void)state;
    all_agree();
}

static void wait_for_packets(uid_t uid, uint64_t packets)
{
    const uint64_t start = now_ms();

    while (uid_total(the_world, uid).rx_packets < packets) {
        assert_true(now_ms() - start < WAIT_MS);
        poll(NULL, 0, 5);
    }
}

/* Traffic, a stop, a comparison, and again, of another user. */
static void test_traffic_and_rest(void **state)
{
    struct stream stream;

    (void)state;
    for (uid_t uid = UID; uid < UID + 3; uid++) {
        stream_start(&stream, uid, 20);
        wait_for_packets(uid, 200);
        stream_stop(&stream);
        all_agree();
        stream_end(&stream);
    }
}

static void test_tags_and_sets(void **state)
{
    struct udp udp = udp_pair(the_world, TAGGED, AF_INET6, 2);

    (void)state;
    for (uint32_t tag = 0xfffffff0; tag < 0xfffffff5; tag++) {
        tag_write(the_world, udp.a, TAGGED, tag);
        byte_write(the_world, "traffic_uid_counterSet_map", TAGGED, tag & 1);
        policy_raise(the_world);
        udp_send(udp.a, udp.b, 100);
        udp_send(udp.b, udp.a, 1000);
    }
    all_agree();
    udp_close(&udp);
    ctl("delete-tag-data 10002 0xfffffff1");
    all_agree();
}

/* An interface goes and another of its name comes: two numbers, one row. */
static void test_equal_names(void **state)
{
    (void)state;
    add_veth("again0", VETH);
    comes_to_name(VETH, "again0");
    send_on("again0", UID, 1);
    delete_link("again0");
    comes_to_name(VETH, NULL);
    stats_agree(false);
    add_veth("again0", VETH + 1);
    comes_to_name(VETH + 1, "again0");
    send_on("again0", UID, 2);
    send_on("again0", TAGGED, 4);
    stats_agree(false);
    stats_agree_on("again0");
    verify_agrees(); /* only of that which is there */
    delete_link("again0");
    comes_to_name(VETH + 1, NULL);
    stats_agree(false);
}

static void put_base(uint32_t number, struct tctl_stats_value link, struct tctl_stats_value rows)
{
    const struct tctl_iface_base base = {.link = link, .rows = rows};
    _cleanup_fd_ int map = world_map(the_world, TCTL_DIR "/iface_base");

    assert_return_code(bpf_map_update_elem(map, &number, &base, BPF_ANY), errno);
}

static void put_parts(uint32_t number)
{
    const struct tctl_iface_parts parts = {{1, 40, 2, 80}, {5, 500, 6, 700}, {0, 0, 3, 90}};
    _cleanup_fd_ int map = world_map(the_world, TCTL_DIR "/iface_parts");

    assert_return_code(bpf_map_update_elem(map, &number, &parts, BPF_ANY), errno);
}

/* What no traffic here brings. No base is more than the link has: that would be a driver that began anew. */
static void test_parts_and_bases(void **state)
{
    const uint32_t number = if_nametoindex("a0");
    _cleanup_fd_ int map = world_map(the_world, TCTL_DIR "/iface_base");
    struct udp udp = udp_pair(the_world, UID, AF_INET, 4);
    struct tctl_iface_base base;

    (void)state;
    assert_return_code(bpf_map_lookup_elem(map, &number, &base), errno);
    udp_send(udp.a, udp.b, 100);
    udp_send(udp.b, udp.a, 100);
    udp_close(&udp);
    put_parts(number);
    verify_agrees();
    put_base(number, (struct tctl_stats_value){1, 100, 1, 120}, (struct tctl_stats_value){0, 60, 1, 90});
    verify_agrees();
    put_base(number, (struct tctl_stats_value){1, 100, 1, 120}, (struct tctl_stats_value){2, 40, 1, 121});
    verify_agrees();
    assert_return_code(bpf_map_delete_elem(map, &number), errno);
    verify_agrees();
    put_base(number, base.link, base.rows);
}

/* No packet has crossed this link, and its rows are what was merged: the link has that much less. */
static void test_merged(void **state)
{
    const uint32_t number = VETH + 2;
    _cleanup_fd_ int rows = world_map(the_world, "traffic_iface_stats_map");

    (void)state;
    assert_int_equal(world_run(the_world, PLACE_A, "ip link add still0 index %u type veth peer still1", number), 0);
    comes_to_name(number, "still0");
    put_parts(number);
    put(rows, &number, (struct tctl_stats_value){1, 40, 2, 80}, false);
    json_t *json = run_ctl_json(the_world, "verify still0", 0);
    assert_part("rx", part_of(side_of(json, "still0", "rx"), "merged"), -1, -40);
    assert_part("tx", part_of(side_of(json, "still0", "tx"), "merged"), -2, -80);
    json_decref(json);
    delete_link("still0");
    comes_to_name(number, NULL);
}

static void test_rules_and_drops(void **state)
{
    struct udp udp = udp_pair(the_world, DENIED, AF_INET, 3);

    (void)state;
    ctl("firewall deny standby 10003 10004");
    ctl("firewall allow dozable 10001 10003");
    ctl("firewall deny oem_deny_1 10005");
    ctl("firewall enable standby");
    ctl("firewall enable oem_deny_1");
    ctl("firewall lockdown 10006 on");
    send(udp.a, "0123456789", 10, 0);
    send(udp.b, "0123456789", 10, 0);
    all_agree();
    ctl("firewall disable standby");
    udp_send(udp.a, udp.b, 10);
    udp_close(&udp);
    all_agree();
    ctl("firewall disable oem_deny_1");
    ctl("firewall lockdown 10006 off");
}

/* The kernel takes any bytes for a name but a blank, a slash and a colon. */
static void odd_interface(const struct odd_name *odd, unsigned int number)
{
    const int status = odd->in_rules ? 0 : 1;
    char words[128];

    add_veth(odd->name, number);
    comes_to_name(number, odd->name);
    send_on(odd->name, number, number - VETH);
    snprintf(words, sizeof(words), "iface metered %s on", odd->name);
    run_ctl(the_world, words, status, &said);
    snprintf(words, sizeof(words), "firewall iif %u %s", number, odd->name);
    run_ctl(the_world, words, status, &said);
}

static void test_odd_names(void **state)
{
    const unsigned int first = VETH + 10;

    (void)state;
    for (unsigned int i = 0; i < ODD_NAMES; i++)
        odd_interface(&odd_names[i], first + i);
    ctl("firewall iif 10001 any");
    all_agree();
    for (unsigned int i = 0; i < ODD_NAMES; i++) {
        stats_agree_on(odd_names[i].name);
        delete_link(odd_names[i].name);
        comes_to_name(first + i, NULL);
    }
    stats_agree(false); /* what is gone is known by its name */
}

static const char *const counted_maps[] = {"traffic_app_uid_stats_map", "traffic_uid_stats_map",
                                           "traffic_tag_stats_map", "traffic_iface_stats_map", TCTL_DIR "/drops"};

static void empty_all(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(counted_maps); i++)
        map_empty(the_world, counted_maps[i]);
    if (the_world->options.percpu)
        map_empty(the_world, TCTL_DIR "/spill");
}

static void test_empty_maps(void **state)
{
    (void)state;
    empty_all();
    all_agree();
}

/* Rows beside what was spilt, and what was spilt alone; the number has no name. */
static void test_spill(void **state)
{
    const struct tctl_stats_key here = {.uid = UID, .iface_index = VETH + 1}, tagged = {.uid = UID, .tag = 7},
                                lo = {.uid = UID, .iface_index = 1};

    (void)state;
    empty_all();
    put_everywhere(UID, (struct tctl_stats_value){1, 2, 3, 4});
    put_spill(TCTL_APP_UID_STATS, here);
    put_spill(TCTL_UID_STATS, here);
    put_spill(TCTL_UID_STATS, lo);
    put_spill(TCTL_TAG_STATS, tagged);
    put_spill(TCTL_IFACE_STATS, here);
    put_spill(TCTL_IFACE_STATS, lo);
    stats_agree(false);
    verify_agrees();
}

static void test_users_without_a_name(void **state)
{
    const struct tctl_stats_value value = {1, 2, 3, 4};

    (void)state;
    empty_all();
    assert_non_null(getpwuid(0));
    assert_null(getpwuid(NO_USER));
    put_everywhere(0, value);
    put_everywhere(NO_USER, value);
    stats_agree(false);
    stats_agree(true);
}

/* JSON holds 2^63-1 at most, a text is exact. */
static void test_counters_near_their_end(void **state)
{
    static const uint64_t numbers[] = {INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX - 1, UINT64_MAX};

    (void)state;
    empty_all();
    for (uint32_t i = 0; i < ARRAY_SIZE(numbers); i++)
        put_everywhere(UID + i, (struct tctl_stats_value){numbers[i], numbers[i], numbers[i], numbers[i]});
    stats_agree(false);
    verify_agrees();
    json_t *json = run_ctl_json(the_world, "stats uid 10004", 0);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(json_object_get(json, "uids"), 0), "rx_bytes")),
                     INT64_MAX);
    json_decref(json);
    ctl("stats uid 10004");
    assert_non_null(strstr(said.out, "18446744073709551615"));
}

static void test_losses_near_their_end(void **state)
{
    _cleanup_fd_ int map = world_map(the_world, TCTL_DIR "/state");
    const uint32_t zero = 0;
    struct tctl_state before, full;

    (void)state;
    assert_return_code(bpf_map_lookup_elem(map, &zero, &before), errno);
    full = before;
    memset(full.lost, 0xff, sizeof(full.lost) + sizeof(full.dropped) + sizeof(full.untold));
    assert_return_code(bpf_map_update_elem(map, &zero, &full, BPF_ANY), errno);
    status_agrees();
    assert_return_code(bpf_map_update_elem(map, &zero, &before, BPF_ANY), errno);
    status_agrees();
}

/* Of all that there can be, also above 2^31. */
static uint32_t nth_uid(uint32_t n)
{
    return n * 429496;
}

static struct tctl_stats_value nth_value(uint32_t n)
{
    return (struct tctl_stats_value){n, (uint64_t)n * n * n, n / 2, n * 1000};
}

/* Each name is that of two. */
static void fill_interfaces(void)
{
    _cleanup_fd_ int names = world_map(the_world, "traffic_iface_index_name_map"),
                     rows = world_map(the_world, "traffic_iface_stats_map");

    for (uint32_t n = 0; n < IFACES; n++) {
        char name[TCTL_IFNAME_LEN] = "";
        uint32_t number = MANY_IFACES + n;
        snprintf(name, sizeof(name), "many%u", n / 2);
        assert_return_code(bpf_map_update_elem(names, &number, name, BPF_ANY), errno);
        put(rows, &number, nth_value(n), true);
    }
}

static void fill_rows(void)
{
    _cleanup_fd_ int uids = world_map(the_world, "traffic_app_uid_stats_map"),
                     plains = world_map(the_world, "traffic_uid_stats_map"),
                     tags = world_map(the_world, "traffic_tag_stats_map"),
                     drops = world_map(the_world, TCTL_DIR "/drops");

    for (uint32_t n = 0; n < ROWS; n++) {
        struct tctl_stats_key key = {.uid = nth_uid(n), .counter_set = n & 1, .iface_index = MANY_IFACES + n % IFACES};
        put(uids, &key.uid, nth_value(n), true);
        put(plains, &key, nth_value(n), true);
        key.tag = ~n;
        put(tags, &key, nth_value(n), true);
        put_drop(drops, key.uid, 1 + n % (TCTL_REASONS - 1), nth_value(n));
    }
}

/* A chain that is off. */
static void fill_chain(void)
{
    char words[128], path[96];

    snprintf(path, sizeof(path), "%s/uids", the_world->folder);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    for (uint32_t n = 0; n < CHAIN_UIDS; n++)
        fprintf(file, "%u\n", UID + n);
    assert_int_equal(fclose(file), 0);
    snprintf(words, sizeof(words), "firewall replace dozable %s", path);
    ctl(words);
    assert_return_code(unlink(path), errno);
}

/* As many as the maps hold when nobody says otherwise. */
static void test_ten_thousand_rows(void **state)
{
    (void)state;
    empty_all();
    fill_interfaces();
    fill_rows();
    fill_chain();
    stats_agree(true); /* users' names take longer than all the rest */
    status_agrees();
    firewall_agrees();
    assert_int_equal(map_rows(the_world, "traffic_uid_stats_map"), ROWS);
}

int main(void)
{
    const struct world_options shared = {.netfilter = "auto"}, percpu = {.netfilter = "auto", .percpu = true};
    const struct CMUnitTest tests[] = {
        IN_A_PLACE(test_at_first),
        IN_A_PLACE(test_traffic_and_rest),
        IN_A_PLACE(test_tags_and_sets),
        IN_A_PLACE(test_equal_names),
        IN_A_PLACE(test_parts_and_bases),
        IN_A_PLACE(test_merged),
        IN_A_PLACE(test_rules_and_drops),
        IN_A_PLACE(test_odd_names),
        IN_A_PLACE(test_empty_maps),
        IN_A_PLACE(test_users_without_a_name),
        IN_A_PLACE(test_counters_near_their_end),
        IN_A_PLACE(test_losses_near_their_end),
        IN_A_PLACE(test_ten_thousand_rows),
        IN_A_PLACE(test_spill), /* of per-CPU counters only */
    };

    return run_world("readers", tests, ARRAY_SIZE(tests) - 1, &shared) +
           run_world("readers", tests, ARRAY_SIZE(tests), &percpu);
}
