/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* trafficctl firewall and iface metered: what they change, what they print, and what they refuse. */
#include <bpf/bpf.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "inside.h"
#include "wall_kit.h"

#define APP 10001
#define OTHER 10002
#define READER 20001
#define ROOM 8 /* users in standby, see main() */

static const struct {
    const char *name;
    bool allows;
} CHAINS[] = {
    {"dozable", true},           {"standby", false},      {"powersave", true},          {"restricted", true},
    {"low_power_standby", true}, {"background", true},    {"oem_deny_1", false},        {"oem_deny_2", false},
    {"oem_deny_3", false},       {"metered_allow", true}, {"metered_deny_user", false}, {"metered_deny_admin", false},
};

static void assert_text(const json_t *object, const char *member, const char *expected)
{
    assert_string_equal(json_string_value(json_object_get(object, member)), expected);
}

static void test_show_of_nothing(void **state)
{
    json_t *rules = wall_rules();

    (void)state;
    assert_int_equal(json_array_size(json_object_get(rules, "chains")), ARRAY_SIZE(CHAINS));
    for (size_t i = 0; i < ARRAY_SIZE(CHAINS); i++) {
        json_t *chain = wall_chain(rules, (int)i + 1);

        assert_text(chain, "name", CHAINS[i].name);
        assert_text(chain, "type", CHAINS[i].allows ? "allow" : "deny");
        assert_true(json_is_false(json_object_get(chain, "enabled")));
        assert_int_equal(json_array_size(json_object_get(chain, "uids")), 0);
    }
    assert_int_equal(json_array_size(json_object_get(rules, "iif")), 0);
    assert_int_equal(json_array_size(json_object_get(rules, "lockdown")), 0);
    assert_int_equal(json_array_size(json_object_get(rules, "metered")), 0);
    assert_true(json_is_false(json_object_get(rules, "closed")));
    json_decref(rules);
}

/* By name and by number; and once more, which changes nothing and is no failure. */
static void chain_obeys(int number)
{
    const char *name = CHAINS[number - 1].name;
    const char *on = CHAINS[number - 1].allows ? "allow" : "deny", *off = CHAINS[number - 1].allows ? "deny" : "allow";

    for (int again = 0; again < 2; again++)
        wall("firewall enable %s", name);
    wall_chain_is(number, true, 0, 0, 0);
    for (int again = 0; again < 2; again++)
        wall("firewall %s %d %d %#x %d", on, number, OTHER, APP, OTHER);
    wall_chain_is(number, true, 2, APP, OTHER);
    for (int again = 0; again < 2; again++)
        wall("firewall %s %s %d", off, name, APP);
    wall_chain_is(number, true, 1, OTHER, 0);
    for (int again = 0; again < 2; again++)
        wall("firewall disable %d", number);
    wall_chain_is(number, false, 1, OTHER, 0);
}

static void test_every_chain_by_name_and_number(void **state)
{
    (void)state;
    for (int number = 1; number <= (int)ARRAY_SIZE(CHAINS); number++)
        chain_obeys(number);
}

/* The byte of a user's row, -1 when there is none. */
static int row_of(const char *pin, uint32_t uid)
{
    _cleanup_fd_ int map = world_map(the_world, pin);
    uint8_t value;

    return bpf_map_lookup_elem(map, &uid, &value) == 0 ? value : -1;
}

/* netd's BPF_PASS on an allow list, BPF_DROP on a deny list, else no row; the switch under a key of its own. */
static void test_netds_maps_hold_what_netd_writes(void **state)
{
    (void)state;
    wall("firewall allow dozable %d", APP);
    wall("firewall allow powersave %d", APP);
    wall("firewall deny standby %d", APP);
    assert_int_equal(row_of("traffic_dozable_uid_map", APP), 1);
    assert_int_equal(row_of("traffic_powersave_uid_map", APP), 1);
    assert_int_equal(row_of("traffic_standby_uid_map", APP), 0);
    wall("firewall enable standby");
    assert_int_equal(row_of("traffic_standby_uid_map", TCTL_CHAIN_SWITCH), 1);
    wall("firewall disable standby");
    assert_int_equal(row_of("traffic_standby_uid_map", TCTL_CHAIN_SWITCH), 0);
    wall("firewall deny dozable %d", APP);
    wall("firewall deny powersave %d", APP);
    wall("firewall allow standby %d", APP);
    assert_int_equal(row_of("traffic_dozable_uid_map", APP), -1);
    assert_int_equal(row_of("traffic_powersave_uid_map", APP), -1);
    assert_int_equal(row_of("traffic_standby_uid_map", APP), -1);
}

