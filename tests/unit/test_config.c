/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "login_defs.h"

#define NO_FILE "/nonexistent/login.defs"

static struct settings defaults(void)
{
    struct settings settings;

    settings_init(&settings, NO_FILE);
    return settings;
}

static int read_text(const char *text, size_t length, struct settings *settings, struct fault *fault)
{
    FILE *file = fmemopen((void *)text, length, "r");
    int r = config_read_stream(file, "FILE", settings, fault);

    fclose(file);
    return r;
}

/* text is refused, and the fault begins with where and holds why. */
static void refuses(const char *text, const char *where, const char *why)
{
    struct settings settings = defaults();
    struct fault fault = {0};

    assert_true(read_text(text, strlen(text), &settings, &fault) < 0);
    if (strncmp(fault.text, where, strlen(where)) || !strstr(fault.text, why))
        fail_msg("'%s' gives '%s', not '%s...%s'", text, fault.text, where, why);
    assert_null(strchr(fault.text, '\n'));
}

static struct settings accepts(const char *text)
{
    struct settings settings = defaults();
    struct fault fault = {0};

    if (read_text(text, strlen(text), &settings, &fault) < 0)
        fail_msg("%s", fault.text);
    return settings;
}

static void config_takes_every_key(void **state)
{
    (void)state;
    struct settings settings =
        accepts("# comment\n[trafficd]\nbpffs = /b\ncgroup=/c\nsocket = /s\nbackend = nft\nnetfilter = off\n"
                "counters = percpu ; why\napp_uids = 10-20,0x1E-\nper_user_range: 100000\n"
                "accounting_uids = 0,root,0x3E8\naccounting_group = a\nread_group = r\nfold_user_namespaces = no\n"
                "rows_per_uid = 7\npolicy = /p\non_bad_policy = closed\nexempt_esp = on\nexempt_loopback = 0\n"
                "destroy_sockets = true\nbpffs_search = off\r\n\r\n\n[maps] # sizes\n"
                "uid_counterSet = 5\ncookie_tag = 1\npowersave_uid = 2147483648");
    assert_string_equal(settings.bpffs, "/b");
    assert_string_equal(settings.cgroup, "/c");
    assert_string_equal(settings.socket, "/s");
    assert_int_equal(settings.backend, LOAD_BACKEND_NFT);
    assert_int_equal(settings.netfilter, LOAD_NETFILTER_OFF);
    assert_true(settings.percpu);
    assert_int_equal(settings.app_uids.count, 2);
    assert_int_equal(settings.app_uids.range[1].first, 30);
    assert_int_equal(settings.app_uids.range[1].last, 0xFFFFFFFE);
    assert_int_equal(settings.per_user_range, 100000);
    assert_int_equal(settings.accounting_uids.count, 3);
    assert_int_equal(settings.accounting_uids.uid[1], 0);
    assert_int_equal(settings.accounting_uids.uid[2], 1000);
    assert_string_equal(settings.accounting_group, "a");
    assert_string_equal(settings.read_group, "r");
    assert_false(settings.fold_user_namespaces);
    assert_int_equal(settings.rows_per_uid, 7);
    assert_string_equal(settings.policy, "/p");
    assert_int_equal(settings.on_bad_policy, LOAD_CLOSED);
    assert_true(settings.exempt_esp);
    assert_false(settings.exempt_loopback);
    assert_true(settings.destroy_sockets);
    assert_false(settings.bpffs_search);
    assert_int_equal(settings.entries[LOAD_UID_COUNTER_SET], 5);
    assert_int_equal(settings.entries[LOAD_COOKIE_TAG], 1);
    assert_int_equal(settings.entries[LOAD_POWERSAVE_UID], 2147483648);
}

static void config_names_file_and_line(void **state)
{
    (void)state;
    refuses("[maps]\n[other]\n", "FILE:2: ", "unknown section '[other]'");
    refuses("[maps]\n[other]\nx = 1\n", "FILE:2: ", "unknown section");
    refuses("\n[maps\n", "FILE:2: ", "section");
    refuses("[maps] cookie_tag = 1\n", "FILE:1: ", "unknown section");
    refuses("\xEF\xBB\xBF[other]\n", "FILE:1: ", "unknown section");
    refuses("bpffs = /b\n", "FILE:1: ", "in no section");
    refuses("[trafficd]\n\nbpfs = /b\n", "FILE:3: ", "no key 'bpfs'");
    refuses("[trafficd]\nsockets = /s\n", "FILE:2: ", "no key 'sockets'");
    refuses("[trafficd]\napp-uids = 1\n", "FILE:2: ", "no key 'app-uids'");
    refuses("[trafficd]\napp_uid = 1\n", "FILE:2: ", "no key");
    refuses("[trafficd]\napp_uids_ = 1\n", "FILE:2: ", "no key");
    refuses("[trafficd]\n= 1\n", "FILE:2: ", "no key ''");
    refuses("[maps]\ncookie_tag_map = 1\n", "FILE:2: ", "no key");
    refuses("[maps]\nbpffs = /b\n", "FILE:2: ", "no key");
    refuses("[trafficd]\nbpffs\n", "FILE:2: ", "neither");
}

