/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* How trafficctl prints at a terminal and into a pipe: sizes, titles, columns, colours. */
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "fd.h"
#include "kit.h"
#include "program.h"

#define UID 10001
#define SIZE (UINT64_C(5) << 30)
#define HUMAN "5.0 GiB"
#define EXACT "5368709120"

static struct program said;

/* What prints sizes, of which one is SIZE. */
static const char *const SIZES[] = {"stats uid 10001", "stats iface", "stats detail --uid 10001",
                                    "top --batch --count 1", "verify a0"};

/* The network namespace stays A, where the interfaces are. */
static void write_rows(void)
{
    const struct tctl_stats_value value = {7, SIZE, 9, 1536};
    uint32_t uid = UID, index = 0;

    assert_return_code(setns(the_world->netns[PLACE_A], CLONE_NEWNET), errno);
    index = if_nametoindex("a0");
    assert_true(index > 0);
    stats_write(the_world, "traffic_app_uid_stats_map", &uid, value);
    stats_write(the_world, "traffic_iface_stats_map", &index, value);
    stats_write(the_world, "traffic_uid_stats_map", &(struct tctl_stats_key){.uid = UID, .iface_index = index}, value);
}

static void shows(const char *words, const char *text, const char *not_text)
{
    run_ctl_at_terminal(the_world, words, 0, &said);
    if (!strstr(said.out, text) || strstr(said.out, not_text))
        fail_msg("at a terminal '%s' shows '%s'", words, said.out);
}

static void prints(const char *words, const char *text, const char *not_text)
{
    run_ctl(the_world, words, 0, &said);
    if (!strstr(said.out, text) || strstr(said.out, not_text))
        fail_msg("into a file '%s' prints '%s'", words, said.out);
}

static void test_sizes(void **state)
{
    char words[128];

    (void)state;
    write_rows();
    for (size_t i = 0; i < ARRAY_SIZE(SIZES); i++) {
        shows(SIZES[i], HUMAN, EXACT);
        prints(SIZES[i], EXACT, HUMAN);
        snprintf(words, sizeof(words), "--bytes %s", SIZES[i]);
        shows(words, EXACT, HUMAN);
        snprintf(words, sizeof(words), "%s --bytes --iec", SIZES[i]);
        prints(words, HUMAN, EXACT);
    }
}

static void test_json_is_exact(void **state)
{
    char words[128];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(SIZES); i++) {
        snprintf(words, sizeof(words), "%s -j --iec", SIZES[i]);
        shows(words, EXACT, "iB");
    }
}

static void test_status_fits_a_terminal(void **state)
{
    (void)state;
    run_ctl(the_world, "status", 0, &said);
    for (const char *line = said.out; *line; line += strcspn(line, "\n") + 1)
        assert_in_range(strcspn(line, "\n"), 0, 80);
}

static void test_titles(void **state)
{
    static const struct {
        const char *words;
        const char *titles[4];
    } TABLES[] = {
        {"status", {"PROGRAM ", "MAX_ENTRIES", "NOT RECORDED IN"}},
        {"check", {"REQUIREMENT", "NEEDED FOR"}},
        {"stats uid", {"UID", "RX_BYTES"}},
        {"stats iface", {"IFACE", "RX_BYTES"}},
        {"stats detail", {"IFACE", "TAG", "RX_BYTES"}},
        {"stats drops", {"UID", "REASON"}},
        {"verify a0", {"IFACE", "USERS", "LINK HAS"}},
        {"firewall show", {"CHAIN", "ENABLED"}},
        {"top --batch --count 1", {"TIME", "RX/S"}},
    };
    char words[128];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(TABLES); i++) {
        run_ctl(the_world, TABLES[i].words, 0, &said);
        for (size_t title = 0; TABLES[i].titles[title]; title++)
            assert_non_null(strstr(said.out, TABLES[i].titles[title]));
        snprintf(words, sizeof(words), "%s --no-legend", TABLES[i].words);
        run_ctl(the_world, words, 0, &said);
        for (size_t title = 0; TABLES[i].titles[title]; title++)
            if (strstr(said.out, TABLES[i].titles[title]))
                fail_msg("'%s' prints '%s'", words, said.out);
    }
}

/* The first line with one blank between words. */
static void squeeze(char *text)
{
    char *to = text;

    for (const char *from = text + strspn(text, " "); *from && *from != '\n'; from++)
        if (*from != ' ' || (from[1] != ' ' && from[1] != '\n'))
            *to++ = *from;
    *to = '\0';
}

/* The order of columns that the manual promises. */
static void test_columns(void **state)
{
    static const struct {
        const char *words, *entry;
    } TABLES[] = {
        {"stats uid", "stats uid"},
        {"stats iface", "stats iface"},
        {"stats detail", "stats detail"},
        {"stats drops", "stats drops"},
        {"top --batch --count 1", "top Fl -batch"},
        {"firewall show", "firewall show"},
    };
    _cleanup_fclose_ FILE *file = fopen("config/man/trafficctl.8", "re");
    _cleanup_free_ char *page = NULL;
    char entry[256];
    size_t size = 0;

    (void)state;
    assert_non_null(file);
    assert_true(getdelim(&page, &size, '\0', file) > 0 && page);
    for (size_t i = 0; i < ARRAY_SIZE(TABLES); i++) {
        run_ctl(the_world, TABLES[i].words, 0, &said);
        squeeze(said.out);
        snprintf(entry, sizeof(entry), "\n.It Cm %s\n%.200s\n", TABLES[i].entry, said.out);
        if (!strstr(page, entry))
            fail_msg("the manual has no%s", entry);
    }
}

#define ESCAPE "\033["

static void test_colours(void **state)
{
    (void)state;
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    shows("status", "state: " ESCAPE "1;32mok" ESCAPE "0m\n", "\033c");
    shows("firewall why 10001", ESCAPE "1;32mpass" ESCAPE "0m: what 10001", "\033c");
    prints("status", "state: ok\n", "\033");
    shows("status -j", "\"state\":\"ok\"", "\033");
    shows("stats uid", "RX_BYTES", "\033");
    setenv("NO_COLOR", "1", 1);
    shows("status", "state: ok\n", "\033");
    shows("firewall why 10001", "pass: what 10001", "\033");
    setenv("NO_COLOR", "", 1);
    shows("status", ESCAPE "1;32mok", "\033c");
    setenv("TERM", "dumb", 1);
    shows("status", "state: ok\n", "\033");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_json_is_exact),
        cmocka_unit_test(test_status_fits_a_terminal),
        cmocka_unit_test(test_titles),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_colours),
    };

    return run_world("manners", tests, ARRAY_SIZE(tests), &(struct world_options){0});
}