/* What a peer writes raw is shown like anything else. */
static void test_raw_rules_are_shown(void **state)
{
    (void)state;
    byte_write(the_world, "traffic_standby_uid_map", APP, 0);
    byte_write(the_world, "traffic_standby_uid_map", OTHER, 1); /* allows: not on the list */
    byte_write(the_world, "traffic_standby_uid_map", TCTL_CHAIN_SWITCH, 1);
    wall_chain_is(2, true, 1, APP, 0);
}

static void test_rules_of_interfaces(void **state)
{
    json_t *rules, *rule;

    (void)state;
    for (int again = 0; again < 2; again++) {
        wall("firewall iif %d a0", APP);
        wall("firewall iif %d any", OTHER);
        wall("firewall lockdown %d on", OTHER);
        wall("iface metered a0 on");
    }
    rules = wall_rules();
    assert_int_equal(json_array_size(json_object_get(rules, "iif")), 2);
    rule = json_array_get(json_object_get(rules, "iif"), 0);
    assert_int_equal(json_integer_value(json_object_get(rule, "uid")), APP);
    assert_text(rule, "iface", "a0");
    rule = json_array_get(json_object_get(rules, "iif"), 1);
    assert_int_equal(json_integer_value(json_object_get(rule, "uid")), OTHER);
    assert_true(json_is_null(json_object_get(rule, "iface")));
    assert_int_equal(json_array_size(json_object_get(rules, "lockdown")), 1);
    assert_true(has_number(json_object_get(rules, "lockdown"), OTHER));
    assert_string_equal(json_string_value(json_array_get(json_object_get(rules, "metered"), 0)), "a0");
    json_decref(rules);
    for (int again = 0; again < 2; again++) {
        wall("firewall iif %d none", APP);
        wall("firewall iif %d none", OTHER);
        wall("firewall lockdown %d off", OTHER);
        wall("iface metered a0 off");
    }
    test_show_of_nothing(state);
}

static void test_show_as_text(void **state)
{
    (void)state;
    wall("firewall deny standby %d %d", APP, OTHER);
    wall("firewall enable standby");
    wall("firewall iif %d a0", APP);
    wall("firewall lockdown %d on", OTHER);
    wall("iface metered a0 on");
    run_ctl(the_world, "-n firewall show", 0, &said);
    assert_string_equal(said.error, "");
    assert_non_null(strstr(said.out, "dozable                  1  allow  no       -\n"));
    assert_non_null(strstr(said.out, "standby                  2  deny   yes      10001 10002\n"));
    assert_non_null(strstr(said.out, "iif: 10001 receives from a0\n"));
    assert_non_null(strstr(said.out, "lockdown: 10002\n"));
    assert_non_null(strstr(said.out, "metered: a0\n"));
    assert_null(strstr(said.out, "closed"));
}

