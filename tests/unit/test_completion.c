/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What bash and zsh offer, asked of the shells themselves: for every command, option and operand of the tables. */
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <trafficctl/firewall.h>

#include "completion.h"
#include "general.h"
#include "shell.h"

static struct shell bash, zsh;

static int begin(void **state)
{
    (void)state;
    shell_bash(&bash);
    shell_zsh(&zsh);
    return 0;
}

static int end(void **state)
{
    (void)state;
    shell_end(&bash);
    shell_end(&zsh);
    return 0;
}

static void offers(struct shell *shell, const char *line, const char *word)
{
    if (!shell_offers(shell, word))
        fail_msg("'%s' is offered '%s', without %s", line, shell->answer, word);
}

static void asked(struct shell *shell, const char *line, const char *word)
{
    shell_ask(shell, line);
    offers(shell, line, word);
}

/* The one word that is offered. */
static void completes(struct shell *shell, const char *line, const char *word)
{
    asked(shell, line, word);
    if (shell_offered(shell) != 1)
        fail_msg("'%s' is offered '%s', and not %s alone", line, shell->answer, word);
}

static void offers_nothing(struct shell *shell, const char *line)
{
    shell_ask(shell, line);
    if (shell_offered(shell))
        fail_msg("'%s' is offered '%s'", line, shell->answer);
}

/* "on|off" */
static void offers_words(struct shell *shell, const char *line, const char *words)
{
    char word[32];

    for (; *words; words += strcspn(words, "|"), words += *words == '|') {
        snprintf(word, sizeof(word), "%.*s", (int)strcspn(words, "|"), words);
        offers(shell, line, word);
    }
}

/* What there is of a kind everywhere, or is in the folder; a package builder has no /sys, and so no interfaces. */
static const char *thing_of(enum value_kind kind, char pid[static 16])
{
    static const char *const THINGS[] = {
        [VALUE_TEXT] = "",         [VALUE_USER] = "root",  [VALUE_GROUP] = "root",       [VALUE_IFACE] = "lo",
        [VALUE_CHAIN] = "dozable", [VALUE_FILE] = "begin", [VALUE_DIRECTORY] = "folder",
    };

    snprintf(pid, 16, "%d", getpid());
    if (kind == VALUE_IFACE && access("/sys/class/net/lo", F_OK) < 0)
        return "";
    return kind == VALUE_PID ? pid : THINGS[kind];
}

static void offers_value(struct shell *shell, const char *line, const struct value *value)
{
    char pid[16];

    shell_ask(shell, line);
    offers_words(shell, line, value->words ?: "");
    if (value->kind == VALUE_CHAIN)
        for (unsigned int chain = 1; chain <= TCTL_FIREWALL_CHAINS; chain++)
            offers(shell, line, tctl_chain_name(chain));
    else if (*thing_of(value->kind, pid))
        offers(shell, line, thing_of(value->kind, pid));
    if (value->kind == VALUE_TEXT && !value->words && shell_offered(shell))
        fail_msg("'%s' is offered '%s'", line, shell->answer);
    if (value->kind == VALUE_DIRECTORY)
        assert_false(shell_offers(shell, "begin"));
}

/* Each option of a line that ends before it, and then what it takes. */
static void offers_options(struct shell *shell, const char *line, const struct command_option *options)
{
    char longer[128];

    snprintf(longer, sizeof(longer), "%s --", line);
    shell_ask(shell, longer);
    for (const struct command_option *option = options; option && option->name; option++)
        offers(shell, longer, option->name);
    for (const struct command_option *option = options; option && option->name; option++) {
        if (!value_exists(&option->value))
            continue;
        snprintf(longer, sizeof(longer), "%s %s ", line, option->name);
        offers_value(shell, longer, &option->value);
    }
}

static void offers_operands(struct shell *shell, const struct command *command)
{
    const size_t count = commands_operand_count(command);
    char line[128];

    snprintf(line, sizeof(line), "trafficctl %s ", command->name);
    for (size_t i = 0; i < count; i++) {
        offers_value(shell, line, &command->operands[i]);
        strcat(line, "1 ");
    }
    if (command->most > (int)count) {
        offers_value(shell, line, &command->operands[count - 1]);
        strcat(line, "1 ");
        offers_value(shell, line, &command->operands[count - 1]);
    }
}

