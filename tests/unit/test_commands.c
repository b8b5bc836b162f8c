/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* How trafficctl takes its arguments, and what it says to wrong ones. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "said.h"
#include "uid_list.h"

/* The words get status, nothing on standard output, and one line that holds why. */
static void gives(enum cli_status status, const char *why, const char *const *words)
{
    struct said said;

    if (said_run(words, &said) != status || !strstr(said.err, why))
        fail_msg("%s ... says '%s', not '%s'", words[0], said.err, why);
    assert_ptr_equal(strchr(said.err, '\n'), said.err + strlen(said.err) - 1);
    assert_string_equal(said.out, "");
}
#define GIVES(status, why, ...) gives(status, why, (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void commands_refuse_wrong_usage(void **state)
{
    (void)state;
    GIVES(CLI_USAGE, "no command");
    GIVES(CLI_USAGE, "unknown command 'firewal': 'trafficctl --help' lists all", "firewal", "show");
    GIVES(CLI_USAGE, "unknown command 'stats uid'", "stats uid");
    GIVES(CLI_USAGE, "unknown command 'uid'", "uid");
    GIVES(CLI_USAGE, "unknown command ''", "");
    GIVES(CLI_USAGE, "stats takes one of uid, iface, detail, drops: see 'trafficctl stats -h'", "stats");
    GIVES(CLI_USAGE, "stats takes one of uid, iface, detail, drops, not uids", "stats", "uids");
    GIVES(CLI_USAGE, "stats takes one of uid, iface, detail, drops, not status", "stats", "status");
    GIVES(CLI_USAGE, "unknown command 'statu'", "statu");
    GIVES(CLI_USAGE, "unexpected argument 'now': write trafficctl status\n", "status", "now");
    GIVES(CLI_USAGE, "unexpected argument '2': write trafficctl stats uid [UID]\n", "stats", "uid", "1", "2");
    GIVES(CLI_USAGE, "unload: unknown option --force: see 'trafficctl unload -h'", "unload", "--force");
    GIVES(CLI_USAGE, "dump: unknown option --shor:", "dump", "--shor");
    GIVES(CLI_USAGE, "unexpected argument 'netd'", "dump", "netd");
    GIVES(CLI_USAGE, "qtaguid takes one of stats, iface_stat_fmt, iface_stat_all, ctrl, not iface_stat", "qtaguid",
          "iface_stat");
    GIVES(CLI_USAGE, "unexpected argument '10001'", "qtaguid", "stats", "10001");
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

static void options_are_so_many_at_most(void **state)
{
    (void)state;
    const char *words[CLI_MAX_GIVEN + 4] = {"stats", "detail"};

    for (size_t i = 0; i <= CLI_MAX_GIVEN; i++)
        words[2 + i] = "--tag=1";
    gives(CLI_USAGE, "stats detail: too many options: see 'trafficctl stats detail -h'", words);
    words[2 + CLI_MAX_GIVEN] = NULL;
    gives(CLI_FAILED, "no pins in", words);
}

static void options_are_checked_before_a_command_runs(void **state)
{
    (void)state;
    GIVES(CLI_USAGE, "unknown option --interval:", "top", "--batch", "--interval", "2");
    GIVES(CLI_USAGE, "--count wants an argument", "top", "--batch", "--count");
    GIVES(CLI_USAGE, "unknown option -q:", "top", "--batch", "-q");
    GIVES(CLI_USAGE, "unknown option --batc:", "top", "--batc");
    GIVES(CLI_USAGE, "--batch takes no argument", "top", "--batch=1");
    GIVES(CLI_USAGE, "unexpected argument '3'", "top", "--batch", "3");
    GIVES(CLI_USAGE, "--fd is missing: write trafficctl untag --pid P --fd N\n", "untag", "--pid", "1");
}

/* In front of the command, within its name and behind it. */
static void general_options_stand_anywhere(void **state)
{
    (void)state;
    GIVES(CLI_FAILED, "no pins in /a:", "--bpffs", "/a", "stats", "uid");
    GIVES(CLI_FAILED, "no pins in /b:", "stats", "--bpffs=/b", "uid");
    GIVES(CLI_FAILED, "no pins in /c:", "--bpffs", "/a", "stats", "uid", "--bpffs", "/c");
    GIVES(CLI_FAILED, "no pins in", "stats", "uid", "-j");
    GIVES(CLI_FAILED, "no pins in", "stats", "-n", "uid", "--no-legend", "root", "-jn", "--bytes");
    GIVES(CLI_FAILED, "no pins in", "firewall", "deny", "--iec", "standby", "-n", "10001", "--runtime", "--json");
    GIVES(CLI_USAGE, "unknown option --runtime: see 'trafficctl --help'", "--runtime", "firewall", "enable", "standby");
    GIVES(CLI_USAGE, "unknown option --runtime: see 'trafficctl firewall -h'", "firewall", "--runtime", "enable");
    GIVES(CLI_USAGE, "stats takes one of uid,", "stats", "-j");
    GIVES(CLI_USAGE, "no command", "-j", "-n");
    GIVES(CLI_USAGE, "status: unknown option -i: see 'trafficctl status -h'", "status", "-ji");
    GIVES(CLI_USAGE, "status: --json takes no argument", "status", "--json=pretty");
    GIVES(CLI_USAGE, "--bpffs wants an argument", "--bpffs");
    GIVES(CLI_USAGE, "--bpffs wants a directory", "stats", "uid", "--bpffs", "");
    GIVES(CLI_USAGE, "--socket wants a path of at most 107 bytes", "--socket=", "status");
    GIVES(CLI_USAGE, "unexpected argument '-j'", "status", "--", "-j");
}

static void firewall_commands_refuse_wrong_usage(void **state)
{
    (void)state;
    GIVES(CLI_USAGE, "firewall takes one of show, enable, ", "firewall");
    GIVES(CLI_USAGE, "unexpected argument 'x': write trafficctl firewall show\n", "firewall", "show", "x");
    GIVES(CLI_USAGE, "write trafficctl firewall enable CHAIN [--runtime]\n", "firewall", "enable");
    GIVES(CLI_USAGE, "unexpected argument 'standby'", "firewall", "enable", "dozable", "standby");
    GIVES(CLI_USAGE, "write trafficctl firewall allow CHAIN UID... [--runtime]\n", "firewall", "allow", "dozable");
    GIVES(CLI_USAGE, "unknown option --run:", "firewall", "deny", "dozable", "10001", "--run");
    GIVES(CLI_USAGE, "--runtime takes no argument", "firewall", "deny", "dozable", "10001", "--runtime=1");
    GIVES(CLI_USAGE, "unknown option -1:", "firewall", "deny", "dozable", "-1");
    GIVES(CLI_USAGE, "too few arguments", "firewall", "deny", "--runtime", "dozable");
    GIVES(CLI_USAGE, "write trafficctl firewall replace CHAIN FILE|- [--runtime]\n", "firewall", "replace", "dozable");
    GIVES(CLI_USAGE, "too few arguments", "firewall", "iif", "10001");
    GIVES(CLI_USAGE, "too few arguments", "firewall", "lockdown", "10001");
    GIVES(CLI_USAGE, "firewall restore: unknown option --runtime:", "firewall", "restore", "--runtime");
    GIVES(CLI_USAGE, "too few arguments", "iface", "metered", "lo");
    GIVES(CLI_USAGE, "too few arguments: write trafficctl firewall why UID [--iface I] [--out] [--in]\n", "firewall",
          "why");
    GIVES(CLI_USAGE, "unexpected argument '10002'", "firewall", "why", "10001", "10002");
    GIVES(CLI_USAGE, "--in or --out", "firewall", "why", "10001", "--in", "--out");
    GIVES(CLI_USAGE, "--iface wants an argument", "firewall", "why", "10001", "--iface");
    GIVES(CLI_USAGE, "--count: '0' does not fit", "monitor", "--count", "0");
    GIVES(CLI_USAGE, "unexpected argument 'now'", "monitor", "now");
}

static void firewall_commands_refuse_values_that_do_not_fit(void **state)
{
    (void)state;
    GIVES(CLI_USAGE, "there is no chain 'dozabl': write 1 to 12, or one of dozable, standby,", "firewall", "enable",
          "dozabl");
    GIVES(CLI_USAGE, "there is no chain '0'", "firewall", "disable", "0");
    GIVES(CLI_USAGE, "there is no chain '13'", "firewall", "allow", "13", "10001");
    GIVES(CLI_USAGE, "there is no chain 'iif'", "firewall", "deny", "iif", "10001");
    GIVES(CLI_USAGE, "'4294967295' does not fit", "firewall", "deny", "standby", "10001", "4294967295");
    GIVES(CLI_USAGE, "there is no user 'no_such_user'", "firewall", "allow", "1", "10001", "no_such_user");
    GIVES(CLI_FAILED, "cannot open /nonexistent/list", "firewall", "replace", "standby", "/nonexistent/list");
    GIVES(CLI_FAILED, "cannot read /tmp: ", "firewall", "replace", "standby", "/tmp");
    GIVES(CLI_USAGE, "'sixteen-bytes-nm' cannot be an interface", "firewall", "iif", "10001", "sixteen-bytes-nm");
    GIVES(CLI_USAGE, "'' cannot be an interface", "firewall", "iif", "10001", "");
    GIVES(CLI_USAGE, "'yes': write on or off", "firewall", "lockdown", "10001", "yes");
    GIVES(CLI_USAGE, "'ON': write on or off", "iface", "metered", "lo", "ON");
    GIVES(CLI_USAGE, "there is no user 'no_such_user'", "firewall", "why", "no_such_user");
    GIVES(CLI_USAGE, "'sixteen-bytes-nm' cannot be", "firewall", "why", "10001", "--iface", "sixteen-bytes-nm");
    GIVES(CLI_USAGE, "there is no user 'no_such_user'", "stats", "drops", "no_such_user");
}

/* What follows them is tried only where the arguments were right: nothing is pinned here. */
static void firewall_commands_take_options_anywhere(void **state)
{
    (void)state;
    GIVES(CLI_FAILED, "no pins in", "firewall", "enable", "--runtime", "dozable");
    GIVES(CLI_FAILED, "no pins in", "firewall", "enable", "12", "--runtime");
    GIVES(CLI_FAILED, "no pins in", "firewall", "deny", "standby", "--runtime", "10001", "0x2712");
    GIVES(CLI_FAILED, "no pins in", "firewall", "replace", "3", "/dev/null", "--runtime");
    GIVES(CLI_FAILED, "no pins in", "firewall", "iif", "10001", "none", "--runtime");
    GIVES(CLI_FAILED, "no pins in", "firewall", "lockdown", "--runtime", "10001", "off");
    GIVES(CLI_FAILED, "no pins in", "iface", "metered", "wlan0", "on", "--runtime");
    GIVES(CLI_FAILED, "no pins in", "firewall", "why", "10001", "--iface", "lo", "--in");
    GIVES(CLI_FAILED, "no pins in", "firewall", "why", "--out", "10001");
    GIVES(CLI_FAILED, "no pins in", "firewall", "show");
    GIVES(CLI_FAILED, "no pins in", "firewall", "restore");
    GIVES(CLI_FAILED, "no pins in", "stats", "drops");
    GIVES(CLI_FAILED, "no pins in", "monitor", "--count", "1");
}

/* Reads text as the file "list" and gives the status; said is what went to standard error. */
static enum cli_status read_list(const char *text, size_t length, struct uid_list *list, char *said, size_t size)
{
    FILE *in = fmemopen((void *)text, length, "r"), *file = tmpfile();
    int kept = dup(STDERR_FILENO);

    dup2(fileno(file), STDERR_FILENO);
    enum cli_status status = uid_list_read(in, "list", list);
    dup2(kept, STDERR_FILENO);
    close(kept);
    rewind(file);
    said[fread(said, 1, size - 1, file)] = '\0';
    fclose(file);
    fclose(in);
    return status;
}

static void lists_have_a_user_a_line(void **state)
{
    (void)state;
    static const char TEXT[] = "10001\n\n# friends\n  0x2712\t# bob\r\nroot\n   \n10001#twice\n4294967294";
    static const uint32_t EXPECTED[] = {10001, 10002, 0, 10001, 4294967294u};
    struct uid_list list = {0};
    char said[256];

    assert_int_equal(read_list(TEXT, sizeof(TEXT) - 1, &list, said, sizeof(said)), CLI_DONE);
    assert_string_equal(said, "");
    assert_int_equal(list.count, sizeof(EXPECTED) / sizeof(*EXPECTED));
    assert_memory_equal(list.uids, EXPECTED, sizeof(EXPECTED));
    uid_list_done(&list);
}

static void lists_name_the_line_that_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text, *said;
    } CASES[] = {
        {"10001\nno_such_user\n", "list:2: there is no user 'no_such_user'"},
        {"# x\n\n10001 10002\n", "list:3: '10001 10002' is neither"},
        {"10001\n4294967295", "list:2: '4294967295' does not fit"},
        {"-1\n", "list:1: '-1' is neither"},
        {"10001,10002\n", "list:1: "},
        {"\x1b[2J\n", "list:1: '\\x1b[2J' is neither"},
    };
    struct uid_list list = {0};
    char said[256];

    for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
        assert_int_equal(read_list(CASES[i].text, strlen(CASES[i].text), &list, said, sizeof(said)), CLI_USAGE);
        if (!strstr(said, CASES[i].said))
            fail_msg("said is '%s', not '%s'", said, CASES[i].said);
    }
    assert_int_equal(read_list("1\0\n", 3, &list, said, sizeof(said)), CLI_USAGE);
    assert_non_null(strstr(said, "list:1: a NUL byte"));
    uid_list_done(&list);
}