static void write_list(char path[static 96], const char *text)
{
    FILE *file;

    snprintf(path, 96, "%s/handed", the_world->folder); /* the world takes that away */
    file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void test_replace_by_a_file(void **state)
{
    char path[96];

    (void)state;
    wall("firewall deny standby 10005");
    write_list(path, "# who\n\n10002 # bob\n10001\n10002\n");
    for (int again = 0; again < 2; again++) {
        wall("firewall replace standby %s", path);
        wall_chain_is(2, false, 2, APP, OTHER);
    }
    write_list(path, "");
    wall("firewall replace 2 %s", path);
    wall_chain_is(2, false, 0, 0, 0);
}

static void test_replace_by_standard_input(void **state)
{
    _cleanup_fd_ int text = memfd_create("list", MFD_CLOEXEC), kept = dup(STDIN_FILENO);

    (void)state;
    assert_int_equal(write(text, "10002\n10001", 11), 11);
    assert_int_equal(lseek(text, 0, SEEK_SET), 0);
    assert_return_code(dup2(text, STDIN_FILENO), errno);
    wall("firewall replace dozable -");
    assert_return_code(dup2(kept, STDIN_FILENO), errno);
    wall_chain_is(1, false, 2, APP, OTHER);
}

struct refusal {
    int exit;
    const char *part, *another;
    const char *words;
};

/* Neither the maps nor the saved policy are others afterwards. */
static void refuses(const struct refusal *cases, size_t count)
{
    json_t *before = wall_rules();
    char saved[4096], now[4096];

    wall_saved(saved, sizeof(saved));
    for (size_t i = 0; i < count; i++) {
        json_t *after;

        wall_refuses(cases[i].exit, cases[i].part, cases[i].another, cases[i].words);
        after = wall_rules();
        wall_saved(now, sizeof(now));
        if (!json_equal(before, after) || strcmp(saved, now) != 0)
            fail_msg("%s changed something", cases[i].words);
        json_decref(after);
    }
    json_decref(before);
}

static void some_rules(void)
{
    wall("firewall deny standby %d", APP);
    wall("firewall allow dozable %d", OTHER);
    wall("firewall allow restricted %d", OTHER);
    wall("firewall iif %d a0", APP);
    wall("iface metered a0 on");
}

static void test_wrong_arguments_change_nothing(void **state)
{
    static const struct refusal CASES[] = {
        {2, "no chain 'dozzable'", "metered_deny_admin", "firewall enable dozzable"},
        {2, "no chain '13'", NULL, "firewall deny 13 10001"},
        {2, "nobody-of-that-name", NULL, "firewall allow dozable 10001 nobody-of-that-name"},
        {2, "4294967295", NULL, "firewall deny standby 10003 4294967295"},
        {2, "'10003x'", NULL, "firewall deny standby 10003x"},
        {2, "--forever", NULL, "firewall deny standby 10003 --forever"},
        {2, "on or off", NULL, "firewall lockdown 10003 maybe"},
        {2, "15 bytes", NULL, "firewall iif 10003 a-name-of-seventeen"},
        {2, "15 bytes", NULL, "iface metered a-name-of-seventeen on"},
        {1, "/nonexistent", NULL, "firewall replace standby /nonexistent"},
    };

    (void)state;
    some_rules();
    refuses(CASES, ARRAY_SIZE(CASES));
}

/* A deny that silently does not deny must not exist. */
static void test_system_users_are_refused(void **state)
{
    static const struct refusal CASES[] = {
        {1, "uid 500 ", "app_uids", "firewall deny standby 500"},
        {1, "uid 500 ", "app_uids", "firewall deny standby 10003 500 10004"},
        {1, "uid 500 ", "app_uids", "firewall allow dozable 500"},
        {1, "uid 500 ", "app_uids", "firewall deny metered_deny_user 500 --runtime"},
        {1, "uid 500 ", "app_uids", "firewall iif 500 a0"},
        {1, "uid 500 ", "app_uids", "firewall lockdown 500 on"},
        {1, "uid 0 ", "app_uids", "firewall deny oem_deny_1 root"},
    };

    (void)state;
    some_rules();
    refuses(CASES, ARRAY_SIZE(CASES));
}

static void test_interfaces_that_cannot_be_are_refused(void **state)
{
    static const struct refusal CASES[] = {
        {1, "nothere0", NULL, "firewall iif 10001 nothere0"},
        {1, "nothere0", NULL, "iface metered nothere0 on"},
        {1, "loopback", NULL, "iface metered lo on"},
        {1, "nothere0", NULL, "firewall why 10001 --iface nothere0"},
    };

    (void)state;
    some_rules();
    refuses(CASES, ARRAY_SIZE(CASES));
}

/* The same names are other interfaces elsewhere. */
static void test_interfaces_of_another_namespace_are_refused(void **state)
{
    static const struct refusal CASES[] = {
        {1, "network namespace", NULL, "firewall iif 10001 lo"},
        {1, "network namespace", NULL, "iface metered b0 on"},
        {1, "network namespace", NULL, "firewall why 10001 --iface b0"},
    };

    (void)state;
    some_rules();
    assert_int_equal(place_enter(the_world, PLACE_B), 0);
    refuses(CASES, ARRAY_SIZE(CASES));
    wall("firewall deny standby %d", OTHER);
    assert_int_equal(place_enter(the_world, PLACE_A), 0);
    wall_chain_is(2, false, 2, APP, OTHER);
}

static void test_wrong_lists_change_nothing(void **state)
{
    static const struct {
        const char *text, *said;
        int exit;
    } CASES[] = {
        {"10003\n10004\nnobody-of-that-name\n", "handed:3: there is no user", 2},
        {"10003\n10004 10005\n", "handed:2: ", 2},
        {"4294967295\n", "handed:1: ", 2},
        {"10003\n500\n", "500", 1},
    };
    char path[96], words[160];

    (void)state;
    some_rules();
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        write_list(path, CASES[i].text);
        snprintf(words, sizeof(words), "firewall replace standby %s", path);
        refuses(&(struct refusal){CASES[i].exit, CASES[i].said, NULL, words}, 1);
    }
}

