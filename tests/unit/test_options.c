/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "effective.h"
#include "options.h"

static const struct options_files NO_FILES = {"/nonexistent/c", "/nonexistent/login.defs"};

/* Parse up to 7 words after the program's name. */
static int parse(const char *const *words, struct options *options, struct fault *fault)
{
    char *argv[9] = {"trafficd"};
    int argc = 1;

    while (words[argc - 1]) {
        argv[argc] = (char *)words[argc - 1];
        argc++;
    }
    return options_parse(argc, argv, options, fault);
}
#define PARSE(options, fault, ...) parse((const char *const[]){__VA_ARGS__, NULL}, options, fault)

static void options_take_every_setting(void **state)
{
    (void)state;
    struct options options;
    struct settings settings;
    struct fault fault = {0};
    size_t count;
    const struct setting *table = settings_table(&count);

    for (size_t i = 0; i < count; i++) {
        char option[64];
        snprintf(option, sizeof(option), "--%s", table[i].option);
        const char *value = table[i].initial ?: "7-8";
        assert_int_equal(PARSE(&options, &fault, option, value), 0);
        assert_string_equal(options.given[i], value);
        assert_int_equal(options_settings(&options, &NO_FILES, &settings, &fault), 0);
        assert_int_equal(PARSE(&options, &fault, option), -EINVAL);
        assert_non_null(strstr(fault.text, option));
    }
}

static void options_know_actions(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        enum options_action action;
    } CASES[] = {
        {"--check-config", OPTIONS_CHECK_CONFIG},
        {"--load-only", OPTIONS_LOAD_ONLY},
        {"--help", OPTIONS_HELP},
        {"-h", OPTIONS_HELP},
        {"--version", OPTIONS_VERSION},
        {"-V", OPTIONS_VERSION},
    };
    struct options options;

    for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
        assert_int_equal(PARSE(&options, NULL, CASES[i].word), 0);
        assert_int_equal(options.action, CASES[i].action);
    }
    assert_int_equal(PARSE(&options, NULL, "--config", "/c", "--load-only", "--check-config"), 0);
    assert_int_equal(options.action, OPTIONS_CHECK_CONFIG);
    assert_string_equal(options.config, "/c");
}

static void options_refuse_what_they_do_not_know(void **state)
{
    (void)state;
    struct options options;
    struct fault fault = {0};

    assert_int_equal(PARSE(&options, &fault, "--sockets", "/s"), -EINVAL);
    assert_non_null(strstr(fault.text, "unknown option --sockets"));
    assert_int_equal(PARSE(&options, &fault, "-q"), -EINVAL);
    assert_non_null(strstr(fault.text, "unknown option -q"));
    assert_int_equal(PARSE(&options, &fault, "--check-config", "-xV"), -EINVAL);
    assert_non_null(strstr(fault.text, "unknown option -x:"));
    assert_int_equal(PARSE(&options, &fault, "--app", "7"), -EINVAL);
    assert_non_null(strstr(fault.text, "unknown option --app:"));
    assert_int_equal(PARSE(&options, &fault, "--bpffs", "/b", "start"), -EINVAL);
    assert_non_null(strstr(fault.text, "unexpected argument 'start'"));
    assert_int_equal(PARSE(&options, &fault, "--config"), -EINVAL);
    assert_non_null(strstr(fault.text, "--config wants an argument"));
    assert_int_equal(PARSE(&options, &fault, "--config="), -EINVAL);
    assert_non_null(strstr(fault.text, "--config wants the name of a file"));
}

