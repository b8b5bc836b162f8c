/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* SIGHUP: what is applied, and what the log says of the rest. The loader is a recorder here. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "reload.h"

static struct {
    int answer;
    size_t app_uid_count;
    uint32_t rows_per_uid;
} loader;

int loader_apply(struct loaded *loaded, const struct load_options *options, load_warn_fn warn, struct fault *fault)
{
    (void)loaded;
    (void)warn;
    loader.app_uid_count = options->app_uid_count;
    loader.rows_per_uid = options->rows_per_uid;
    return loader.answer < 0 ? fault_set(fault, loader.answer, "the loader's fault") : 0;
}

/* From the defaults to text. What goes to standard error is in said. */
static int reload_to(const char *text, struct settings *settings, char *said, size_t size)
{
    char path[] = "/tmp/test_reload.XXXXXX";
    int fd = mkstemp(path), kept = dup(STDERR_FILENO);
    const struct options options = {.config = path};
    const struct options_files files = {"/nonexistent/c", "/nonexistent/login.defs"};
    FILE *file = tmpfile();

    settings_init(settings, files.login_defs);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    dup2(fileno(file), STDERR_FILENO);
    int r = reload(&options, &files, NULL, settings);
    dup2(kept, STDERR_FILENO);
    close(kept);
    rewind(file);
    said[fread(said, 1, size - 1, file)] = '\0';
    fclose(file);
    close(fd);
    unlink(path);
    return r;
}

static void reload_applies_what_it_can(void **state)
{
    (void)state;
    struct settings settings;
    char said[1024];

    loader.answer = 0;
    assert_int_equal(
        reload_to("[trafficd]\napp_uids = 7-8\nread_group = 5\naccounting_uids = 9\n", &settings, said, sizeof(said)),
        0);
    assert_int_equal(loader.app_uid_count, 1);
    assert_int_equal(settings.app_uids.range[0].last, 8);
    assert_string_equal(settings.read_group, "5");
    assert_int_equal(settings.accounting_uids.count, 1);
    assert_null(strstr(said, "was changed"));
}

static void reload_names_what_needs_a_restart(void **state)
{
    (void)state;
    struct settings settings;
    char said[1024];

    loader.answer = 0;
    assert_int_equal(reload_to("[trafficd]\nrows_per_uid = 5\nsocket = /s\npolicy = /p\non_bad_policy = open\n"
                               "exempt_esp = yes\nexempt_loopback = no\ndestroy_sockets = yes\n",
                               &settings, said, sizeof(said)),
                     0);
    static const char *const FIREWALL[] = {"policy", "on_bad_policy", "exempt_esp", "exempt_loopback",
                                           "destroy_sockets"};
    for (size_t i = 0; i < sizeof(FIREWALL) / sizeof(*FIREWALL); i++) {
        char line[64];
        snprintf(line, sizeof(line), "\n%s was changed: restart trafficd", FIREWALL[i]);
        if (!strstr(said, line))
            fail_msg("no '%s' in: %s", line + 1, said);
    }
    assert_string_equal(settings.policy, "/var/lib/trafficctl/policy");
    assert_false(settings.destroy_sockets);
    assert_non_null(strstr(said, "rows_per_uid was changed: restart trafficd"));
    assert_non_null(strstr(said, "socket was changed: restart trafficd"));
    assert_null(strstr(said, "unload"));
    assert_int_equal(settings.rows_per_uid, 0);
    assert_int_equal(loader.rows_per_uid, 0);
}

static void reload_names_what_needs_an_unload(void **state)
{
    (void)state;
    struct settings settings;
    char said[1024];

    loader.answer = 0;
    assert_int_equal(reload_to("[trafficd]\ncounters = percpu\n", &settings, said, sizeof(said)), 0);
    assert_non_null(strstr(said, "counters was changed: stop trafficd, run 'trafficctl unload'"));
    assert_false(settings.percpu);
    assert_int_equal(reload_to("[trafficd]\nbackend = nft\n", &settings, said, sizeof(said)), 0);
    assert_non_null(strstr(said, "backend was changed: stop trafficd, run 'trafficctl unload'"));
    assert_int_equal(settings.backend, LOAD_BACKEND_AUTO);
    assert_int_equal(reload_to("[maps]\nuid_stats = 5\n", &settings, said, sizeof(said)), 0);
    assert_non_null(strstr(said, "uid_stats of [maps] was changed: stop trafficd, run 'trafficctl unload'"));
    assert_int_equal(settings.entries[LOAD_UID_STATS], load_map_default_entries(LOAD_UID_STATS));
    assert_int_equal(reload_to("[maps]\nuid_stats = 20000\n", &settings, said, sizeof(said)), 0);
    assert_non_null(strstr(said, "uid_stats of [maps] was changed: restart trafficd"));
}

static void reload_that_fails_keeps_the_settings(void **state)
{
    (void)state;
    struct settings settings;
    char said[1024];

    loader.answer = 0;
    assert_int_equal(reload_to("[trafficd]\napp_uids = x\n", &settings, said, sizeof(said)), -EINVAL);
    assert_non_null(strstr(said, "the settings in use are kept"));
    loader.answer = -EIO;
    assert_int_equal(reload_to("[trafficd]\nread_group = 5\n", &settings, said, sizeof(said)), -EIO);
    assert_non_null(strstr(said, "the loader's fault; the settings in use are kept"));
    assert_string_equal(settings.read_group, "net_bw_stats");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reload_applies_what_it_can),
        cmocka_unit_test(reload_names_what_needs_a_restart),
        cmocka_unit_test(reload_names_what_needs_an_unload),
        cmocka_unit_test(reload_that_fails_keeps_the_settings),
    };

    return unit_run(tests);
}