static void test_a_full_map_is_refused(void **state)
{
    char path[96], words[160], text[256] = "";
    size_t length = 0;

    (void)state;
    for (int uid = 11000; uid < 11000 + ROOM; uid++)
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%d\n", uid);
    write_list(path, text);
    wall("firewall enable standby");
    snprintf(words, sizeof(words), "firewall replace standby %s", path);
    refuses(&(struct refusal){1, "room for 8", "standby", words}, 1); /* the switch has a row too */
    write_list(path, text + 6);
    wall("firewall replace standby %s", path);
    wall_chain_is(2, true, ROOM - 1, 11001, 11002);
    refuses(&(struct refusal){1, "room for 8", "standby", "firewall deny standby 11000"}, 1);
    refuses(&(struct refusal){1, "room for 8", "standby", "firewall deny standby 11001 11000 --runtime"}, 1);
    wall("firewall allow standby 11007");
    wall("firewall deny standby 11000");
    wall_chain_is(2, true, ROOM - 1, 11000, 11001);
}

static void test_only_root(void **state)
{
    static const char *const COMMANDS[] = {"enable standby", "deny standby 10001", "show", "why 10001", "restore"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(COMMANDS); i++) {
        const char *arguments[8] = {"--bpffs", the_world->bpffs, "firewall"};
        char words[64];
        size_t n = 3;

        snprintf(words, sizeof(words), "%s", COMMANDS[i]);
        for (char *w = strtok(words, " "); w; w = strtok(NULL, " "))
            arguments[n++] = w;
        run_as(READER, "trafficctl", arguments, &said);
        assert_refused(&said, 1, "root", NULL);
    }
    test_show_of_nothing(state);
}

static void test_nothing_is_pinned(void **state)
{
    static const char *const COMMANDS[] = {
        "firewall enable standby", "firewall show", "firewall restore", "firewall deny standby 10001",
        "iface metered a0 on",     "stats drops",   "monitor"};
    char words[160];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(COMMANDS); i++) {
        snprintf(words, sizeof(words), "--bpffs %s %s", the_world->folder, COMMANDS[i]);
        wall_refuses(1, "no pins in", the_world->folder, words);
    }
}

static void test_everything_works_while_trafficd_is_stopped(void **state)
{
    struct udp udp = udp_pair(the_world, APP, AF_INET, 1);

    (void)state;
    assert_int_equal(world_stop_daemon(the_world, SIGTERM, NULL), 0);
    wall("firewall enable standby");
    wall("firewall deny standby %d", APP);
    assert_false(sends(&udp));
    wall("firewall allow standby %d", APP);
    assert_true(sends(&udp));
    assert_int_equal(world_start_daemon(the_world), 0);
    udp_close(&udp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A(test_show_of_nothing),
        IN_A(test_every_chain_by_name_and_number),
        IN_A(test_netds_maps_hold_what_netd_writes),
        IN_A(test_raw_rules_are_shown),
        IN_A(test_rules_of_interfaces),
        IN_A(test_show_as_text),
        IN_A(test_replace_by_a_file),
        IN_A(test_replace_by_standard_input),
        IN_A(test_wrong_arguments_change_nothing),
        IN_A(test_system_users_are_refused),
        IN_A(test_interfaces_that_cannot_be_are_refused),
        IN_A(test_interfaces_of_another_namespace_are_refused),
        IN_A(test_wrong_lists_change_nothing),
        IN_A(test_a_full_map_is_refused),
        IN_A(test_only_root),
        IN_A(test_nothing_is_pinned),
        IN_A(test_everything_works_while_trafficd_is_stopped),
    };
    const struct world_options options = {.config = WALL_CONFIG "[maps]\nstandby_uid = 8\n"};

    return run_world("firewall commands", tests, ARRAY_SIZE(tests), &options);
}