/* "trafficctl sta" is offered stats and status, "trafficctl stats " uid. */
static void offers_name(struct shell *shell, const struct command *command)
{
    char line[64], word[32];
    size_t length = strcspn(command->name, " ");

    snprintf(word, sizeof(word), "%.*s", (int)length, command->name);
    snprintf(line, sizeof(line), "trafficctl %.2s", command->name);
    asked(shell, line, word);
    if (!command->name[length])
        return;
    snprintf(line, sizeof(line), "trafficctl %s ", word);
    asked(shell, line, commands_last_word(command));
}

static void all_that_is_in_the_table_is_offered(void **state)
{
    struct shell *shell = *state;
    char line[64];

    offers_options(shell, "trafficctl", general_options);
    offers_options(shell, "trafficctl stats uid", general_options);
    for (size_t i = 0; i < COMMANDS; i++) {
        offers_name(shell, &commands[i]);
        snprintf(line, sizeof(line), "trafficctl %s", commands[i].name);
        offers_options(shell, line, commands[i].options);
        offers_operands(shell, &commands[i]);
    }
}

static void nothing_else_is_offered(void **state)
{
    struct shell *shell = *state;

    shell_ask(shell, "trafficctl stats ");
    assert_int_equal(shell_offered(shell), 4);
    completes(shell, "trafficctl firewall wh", "why");
    completes(shell, "trafficctl firewall enable doz", "dozable");
    completes(shell, "trafficctl stats detail --tag 5 --ifa", "--iface");
    completes(shell, "trafficctl --bpffs /x stats -j u", "uid");
    completes(shell, "trafficctl firewall deny --runtime standby roo", "root");
    completes(shell, "trafficctl firewall lockdown 1000 of", "off");
    /* bash is told that it is a file's, and then quotes it */
    completes(shell, "trafficctl firewall replace 1 a", shell == &zsh ? "a\\ file" : "a file");
    offers_nothing(shell, "trafficctl stats uid --ui");
    offers_nothing(shell, "trafficctl stats iface no_such_name");
    offers_nothing(shell, "trafficctl untag --pid x");
    offers_nothing(shell, "trafficctl no_such_command --runt");
    offers_nothing(shell, "trafficctl no_such_command x");
    shell_ask(shell, "trafficctl counterset 1000 1 ");
    assert_false(shell_offers(shell, "root") || shell_offers(shell, "0"));
}

static void a_value_may_stand_behind_an_equals_sign(void **state)
{
    struct shell *shell = *state;

    /* bash splits words there */
    completes(shell, shell == &zsh ? "trafficctl stats detail --uid=roo" : "trafficctl stats detail --uid = roo",
              "root");
    asked(shell, shell == &zsh ? "trafficctl stats detail --uid=" : "trafficctl stats detail --uid =", "root");
    completes(shell, shell == &zsh ? "trafficctl stats --bpffs=/x ui" : "trafficctl stats --bpffs = /x ui", "uid");
}

static void all_of_trafficd_is_offered(void **state)
{
    struct shell *shell = *state;

    offers_options(shell, "trafficd", completion_find("trafficd")->general);
    completes(shell, "trafficd --load-only --netfilter leg", "legacy");
    completes(shell, "trafficd --backend n", "nft");
    offers_nothing(shell, "trafficd x");
}

/* By each of the shells. */
#define BOTH(test)                                                                                                     \
    {#test, test, NULL, NULL, &bash},                                                                                  \
    {                                                                                                                  \
#test "_by_zsh", test, NULL, NULL, &zsh                                                                        \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(all_that_is_in_the_table_is_offered),
        BOTH(nothing_else_is_offered),
        BOTH(a_value_may_stand_behind_an_equals_sign),
        BOTH(all_of_trafficd_is_offered),
    };

    cmocka_set_test_filter(unit_filter());
    return cmocka_run_group_tests(tests, begin, end);
}