static void options_refuse_values_that_do_not_fit(void **state)
{
    (void)state;
    static const char *const CASES[][3] = {
        {"--backend", "nf_tables", "auto, bpf or nft"},
        {"--netfilter", "ipset", "auto, link, nft, legacy or off"},
        {"--counters", "", "shared or percpu"},
        {"--app-uids", "1000", NULL},
        {"--app-uids", "1000-x", "ranges"},
        {"--per-user-range", "4294967296", "from 0 to 4294967295"},
        {"--per-user-range", "-1", "from 0 to"},
        {"--rows-per-uid", " 1", "from 0 to"},
        {"--fold-user-namespaces", "ja", "yes or no"},
        {"--bpffs", "", "a directory"},
        {"--bpffs", "/a;b", "without ';'"},
        {"--cgroup", "/a ", "a directory"},
        {"--cgroup", " /a", "a directory"},
        {"--read-group", "a\nb", "group"},
        {"--policy", "policy", "the whole path of a file"},
        {"--policy", "/var/lib/", "the whole path of a file"},
        {"--policy", "", "the whole path of a file"},
        {"--on-bad-policy", "shut", "keep, closed or open"},
        {"--on-bad-policy", "", "keep, closed or open"},
        {"--exempt-esp", "2", "yes or no"},
        {"--exempt-loopback", "never", "yes or no"},
        {"--destroy-sockets", "all", "yes or no"},
        {"--accounting-uids", "4,", "joined by commas"},
        {"--accounting-uids", "", NULL},
    };
    struct settings settings, untouched;
    struct options options;

    memset(&settings, 0xA5, sizeof(settings));
    memset(&untouched, 0xA5, sizeof(untouched));
    for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
        struct fault fault = {0};
        struct settings result = settings;
        assert_int_equal(PARSE(&options, &fault, CASES[i][0], CASES[i][1]), 0);
        int r = options_settings(&options, &NO_FILES, &result, &fault);
        if (!CASES[i][2]) {
            assert_int_equal(r, 0);
            continue;
        }
        assert_true(r < 0);
        assert_non_null(strstr(fault.text, CASES[i][0]));
        assert_non_null(strstr(fault.text, CASES[i][2]));
        assert_memory_equal(&result, &untouched, sizeof(result));
    }
}

static void options_win_over_files(void **state)
{
    (void)state;
    char path[] = "/tmp/test_options.XXXXXX";
    int fd = mkstemp(path);
    struct settings settings;
    struct options options;

    assert_true(dprintf(fd, "[trafficd]\ncounters = percpu\nrows_per_uid = 5\n") > 0);
    assert_int_equal(PARSE(&options, NULL, "--config", path, "--counters", "shared", "--cgroup", "/x"), 0);
    int r = options_settings(&options, &NO_FILES, &settings, NULL);
    unlink(path);
    close(fd);
    assert_int_equal(r, 0);
    assert_false(settings.percpu);
    assert_int_equal(settings.rows_per_uid, 5);
    assert_string_equal(settings.cgroup, "/x");
    assert_string_equal(settings.bpffs, "/sys/fs/bpf");
    assert_int_equal(options_settings(&options, &NO_FILES, &settings, NULL), -ENOENT);
}

static void settings_of(struct settings *settings, const char *option, const char *value)
{
    struct options options;

    assert_int_equal(PARSE(&options, NULL, option, value), 0);
    assert_int_equal(options_settings(&options, &NO_FILES, settings, NULL), 0);
}

