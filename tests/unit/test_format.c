/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What trafficctl prints, and how it takes its arguments. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "format.h"
#include "print.h"
#include "rate.h"
#include "table.h"

static void format_sizes(void **state)
{
    (void)state;
    static const struct {
        uint64_t bytes;
        const char *human, *exact;
    } CASES[] = {
        {0, "0 B", "0"},
        {1023, "1023 B", "1023"},
        {1024, "1.0 KiB", "1024"},
        {1536, "1.5 KiB", "1536"},
        {1048575, "1.0 MiB", "1048575"},
        {UINT64_C(5) << 30, "5.0 GiB", "5368709120"},
        {UINT64_MAX, "16.0 EiB", "18446744073709551615"},
    };
    char text[FORMAT_LEN];

    for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
        format_size(CASES[i].bytes, true, text);
        assert_string_equal(text, CASES[i].human);
        format_size(CASES[i].bytes, false, text);
        assert_string_equal(text, CASES[i].exact);
    }
}

static void format_foreign_bytes(void **state)
{
    (void)state;
    static const char *const CASES[][2] = {
        {"", ""},
        {"eth0", "eth0"},
        {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x90\xA7", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x90\xA7"},
        {"a\xFF"
         "b",
         "a\\xffb"},
        {"\xC0\xAF", "\\xc0\\xaf"},          /* overlong */
        {"\xE0\x80\x80", "\\xe0\\x80\\x80"}, /* overlong */
        {"\xED\xA0\x80", "\\xed\\xa0\\x80"}, /* surrogate */
        {"\xF4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
        {"\xE2\x82", "\\xe2\\x82"}, /* cut */
        {"\xC3", "\\xc3"},
        {"\033[2J\n", "\\x1b[2J\\x0a"},
        {"\xC2\x9B"
         "1",
         "\\xc2\\x9b"
         "1"},
        {"\x7F", "\\x7f"},
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
        char *text = format_utf8(CASES[i][0]);
        assert_string_equal(text, CASES[i][1]);
        free(text);
    }
}

static void format_saturates(void **state)
{
    (void)state;
    assert_int_equal(format_saturated(INT64_MAX), INT64_MAX);
    assert_int_equal(format_saturated((uint64_t)INT64_MAX + 1), INT64_MAX);
    assert_int_equal(format_saturated(UINT64_MAX), INT64_MAX);
    assert_int_equal(format_saturated(7), 7);
}

static void format_names_users(void **state)
{
    (void)state;
    char *root = format_user(0);

    assert_string_equal(root, "root");
    free(root);
    assert_null(format_user(4294967290u));
}

static void tables_align(void **state)
{
    (void)state;
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    struct table table = {0};

    table_column(&table, "NAME", false);
    table_column(&table, "N", true);
    table_column(&table, "LAST", false);
    assert_int_equal(table_print(&table, out), 0);
    table_add(&table, "\xC3\xA9");
    table_add(&table, "%d", 123);
    table_add(&table, "x");
    for (int i = 0; i < 300; i++)
        table_add(&table, "z");
    assert_int_equal(table_print(&table, out), 0);
    table_done(&table);
    fclose(out);
    static const char EXPECTED[] = "NAME  N  LAST\n"
                                   "NAME    N  LAST\n"
                                   "\xC3\xA9     123  x\n"
                                   "z       z  z\n";
    assert_memory_equal(text, EXPECTED, sizeof(EXPECTED) - 1);
    free(text);
}

static void json_counters_saturate(void **state)
{
    (void)state;
    const struct tctl_counters counters = {UINT64_MAX, 1, 2, 3};
    json_t *row = print_json_counters(json_pack("{s:o}", "iface", print_json_text("a\xFF")), &counters);
    char *text = json_dumps(row, JSON_COMPACT);

    assert_string_equal(text, "{\"iface\":\"a\\\\xff\",\"rx_bytes\":9223372036854775807,\"rx_packets\":1,"
                              "\"tx_bytes\":2,\"tx_packets\":3}");
    free(text);
    json_decref(row);
    assert_null(print_json_counters(NULL, &counters));
    assert_null(print_json_append(json_array(), NULL));
}

static void json_users_without_a_name_are_null(void **state)
{
    (void)state;
    json_t *named = print_json_user(&(struct cli){0}, 0);
    json_t *unnamed = print_json_user(&(struct cli){0}, 4294967290u);
    json_t *numeric = print_json_user(&(struct cli){.numeric = true}, 0);

    assert_string_equal(json_string_value(named), "root");
    assert_true(json_is_null(unnamed));
    assert_true(json_is_null(numeric));
    json_decref(named);
}

static void rates_are_per_second(void **state)
{
    (void)state;
    const struct tctl_counters before = {100, 10, UINT64_MAX - 1, 0}, now = {400, 4, UINT64_MAX, UINT64_MAX};
    struct tctl_counters rate = rate_of(&before, &now, 1500000000);

    assert_int_equal(rate.rx_bytes, 200);
    assert_int_equal(rate.rx_packets, 2); /* went down: started anew */
    assert_int_equal(rate.tx_bytes, 0);
    assert_int_equal(rate.tx_packets, UINT64_MAX / 3 * 2);
}

static void rates_find_the_user(void **state)
{
    (void)state;
    const struct tctl_uid_row rows[] = {{0, {1}}, {1000, {2}}, {4294967294u, {3}}};

    assert_int_equal(rate_find(rows, 3, 0).rx_bytes, 1);
    assert_int_equal(rate_find(rows, 3, 1000).rx_bytes, 2);
    assert_int_equal(rate_find(rows, 3, 4294967294u).rx_bytes, 3);
    assert_int_equal(rate_find(rows, 3, 1001).rx_bytes, 0);
    assert_int_equal(rate_find(NULL, 0, 0).rx_bytes, 0);
}

/* Run words and give the status; what goes to standard error is in said. */
static enum cli_status run(const char *const *words, char *said, size_t size)
{
    char *argv[12] = {0};
    int argc = 0, kept = dup(STDERR_FILENO);
    FILE *file = tmpfile();

    for (; words[argc]; argc++)
        argv[argc] = (char *)words[argc];
    dup2(fileno(file), STDERR_FILENO);
    enum cli_status status = commands_run(&(struct cli){.bpffs = "/nonexistent/bpf"}, argc, argv);
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    rewind(file);
    said[fread(said, 1, size - 1, file)] = '\0';
    fclose(file);
    return status;
}

/* The words get status, and one line that holds why. */
static void gives(enum cli_status status, const char *why, const char *const *words)
{
    char said[1024];

    if (run(words, said, sizeof(said)) != status || !strstr(said, why))
        fail_msg("%s ... says '%s', not '%s'", words[0], said, why);
    assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
}
#define GIVES(status, why, ...) gives(status, why, (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void commands_refuse_wrong_usage(void **state)
{
    (void)state;
    GIVES(CLI_USAGE, "no command");
    GIVES(CLI_USAGE, "unknown command 'firewal show'", "firewal", "show");
    GIVES(CLI_USAGE, "unknown command 'stats'", "stats");
    GIVES(CLI_USAGE, "unknown command 'stats uids'", "stats", "uids");
    GIVES(CLI_USAGE, "unknown command 'statu'", "statu");
    GIVES(CLI_USAGE, "unexpected argument 'now': write trafficctl status\n", "status", "now");
    GIVES(CLI_USAGE, "status has no option -j", "status", "-j");
    GIVES(CLI_USAGE, "unexpected argument '2': write trafficctl stats uid [UID]\n", "stats", "uid", "1", "2");
    GIVES(CLI_USAGE, "unload has no option --force", "unload", "--force");
}

static void commands_refuse_values_that_do_not_fit(void **state)
{
    (void)state;
    GIVES(CLI_USAGE, "there is no user 'no_such_user'", "stats", "uid", "no_such_user");
    GIVES(CLI_USAGE, "'4294967295' does not fit", "stats", "uid", "4294967295");
    GIVES(CLI_USAGE, "'99999999999' does not fit", "stats", "uid", "99999999999");
    GIVES(CLI_USAGE, "neither a number nor a user name", "stats", "uid", "");
    GIVES(CLI_USAGE, "'sixteen-bytes-nm' cannot be an interface", "stats", "iface", "sixteen-bytes-nm");
    GIVES(CLI_USAGE, "'' cannot be an interface", "stats", "iface", "");
    GIVES(CLI_USAGE, "--tag: '0x100000000' does not fit", "stats", "detail", "--tag", "0x100000000");
    GIVES(CLI_USAGE, "--set: '256' does not fit", "stats", "detail", "--set", "256");
    GIVES(CLI_USAGE, "--uid: there is no user", "stats", "detail", "--uid", "no_such_user");
    GIVES(CLI_USAGE, "--uid wants an argument", "stats", "detail", "--uid");
    GIVES(CLI_USAGE, "unknown option --user:", "stats", "detail", "--user", "0");
    GIVES(CLI_USAGE, "unknown option --u:", "stats", "detail", "--u", "0");
    GIVES(CLI_USAGE, "unexpected argument 'lo'", "stats", "detail", "lo");
}

static void top_refuses_wrong_usage(void **state)
{
    (void)state;
    GIVES(CLI_USAGE, "write top --batch", "top");
    GIVES(CLI_USAGE, "--count: '0' does not fit", "top", "--batch", "--count", "0");
    GIVES(CLI_USAGE, "--count: '1.5' does not fit", "top", "--batch", "--count", "1.5");
    GIVES(CLI_USAGE, "unknown option --interval:", "top", "--batch", "--interval", "2");
    GIVES(CLI_USAGE, "--count wants an argument", "top", "--batch", "--count");
    GIVES(CLI_USAGE, "unknown option -j:", "top", "--batch", "-j");
    GIVES(CLI_USAGE, "unknown option --batc:", "top", "--batc");
    GIVES(CLI_USAGE, "--batch takes no argument", "top", "--batch=1");
    GIVES(CLI_USAGE, "unexpected argument '3'", "top", "--batch", "3");
}

static void commands_say_what_to_do_without_pins(void **state)
{
    (void)state;
    GIVES(CLI_FAILED, "no pins in /nonexistent/bpf: has trafficd run?", "status");
    GIVES(CLI_FAILED, "no pins in", "stats", "uid");
    GIVES(CLI_FAILED, "no pins in", "stats", "uid", "root");
    GIVES(CLI_FAILED, "no pins in", "stats", "iface", "lo");
    GIVES(CLI_FAILED, "no pins in", "stats", "detail", "--uid", "0x10", "--iface", "lo", "--set", "1");
    GIVES(CLI_FAILED, "no pins in", "top", "--batch", "--count", "1");
}

/* A failed read below bpffs is told with what to do. */
static void read_failure_says(int err, const char *bpffs, const char *todo)
{
    FILE *file = tmpfile();
    int kept = dup(STDERR_FILENO);
    char said[512];

    dup2(fileno(file), STDERR_FILENO);
    enum cli_status status = cli_read_failed(&(struct cli){.bpffs = bpffs}, err);
    dup2(kept, STDERR_FILENO);
    close(kept);
    rewind(file);
    said[fread(said, 1, sizeof(said) - 1, file)] = '\0';
    fclose(file);
    assert_int_equal(status, CLI_FAILED);
    assert_non_null(strstr(said, bpffs));
    if (!strstr(said, todo))
        fail_msg("said is '%s', not '%s'", said, todo);
}

static void read_failures_say_what_to_do(void **state)
{
    (void)state;
    read_failure_says(-ENOENT, "/b", "start it");
    read_failure_says(-EACCES, "/b", "become root or join");
    read_failure_says(-EPERM, "/b", "become root");
    read_failure_says(-EPROTO, "/b", "run 'trafficctl unload' (counters are lost) and start");
    read_failure_says(-EIO, "/b", "Input/output error");
}

static void a_missing_pin_is_not_a_missing_trafficd(void **state)
{
    (void)state;
    char folder[] = "/tmp/test_format.XXXXXX", inner[64], path[80];

    assert_non_null(mkdtemp(folder));
    snprintf(inner, sizeof(inner), "%s/trafficctl", folder);
    snprintf(path, sizeof(path), "%s/state", inner);
    assert_int_equal(mkdir(inner, 0700), 0);
    int fd = creat(path, 0600);
    read_failure_says(-ENOENT, folder, "pins are missing");
    close(fd);
    unlink(path);
    read_failure_says(-ENOENT, folder, "no pins in");
    rmdir(inner);
    rmdir(folder);
}

static void help_lists_the_commands(void **state)
{
    (void)state;
    static const char *const COMMANDS[][2] = {{"status"},          {"check"}, {"stats", "uid"}, {"stats", "iface"},
                                              {"stats", "detail"}, {"top"},   {"unload"}};
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);

    commands_help(out);
    fclose(out);
    for (size_t i = 0; i < sizeof(COMMANDS) / sizeof(*COMMANDS); i++) {
        int words = COMMANDS[i][1] ? 2 : 1, found = 0;
        const struct command *command = commands_find(words, (char **)COMMANDS[i], &found);
        assert_non_null(command);
        assert_int_equal(found, words);
        assert_non_null(strstr(text, command->name));
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(format_sizes),
        cmocka_unit_test(format_foreign_bytes),
        cmocka_unit_test(format_saturates),
        cmocka_unit_test(format_names_users),
        cmocka_unit_test(tables_align),
        cmocka_unit_test(json_counters_saturate),
        cmocka_unit_test(json_users_without_a_name_are_null),
        cmocka_unit_test(rates_are_per_second),
        cmocka_unit_test(rates_find_the_user),
        cmocka_unit_test(commands_refuse_wrong_usage),
        cmocka_unit_test(commands_refuse_values_that_do_not_fit),
        cmocka_unit_test(top_refuses_wrong_usage),
        cmocka_unit_test(commands_say_what_to_do_without_pins),
        cmocka_unit_test(read_failures_say_what_to_do),
        cmocka_unit_test(a_missing_pin_is_not_a_missing_trafficd),
        cmocka_unit_test(help_lists_the_commands),
    };

    return unit_run(tests);
}