static void config_refuses_values_that_do_not_fit(void **state)
{
    (void)state;
    refuses("[maps]\ncookie_tag = 0\n", "FILE:2: ", "from 1 to 2147483648");
    refuses("[maps]\ncookie_tag = 2147483649\n", "FILE:2: ", "from 1 to");
    refuses("[maps]\ncookie_tag = 4294967296\n", "FILE:2: ", "from 1 to");
    refuses("[maps]\ncookie_tag = -1\n", "FILE:2: ", "from 1 to");
    refuses("[maps]\ncookie_tag = 10k\n", "FILE:2: ", "from 1 to");
    refuses("[maps]\ncookie_tag =\n", "FILE:2: ", "from 1 to");
    refuses("[trafficd]\nper_user_range = 99999999999999999999\n", "FILE:2: ", "from 0 to 4294967295");
    refuses("[trafficd]\nrows_per_uid = many\n", "FILE:2: ", "from 0 to");
    refuses("[trafficd]\ncounters = both\n", "FILE:2: ", "shared or percpu");
    refuses("[trafficd]\nbackend = ebpf\n", "FILE:2: ", "auto, bpf or nft");
    refuses("[trafficd]\nnetfilter = on\n", "FILE:2: ", "auto, link, nft, legacy or off");
    refuses("[trafficd]\nbpffs_search = maybe\n", "FILE:2: ", "yes or no");
    refuses("[trafficd]\nfold_user_namespaces =\n", "FILE:2: ", "yes or no");
    refuses("[trafficd]\napp_uids = 5-1\n", "FILE:2: ", "ranges");
    refuses("[trafficd]\napp_uids = 1,2,3,4,5,6,7,8,9\n", "FILE:2: ", "at most 8");
    refuses("[trafficd]\napp_uids = 0-4294967295\n", "FILE:2: ", "ranges");
    refuses("[trafficd]\naccounting_uids = 1,,2\n", "FILE:2: ", "joined by commas");
    refuses("[trafficd]\naccounting_uids = 4294967295\n", "FILE:2: ", "joined by commas");
    refuses("[trafficd]\naccounting_uids = nobody_of_this_name\n", "FILE:2: ", "joined by commas");
    refuses("[trafficd]\naccounting_uids = 1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3\n",
            "FILE:2: ", "at most 32");
    refuses("[trafficd]\nsocket =\n", "FILE:2: ", "at most 107 bytes");
    refuses("[trafficd]\nread_group =\n", "FILE:2: ", "group");
    refuses("[trafficd]\npolicy = here\n", "FILE:2: ", "the whole path of a file");
    refuses("[trafficd]\non_bad_policy = Keep\n", "FILE:2: ", "keep, closed or open");
    refuses("[trafficd]\nbpffs =\n", "FILE:2: ", "directory");
    refuses("[trafficd]\nbpffs = /a\033[2J\n", "FILE:2: ", "directory");
}

static void config_refuses_lines_that_inih_would_glue_or_cut(void **state)
{
    (void)state;
    char line[256] = "[trafficd]\nbpffs = /";
    size_t begin = strlen("[trafficd]\n");

    refuses("[trafficd]\nread_group = a\n b\n", "FILE:3: ", "begins with a blank");
    refuses(" [trafficd]\n", "FILE:1: ", "begins with a blank");
    refuses("[trafficd]\n\t# note\n", "FILE:2: ", "begins with a blank");
    refuses("[trafficd]\nread_group = a\n\rb\n", "FILE:3: ", "begins with a blank");
    memset(line + strlen(line), 'x', 190 - (strlen(line) - begin));
    refuses(line, "FILE:2: ", "at most 167 bytes");
    memcpy(line + begin, "# bpffs ", strlen("# bpffs "));
    accepts(line);
    strcat(line, "x");
    refuses(line, "FILE:2: ", "longer than 190 bytes");
    strcat(line, "\n");
    refuses(line, "FILE:2: ", "longer than 190 bytes");
}

static void config_refuses_nul_bytes(void **state)
{
    (void)state;
    static const char text[] = "[trafficd]\nread_group = a\0b\n";
    struct settings settings = defaults();
    struct fault fault = {0};

    assert_int_equal(read_text(text, sizeof(text) - 1, &settings, &fault), -EINVAL);
    assert_non_null(strstr(fault.text, "FILE:2: holds a NUL byte"));
    assert_string_equal(settings.read_group, "net_bw_stats");
}

static void config_tells_the_first_of_several(void **state)
{
    (void)state;
    refuses("[trafficd]\nnonsense\ncounters = both\n", "FILE:2: ", "neither");
    refuses("[trafficd]\ncounters = both\nnonsense\n", "FILE:2: ", "shared or percpu");
    refuses("[trafficd]\nnonsense\n[other]\n", "FILE:2: ", "neither");
}

/* A folder of its own; its path is in *state. */
static int folder_new(void **state)
{
    char *folder = strdup("/tmp/test_config.XXXXXX");

    *state = folder;
    return mkdtemp(folder) ? 0 : -1;
}