/* What is printed reads back as the same. */
static void settings_print_a_configuration(void **state)
{
    (void)state;
    char path[] = "/tmp/test_options.XXXXXX", text[SETTINGS_TEXT_LEN], again[SETTINGS_TEXT_LEN];
    int fd = mkstemp(path);
    struct settings settings;
    struct options options;

    settings_of(&settings, "--app-uids", "1-2,5,9-");
    assert_int_equal(settings_print(&settings, text, NULL), 0);
    assert_non_null(
        strstr(text, "[trafficd]\nbpffs = /sys/fs/bpf\ncgroup =\nsocket = /run/trafficctl/fwmarkd\nbackend = auto\n"));
    assert_non_null(strstr(text, "\napp_uids = 1-2,5-5,9-4294967294\n"));
    /* peers find these two in the pinned state */
    assert_non_null(strstr(text, "\npolicy = /var/lib/trafficctl/policy\n"));
    assert_non_null(strstr(text, "\ndestroy_sockets = no\n"));
    assert_non_null(strstr(text, "\n[maps]\ncookie_tag = 10000\n"));
    assert_true(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    assert_int_equal(PARSE(&options, NULL, "--config", path), 0);
    int r = options_settings(&options, &NO_FILES, &settings, NULL);
    unlink(path);
    assert_int_equal(r, 0);
    assert_int_equal(settings_print(&settings, again, NULL), 0);
    assert_string_equal(again, text);
}

/* The row of an option. */
static const struct setting *row_of(const char *option)
{
    size_t count;
    const struct setting *table = settings_table(&count);

    for (size_t i = 0; i < count; i++)
        if (!strcmp(table[i].option, option))
            return &table[i];
    fail_msg("no option %s", option);
    return NULL;
}

/* A path of so many bytes is the longest that the option takes. */
static void set_longest(struct settings *settings, const char *option, size_t length)
{
    char text[SETTINGS_STRING_LEN + 1];
    struct fault fault = {0};

    memset(text, 'x', sizeof(text));
    text[0] = '/';
    text[length + 1] = '\0';
    assert_int_equal(settings_set_row(settings, row_of(option), text, &fault), -ENAMETOOLONG);
    text[length] = '\0';
    assert_int_equal(settings_set_row(settings, row_of(option), text, &fault), 0);
}

static void the_longest_settings_fit_the_state(void **state)
{
    (void)state;
    static const char *const STRINGS[] = {"bpffs", "cgroup", "accounting-group", "read-group", "policy"};
    char text[SETTINGS_TEXT_LEN];
    struct settings settings;
    struct fault fault = {0};

    settings_of(&settings, "--fold-user-namespaces", "yes");
    for (size_t i = 0; i < sizeof(STRINGS) / sizeof(*STRINGS); i++)
        set_longest(&settings, STRINGS[i], SETTINGS_STRING_LEN - 1);
    set_longest(&settings, "socket", SETTINGS_SOCKET_LEN - 1);
    settings.per_user_range = settings.rows_per_uid = UINT32_MAX;
    settings.percpu = true;
    settings.on_bad_policy = LOAD_CLOSED;
    settings.app_uids.count = LOAD_MAX_UID_RANGES;
    for (size_t i = 0; i < LOAD_MAX_UID_RANGES; i++)
        settings.app_uids.range[i] = (struct uid_range){UINT32_MAX - 1, UINT32_MAX - 1};
    for (int map = 0; map < LOAD_MAPS; map++)
        settings.entries[map] = UINT32_C(1) << 31;
    assert_int_equal(settings_set_row(&settings, row_of("accounting-uids"),
                                      "4294967294,4294967294,4294967294,4294967294,4294967294,4294967294,4294967294,"
                                      "4294967294,4294967294,4294967294,4294967294,4294967294,4294967294,4294967294,"
                                      "4294967294,1234567",
                                      &fault),
                     0);
    assert_int_equal(settings_print(&settings, text, &fault), 0);
    /* and what the loader adds */
    assert_true(strlen(text) + sizeof(EFFECTIVE_WHY " = \n") + LOAD_WHY_LEN <= TCTL_OPTIONS_LEN);
}

/* A line of the configuration has at most 190 bytes. */
static void accounting_uids_fit_a_line(void **state)
{
    (void)state;
    char list[] = "4294967294,4294967294,4294967294,4294967294,4294967294,4294967294,4294967294,4294967294,4294967294,"
                  "4294967294,4294967294,4294967294,4294967294,4294967294,4294967294,12345678";
    const struct setting *row = row_of("accounting-uids");
    struct settings settings = {0};
    struct fault fault = {0};

    assert_int_equal(settings_set_row(&settings, row, list, &fault), -E2BIG);
    assert_non_null(strstr(fault.text, "of at most 172 bytes"));
    assert_int_equal(settings.accounting_uids.count, 0);
    list[strlen(list) - 1] = '\0';
    assert_int_equal(settings_set_row(&settings, row, list, &fault), 0);
    assert_int_equal(strlen(list), 172);
}

static void settings_differ_by_value(void **state)
{
    (void)state;
    struct settings a, b;
    size_t count, differing = 0;
    const struct setting *table = settings_table(&count);

    settings_of(&a, "--fold-user-namespaces", "yes");
    settings_of(&b, "--fold-user-namespaces", "on");
    for (size_t i = 0; i < count; i++)
        assert_false(settings_differ(&table[i], &a, &b));
    settings_of(&b, "--app-uids", "7-8");
    for (size_t i = 0; i < count; i++) {
        if (!settings_differ(&table[i], &a, &b))
            continue;
        differing++;
        assert_string_equal(table[i].option, "app-uids");
        assert_true(table[i].reloads);
        settings_copy_row(&table[i], &a, &b);
        assert_false(settings_differ(&table[i], &a, &b));
    }
    assert_int_equal(differing, 1);
}

static void settings_reach_the_loader(void **state)
{
    (void)state;
    struct settings settings;
    struct load_options load;

    settings_of(&settings, "--app-uids", "7-8,10-");
    load = settings_load_options(&settings, "text");
    assert_null(load.cgroup);
    assert_int_equal(load.app_uid_count, 2);
    assert_int_equal(load.app_uids[1].first, 10);
    assert_true(load.fold_user_namespaces);
    assert_true(load.bpffs_search);
    assert_false(load.percpu);
    assert_int_equal(load.entries[LOAD_IFACE_STATS], 1000);
    assert_string_equal(load.accounting_group, "net_bw_acct");
    assert_string_equal(load.policy, "/var/lib/trafficctl/policy");
    assert_int_equal(load.on_bad_policy, LOAD_KEEP);
    assert_false(load.exempt_esp);
    assert_true(load.exempt_loopback);
    assert_string_equal(load.effective, "text");
    assert_int_equal(load.backend, LOAD_BACKEND_AUTO);
    settings_of(&settings, "--backend", "bpf");
    assert_int_equal(settings_load_options(&settings, "").backend, LOAD_BACKEND_BPF);
    settings_of(&settings, "--cgroup", "/c");
    assert_string_equal(settings_load_options(&settings, "").cgroup, "/c");
    settings_of(&settings, "--policy", "/p");
    assert_string_equal(settings_load_options(&settings, "").policy, "/p");
    settings_of(&settings, "--on-bad-policy", "open");
    assert_int_equal(settings_load_options(&settings, "").on_bad_policy, LOAD_OPEN);
    settings_of(&settings, "--exempt-esp", "yes");
    assert_true(settings_load_options(&settings, "").exempt_esp);
    settings_of(&settings, "--exempt-loopback", "no");
    assert_false(settings_load_options(&settings, "").exempt_loopback);
}

static void help_names_every_option(void **state)
{
    (void)state;
    char *text = NULL;
    size_t length, count;
    const struct setting *table = settings_table(&count);
    FILE *out = open_memstream(&text, &length);

    options_help(out);
    fclose(out);
    for (size_t i = 0; i < count; i++)
        assert_non_null(strstr(text, table[i].option));
    assert_non_null(strstr(text, "  -h, --help"));
    assert_non_null(strstr(text, "\n  --load-only\n      load, pin"));
    assert_non_null(strstr(text, "(default net_bw_stats)"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_take_every_setting),
        cmocka_unit_test(options_know_actions),
        cmocka_unit_test(options_refuse_what_they_do_not_know),
        cmocka_unit_test(options_refuse_values_that_do_not_fit),
        cmocka_unit_test(options_win_over_files),
        cmocka_unit_test(settings_print_a_configuration),
        cmocka_unit_test(the_longest_settings_fit_the_state),
        cmocka_unit_test(accounting_uids_fit_a_line),
        cmocka_unit_test(settings_differ_by_value),
        cmocka_unit_test(settings_reach_the_loader),
        cmocka_unit_test(help_names_every_option),
    };

    return unit_run(tests);
}