/* The longest line that is taken is one byte shorter than the first that is not. */
static void lists_have_lines_of_bounded_length(void **state)
{
    (void)state;
    struct uid_list list = {0};
    char line[600], said[256];

    memset(line, ' ', sizeof(line));
    memcpy(line, "10001", 5);
    line[511] = '\n';
    assert_int_equal(read_list(line, 512, &list, said, sizeof(said)), CLI_DONE);
    assert_int_equal(list.count, 1);
    line[511] = ' ';
    line[512] = '\n';
    assert_int_equal(read_list(line, 513, &list, said, sizeof(said)), CLI_USAGE);
    assert_non_null(strstr(said, "list:1: longer than 511 bytes"));
    uid_list_done(&list);
}

static void commands_say_what_to_do_without_pins(void **state)
{
    (void)state;
    GIVES(CLI_FAILED, "no pins in /nonexistent/bpf: has trafficd run?", "status");
    GIVES(CLI_FAILED, "no pins in", "stats", "uid");
    GIVES(CLI_FAILED, "no pins in", "stats", "uid", "root");
    GIVES(CLI_FAILED, "no pins in", "stats", "iface", "lo");
    GIVES(CLI_FAILED, "no pins in", "qtaguid", "stats");
    GIVES(CLI_FAILED, "no pins in", "qtaguid", "iface_stat_fmt");
    GIVES(CLI_FAILED, "no pins in", "qtaguid", "iface_stat_all");
    GIVES(CLI_FAILED, "no pins in", "qtaguid", "ctrl");
    GIVES(CLI_FAILED, "no pins in", "stats", "detail", "--uid", "0x10", "--iface", "lo", "--set", "1");
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
    read_failure_says(-EACCES, "/b", "let their groups through"); /* it cannot be gone through */
    read_failure_says(-EACCES, "/tmp", "become root or join");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_refuse_wrong_usage),
        cmocka_unit_test(commands_refuse_values_that_do_not_fit),
        cmocka_unit_test(options_are_so_many_at_most),
        cmocka_unit_test(options_are_checked_before_a_command_runs),
        cmocka_unit_test(general_options_stand_anywhere),
        cmocka_unit_test(firewall_commands_refuse_wrong_usage),
        cmocka_unit_test(firewall_commands_refuse_values_that_do_not_fit),
        cmocka_unit_test(firewall_commands_take_options_anywhere),
        cmocka_unit_test(lists_have_a_user_a_line),
        cmocka_unit_test(lists_name_the_line_that_is_wrong),
        cmocka_unit_test(lists_have_lines_of_bounded_length),
        cmocka_unit_test(commands_say_what_to_do_without_pins),
        cmocka_unit_test(read_failures_say_what_to_do),
        cmocka_unit_test(a_missing_pin_is_not_a_missing_trafficd),
    };

    return unit_run(tests);
}