static int folder_remove(void **state)
{
    static const char *const FILES[] = {"c.d/1.conf", "c.d/2.conf", "c.d/3.txt", "c", "defs"};
    char path[128];

    for (size_t i = 0; i < sizeof(FILES) / sizeof(*FILES); i++) {
        snprintf(path, sizeof(path), "%s/%s", (char *)*state, FILES[i]);
        unlink(path);
    }
    snprintf(path, sizeof(path), "%s/c.d", (char *)*state);
    rmdir(path);
    int r = rmdir(*state);
    free(*state);
    return r;
}

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void config_reads_drop_ins_in_order(void **state)
{
    struct settings settings = defaults();
    struct fault fault = {0};
    char path[128], folder[128];

    snprintf(path, sizeof(path), "%s/c", (char *)*state);
    snprintf(folder, sizeof(folder), "%s/c.d", (char *)*state);
    assert_int_equal(config_read_default(path, &settings, &fault), 0);
    assert_int_equal(mkdir(folder, 0700), 0);
    write_file(*state, "c.d/2.conf", "[trafficd]\nread_group = two\nrows_per_uid = 2\n");
    write_file(*state, "c.d/1.conf", "[trafficd]\nread_group = one\naccounting_group = one\n");
    write_file(*state, "c.d/3.txt", "not read");
    assert_int_equal(config_read_default(path, &settings, &fault), 0);
    write_file(*state, "c", "[trafficd]\nread_group = main\nper_user_range = 9\n");
    assert_int_equal(config_read_default(path, &settings, &fault), 0);
    assert_string_equal(settings.read_group, "two");
    assert_string_equal(settings.accounting_group, "one");
    assert_int_equal(settings.rows_per_uid, 2);
    assert_int_equal(settings.per_user_range, 9);
    write_file(*state, "c.d/2.conf", "\nread_group = two\n");
    assert_int_equal(config_read_default(path, &settings, &fault), -EINVAL);
    assert_non_null(strstr(fault.text, "/c.d/2.conf:2: "));
    write_file(*state, "c", "[trafficd]\nread = main\n");
    assert_int_equal(config_read_default(path, &settings, &fault), -EINVAL);
    assert_non_null(strstr(fault.text, "/c:2: "));
}

static void config_names_a_file_that_cannot_be_read(void **state)
{
    struct settings settings = defaults();
    struct fault fault = {0};

    assert_int_equal(config_read_file("/nonexistent/c", &settings, &fault), -ENOENT);
    assert_string_equal(fault.text, "/nonexistent/c: No such file or directory");
    assert_int_equal(config_read_file(*state, &settings, &fault), -EISDIR);
    assert_non_null(strstr(fault.text, "Is a directory"));
}

static void login_defs_give_the_ranges(void **state)
{
    struct uid_range uids, sub_uids;
    char path[128];

    snprintf(path, sizeof(path), "%s/defs", (char *)*state);
    write_file(*state, "defs",
               "# UID_MIN 1\nUID_MIN\t\t 500\n  UID_MAX  70000 \nSUB_UID_MIN 200000\nXUID_MIN 3\n"
               "SUB_UID_MAX 300000 # more\nSYS_UID_MIN 101\nUID_MINX 5\n");
    login_defs_uids(path, &uids, &sub_uids);
    assert_int_equal(uids.first, 500);
    assert_int_equal(uids.last, 70000);
    assert_int_equal(sub_uids.first, 200000);
    assert_int_equal(sub_uids.last, 300000);
}

static void login_defs_fall_back(void **state)
{
    struct uid_range uids, sub_uids;
    char path[128];

    snprintf(path, sizeof(path), "%s/defs", (char *)*state);
    write_file(*state, "defs", "UID_MIN 9000\nUID_MAX 8000\nSUB_UID_MIN lots\nSUB_UID_MAX 99999999999\n");
    for (int i = 0; i < 2; i++) {
        login_defs_uids(i ? path : NO_FILE, &uids, &sub_uids);
        assert_int_equal(uids.first, 1000);
        assert_int_equal(uids.last, 60000);
        assert_int_equal(sub_uids.first, 100000);
        assert_int_equal(sub_uids.last, 600100000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(config_takes_every_key),
        cmocka_unit_test(config_names_file_and_line),
        cmocka_unit_test(config_refuses_values_that_do_not_fit),
        cmocka_unit_test(config_refuses_lines_that_inih_would_glue_or_cut),
        cmocka_unit_test(config_refuses_nul_bytes),
        cmocka_unit_test(config_tells_the_first_of_several),
        cmocka_unit_test_setup_teardown(config_reads_drop_ins_in_order, folder_new, folder_remove),
        cmocka_unit_test_setup_teardown(config_names_a_file_that_cannot_be_read, folder_new, folder_remove),
        cmocka_unit_test_setup_teardown(login_defs_give_the_ranges, folder_new, folder_remove),
        cmocka_unit_test_setup_teardown(login_defs_fall_back, folder_new, folder_remove),
    };

    return unit_run(tests);
}
