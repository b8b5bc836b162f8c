/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Bad input: one line that says what was wrong, exit status 1 or 2, nothing changed. */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "kit.h"
#include "program.h"

static struct program said;

/* trafficd in the world with one more option and its argument (or neither). */
static void run_daemon(uid_t uid, const char *option, const char *argument)
{
    const char *const arguments[] = {"--config",       the_world->config, "--bpffs",
                                     the_world->bpffs, "--cgroup",        the_world->cgroup,
                                     option,           argument,          NULL};

    run_as(uid, "trafficd", arguments, &said);
}

/* Options and configuration are refused before anything is done. */
static void refused(int exit, const char *part, const char *another)
{
    assert_refused(&said, exit, part, another);
    assert_int_equal(bpffs_entries(the_world), 0);
}

static void test_unknown_option(void **state)
{
    (void)state;
    run_daemon(0, "--colour", NULL);
    refused(2, "--colour", NULL);
    run_daemon(0, "stray", NULL);
    refused(2, "stray", NULL);
}

static void test_option_values(void **state)
{
    static const char *const bad[][3] = {
        {"--counters", "many", "many"},
        {"--app-uids", "5-1", "5-1"},
        {"--app-uids", "4294967296-", "429496"},
        {"--per-user-range", "99999999999", "99999999999"},
        {"--per-user-range", "-1", "-1"},
        {"--rows-per-uid", "12x", "12x"},
        {"--netfilter", "sometimes", "sometimes"},
        {"--fold-user-namespaces", "maybe", "maybe"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        run_daemon(0, bad[i][0], bad[i][1]);
        refused(2, bad[i][0], bad[i][2]);
    }
}

/* Lines 1 to 4 are the harness's. */
static void configured(const char *config, const char *part)
{
    char place[128];

    assert_int_equal(world_configure(the_world, config), 0);
    run_daemon(0, NULL, NULL);
    snprintf(place, sizeof(place), "%s:5", the_world->config);
    refused(2, place, part);
    assert_int_equal(world_configure(the_world, NULL), 0);
}

static void test_configuration(void **state)
{
    char longer[256];

    (void)state;
    configured("[colours]\nred = 1\n", "colours");
    configured("colour = red\n", "colour");
    configured(" app_uids = 1\n", NULL);
    configured("rows_per_uid = 4294967296\n", "4294967296");
    memset(longer, 'x', 200);
    memcpy(longer, "app_uids = ", 11);
    memcpy(longer + 200, "\n", 2);
    configured(longer, NULL);
}

static void test_configuration_of_maps(void **state)
{
    char place[128];

    (void)state;
    assert_int_equal(world_configure(the_world, "[maps]\nuid_stats = 0\n"), 0);
    run_daemon(0, NULL, NULL);
    snprintf(place, sizeof(place), "%s:6", the_world->config);
    refused(2, place, "uid_stats");
    assert_int_equal(world_configure(the_world, "[maps]\nuid_statistics = 10\n"), 0);
    run_daemon(0, NULL, NULL);
    refused(2, place, "uid_statistics");
    assert_int_equal(world_configure(the_world, NULL), 0);
}

static void test_missing_configuration_file(void **state)
{
    (void)state;
    run_daemon(0, "--config", "/nonexistent/conf");
    refused(2, "/nonexistent/conf", NULL);
}

static void test_check_config(void **state)
{
    (void)state;
    run_daemon(0, "--check-config", NULL);
    assert_int_equal(said.exit, 0);
    assert_non_null(strstr(said.out, "[trafficd]"));
    assert_non_null(strstr(said.out, "app_uid_stats = 10000"));
    assert_int_equal(bpffs_entries(the_world), 0);
}

static void test_not_a_control_group(void **state)
{
    (void)state;
    run_daemon(0, "--cgroup", the_world->folder);
    refused(1, the_world->folder, NULL);
    run_daemon(0, "--cgroup", "/nonexistent/group");
    refused(1, "/nonexistent/group", NULL);
}

static void test_foreign_file_system(void **state)
{
    char place[128];

    (void)state;
    snprintf(place, sizeof(place), "%s/foreign", the_world->folder);
    assert_return_code(mkdir(place, 0700), errno);
    assert_return_code(mount("none", place, "tmpfs", 0, NULL), errno);
    run_daemon(0, "--bpffs", place);
    assert_return_code(umount(place), errno);
    assert_return_code(rmdir(place), errno);
    refused(1, place, "tmpfs");
}

/* A user without any privilege is told which capability is missing. */
static void test_no_privilege(void **state)
{
    (void)state;
    assert_return_code(chmod(the_world->config, 0644), errno);
    assert_return_code(chmod(the_world->bpffs, 0711), errno);
    run_daemon(10001, NULL, NULL);
    refused(1, "CAP_", NULL);
}

static void map_pin(const char *name, uint32_t entries_wanted)
{
    _cleanup_fd_ int map = bpf_map_create(BPF_MAP_TYPE_HASH, "foreign", 16, 32, entries_wanted, NULL);
    char path[160];

    assert_true(map >= 0);
    snprintf(path, sizeof(path), "%s/%s", the_world->bpffs, name);
    assert_return_code(bpf_obj_pin(map, path), errno);
}

static void test_pin_of_another_shape(void **state)
{
    char path[160];

    (void)state;
    map_pin("traffic_uid_stats_map", 77777);
    run_daemon(0, NULL, NULL);
    assert_refused(&said, 1, "traffic_uid_stats_map", "77777");
    assert_non_null(strstr(said.error, "10000")); /* both shapes are named */
    assert_int_equal(bpffs_entries(the_world), 1);
    snprintf(path, sizeof(path), "%s/traffic_uid_stats_map", the_world->bpffs);
    assert_return_code(unlink(path), errno);
}

static void test_command_usage(void **state)
{
    static const char *const bad[][2] = {
        {"--colour status", "--colour"},
        {"colour", "colour"},
        {"stats uid nosuchuser", "nosuchuser"},
        {"stats uid 4294967296", "4294967296"},
        {"stats uid 4294967295", "4294967295"},
        {"stats uid -1", "-1"},
        {"stats detail --tag 0x100000000", "0x100000000"},
        {"stats detail --set many", "many"},
        {"stats detail --uid", "--uid"},
        {"stats colour", "colour"},
        {"status more", "more"},
        {"stats iface averyveryverylongname", "averyveryverylongname"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        run_ctl(the_world, bad[i][0], 2, &said);
        assert_refused(&said, 2, bad[i][1], NULL);
        assert_string_equal(said.out, "");
    }
}

static void test_command_without_pins(void **state)
{
    static const char *const words[] = {"status", "stats uid", "stats detail", "stats iface"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        run_ctl(the_world, words[i], 1, &said);
        assert_refused(&said, 1, the_world->bpffs, NULL);
    }
}

static void run_ctl_as_user(const char *word)
{
    const char *const arguments[] = {"--bpffs", the_world->bpffs, word, NULL};

    run_as(10001, "trafficctl", arguments, &said);
}

static void test_command_without_privilege(void **state)
{
    (void)state;
    run_ctl_as_user("check");
    assert_refused(&said, 1, "CAP_BPF", "CAP_NET_ADMIN");
    assert_return_code(chmod(the_world->bpffs, 0700), errno);
    run_ctl_as_user("unload");
    assert_refused(&said, 1, the_world->bpffs, "root");
    assert_return_code(chmod(the_world->bpffs, 0711), errno);
}

/* The last: from here on something is pinned. */
static void test_load_only_then_other_counters(void **state)
{
    size_t pins;

    (void)state;
    run_daemon(0, "--load-only", NULL);
    assert_int_equal(said.exit, 0);
    pins = bpffs_entries(the_world);
    assert_int_equal(pins, 15); /* ten maps, four programs, and the folder of what netd has no name for */
    run_daemon(0, "--counters", "percpu");
    assert_refused(&said, 1, "unload", "percpu");
    assert_int_equal(bpffs_entries(the_world), pins);
    run_ctl_as_user("unload");
    assert_refused(&said, 1, the_world->bpffs, "root");
    run_ctl(the_world, "unload", 0, &said);
    assert_int_equal(bpffs_entries(the_world), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_option),
        cmocka_unit_test(test_option_values),
        cmocka_unit_test(test_configuration),
        cmocka_unit_test(test_configuration_of_maps),
        cmocka_unit_test(test_missing_configuration_file),
        cmocka_unit_test(test_check_config),
        cmocka_unit_test(test_not_a_control_group),
        cmocka_unit_test(test_foreign_file_system),
        cmocka_unit_test(test_no_privilege),
        cmocka_unit_test(test_pin_of_another_shape),
        cmocka_unit_test(test_command_usage),
        cmocka_unit_test(test_command_without_pins),
        cmocka_unit_test(test_command_without_privilege),
        cmocka_unit_test(test_load_only_then_other_counters),
    };

    return run_world("refusals", tests, ARRAY_SIZE(tests), &(struct world_options){.no_daemon = true});
}
