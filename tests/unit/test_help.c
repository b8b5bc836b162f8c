/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What -h says of each command in the table. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "general.h"
#include "help.h"
#include "said.h"

/* Words, of which the last is -h, give what they should on standard output alone. */
static void tells(struct said *said, const char *const *words, const char *what)
{
    assert_int_equal(said_run(words, said), CLI_DONE);
    assert_string_equal(said->err, "");
    if (!strstr(said->out, what))
        fail_msg("%s %s says '%s', and not '%s'", words[0], words[1] ?: "", said->out, what);
}
#define TELLS(said, what, ...) tells(said, (const char *const[]){__VA_ARGS__, NULL}, what)

static void names_options(const char *text, const struct command_option *options)
{
    for (; options && options->name; options++)
        if (!strstr(text, options->name) || !strstr(text, options->help))
            fail_msg("'%s' does not tell of %s", text, options->name);
}

/* The words of a command, "stats" and "uid". */
static void split(const struct command *command, char first[32], const char **ret_second)
{
    snprintf(first, 32, "%s", command->name);
    char *blank = strchr(first, ' ');
    *ret_second = NULL;
    if (!blank)
        return;
    *blank = '\0';
    *ret_second = blank + 1;
}

static void each_command_has_help(void **state)
{
    (void)state;
    struct said said;
    char first[32];
    const char *second;

    for (size_t i = 0; i < COMMANDS; i++) {
        split(&commands[i], first, &second);
        char *usage = help_usage(&commands[i]);
        for (int way = 0; way < 2; way++) {
            const char *help = way ? "--help" : "-h";
            tells(&said, second ? (const char *[]){first, second, help, NULL} : (const char *[]){first, help, NULL},
                  usage);
            names_options(said.out, commands[i].options);
            tells(&said, second ? (const char *[]){help, first, second, NULL} : (const char *[]){help, first, NULL},
                  usage);
        }
        free(usage);
    }
}

static void each_group_has_help(void **state)
{
    (void)state;
    struct said said;
    char first[32];
    const char *second;

    for (size_t i = 0; i < COMMANDS; i++) {
        split(&commands[i], first, &second);
        if (!second)
            continue;
        TELLS(&said, commands[i].help, first, "-h");
        TELLS(&said, commands[i].help, first, "--help");
        TELLS(&said, commands[i].help, "-h", first);
    }
    TELLS(&said, "firewall COMMAND", "firewall", "-h");
    assert_null(strstr(said.out, "stats"));
}

static void help_tells_of_everything(void **state)
{
    (void)state;
    struct said said;

    TELLS(&said, "Exit status: 0 done", "--help");
    names_options(said.out, general_options);
    for (size_t i = 0; i < COMMANDS; i++) {
        char *usage = help_usage(&commands[i]);
        assert_non_null(strstr(said.out, usage));
        assert_non_null(strstr(said.out, commands[i].help));
        free(usage);
    }
    TELLS(&said, "Exit status: 0 done", "-j", "-h");
}

/* What a command takes is shown as it is taken. */
static void usage_shows_what_is_taken(void **state)
{
    (void)state;
    static const struct {
        enum command_id command;
        const char *usage;
    } CASES[] = {
        {COMMAND_STATUS, "status"},
        {COMMAND_STATS_UID, "stats uid [UID]"},
        {COMMAND_STATS_DETAIL, "stats detail [--uid U] [--iface I] [--tag T] [--set S]"},
        {COMMAND_UNTAG, "untag --pid P --fd N"},
        {COMMAND_COUNTERSET, "counterset UID 0|1"},
        {COMMAND_DELETE_TAG_DATA, "delete-tag-data UID [TAG]"},
        {COMMAND_FIREWALL_ALLOW, "firewall allow CHAIN UID... [--runtime]"},
        {COMMAND_FIREWALL_REPLACE, "firewall replace CHAIN FILE|- [--runtime]"},
        {COMMAND_FIREWALL_IIF, "firewall iif UID IFACE|any|none [--runtime]"},
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
        char *usage = help_usage(&commands[CASES[i].command]);
        assert_string_equal(usage, CASES[i].usage);
        free(usage);
    }
}

static void the_version_is_printed(void **state)
{
    (void)state;
    struct said said;

    TELLS(&said, "trafficctl " TRAFFICCTL_VERSION "\n", "-V");
    TELLS(&said, "trafficctl " TRAFFICCTL_VERSION "\n", "--version", "no_such_command");
    TELLS(&said, "trafficctl " TRAFFICCTL_VERSION "\n", "stats", "uid", "-V");
}

/* Help for what there is not is no help. */
static void unknown_words_are_refused_with_help(void **state)
{
    (void)state;
    static const char *const CASES[][4] = {
        {"-h", "statu"}, {"statu", "-h"}, {"firewall", "sho", "-h"}, {"-h", "firewall", "sho"}, {"status", "--halp"},
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
        struct said said;
        assert_int_equal(said_run(CASES[i], &said), CLI_USAGE);
        assert_string_equal(said.out, "");
        assert_ptr_equal(strchr(said.err, '\n'), said.err + strlen(said.err) - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_command_has_help),    cmocka_unit_test(each_group_has_help),
        cmocka_unit_test(help_tells_of_everything), cmocka_unit_test(usage_shows_what_is_taken),
        cmocka_unit_test(the_version_is_printed),   cmocka_unit_test(unknown_words_are_refused_with_help),
    };

    return unit_run(tests);
}
