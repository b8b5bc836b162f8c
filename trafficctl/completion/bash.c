/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <limits.h>
#include <string.h>

#include <trafficctl/firewall.h>

#include "completion.h"

static void print_words(const struct command_option *options, FILE *out)
{
    for (; options->name; options++) {
        if (options->letter)
            fprintf(out, "-%c ", options->letter);
        fprintf(out, "%s%s", options->name, options[1].name ? " " : "");
    }
}

/* A word of a list, of which the first has no blank in front. */
static void print_next(const char *word, bool *first, FILE *out)
{
    fprintf(out, "%s%s", *first ? "" : " ", word);
    *first = false;
}

/* Each group once. */
static void print_first_words(FILE *out)
{
    char group[32];
    bool first = true;

    for (size_t i = 0; i < COMMANDS; i++)
        if (!strchr(commands[i].name, ' '))
            print_next(commands[i].name, &first, out);
        else if (completion_begins_group(&commands[i], group))
            print_next(group, &first, out);
}

static void print_second_words(const char *group, FILE *out)
{
    bool first = true;

    for (size_t i = 0; i < COMMANDS; i++)
        if (commands_in_group(&commands[i], group))
            print_next(commands_last_word(&commands[i]), &first, out);
}

static void print_name_words(const struct completion *completion, FILE *out)
{
    char group[32];

    fprintf(out, "_%s_words() # that may follow $1 in the name of a command\n{\n    case $1 in\n", completion->program);
    if (completion->commands) {
        fputs("    '') words='", out);
        print_first_words(out);
        fputs("' ;;\n", out);
    }
    for (size_t i = 0; i < COMMANDS && completion->commands; i++) {
        if (!completion_begins_group(&commands[i], group))
            continue;
        fprintf(out, "    %s) words='", group);
        print_second_words(group, out);
        fputs("' ;;\n", out);
    }
    fputs("    *) return 1 ;;\n    esac\n}\n\n", out);
}

static void print_options(const struct completion *completion, FILE *out)
{
    fprintf(out, "_%s_general='", completion->program);
    print_words(completion->general, out);
    fprintf(out, "'\n\n_%s_options() # of the command $1 alone\n{\n    words=''\n    case $1 in\n",
            completion->program);
    for (size_t i = 0; i < COMMANDS && completion->commands; i++) {
        if (!commands[i].options)
            continue;
        fprintf(out, "    '%s') words='", commands[i].name);
        print_words(commands[i].options, out);
        fputs("' ;;\n", out);
    }
    fputs("    esac\n}\n\n", out);
}

static void print_chains(FILE *out)
{
    bool first = true;

    for (unsigned int chain = 1; chain <= TCTL_FIREWALL_CHAINS; chain++)
        print_next(tctl_chain_name(chain), &first, out);
}

static void print_value(const struct value *value, FILE *out)
{
    static const char *const KINDS[] = {
        [VALUE_TEXT] = "text",  [VALUE_USER] = "user", [VALUE_GROUP] = "group", [VALUE_IFACE] = "iface",
        [VALUE_CHAIN] = "text", [VALUE_PID] = "pid",   [VALUE_FILE] = "file",   [VALUE_DIRECTORY] = "directory",
    };

    fprintf(out, "kind=%s words='", KINDS[value->kind]);
    for (const char *at = value->words ?: ""; *at; at++)
        fputc(*at == '|' ? ' ' : *at, out);
    if (value->kind == VALUE_CHAIN)
        print_chains(out);
    fputs("' ;;\n", out);
}

static void print_takes(const char *command, const struct command_option *options, FILE *out)
{
    for (; options && options->name; options++) {
        if (!value_exists(&options->value))
            continue;
        fprintf(out, *command == '*' ? "    %s:%s) " : "    '%s:%s') ", command, options->name);
        print_value(&options->value, out);
    }
}

static void print_operands(const struct command *command, FILE *out)
{
    size_t count = commands_operand_count(command);

    for (size_t i = 0; i < count; i++) {
        bool repeats = i + 1 == count && command->most == INT_MAX;
        if (repeats)
            fprintf(out, "    '%s:'[0-9]*) ", command->name);
        else
            fprintf(out, "    '%s:%zu') ", command->name, i + 1);
        print_value(&command->operands[i], out);
    }
}

static void print_all_takes(const struct completion *completion, FILE *out)
{
    fprintf(out,
            "_%s_takes() # what the command $1 takes: behind its option $2, or as its operand number $2\n{\n"
            "    kind='' words=''\n    case $1:$2 in\n",
            completion->program);
    print_takes("*", completion->general, out);
    for (size_t i = 0; i < COMMANDS && completion->commands; i++) {
        print_takes(commands[i].name, commands[i].options, out);
        print_operands(&commands[i], out);
    }
    fputs("    *) return 1 ;;\n    esac\n}\n\n", out);
}

void completion_bash(const struct completion *completion, FILE *out)
{
    fprintf(out,
            "# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later\n# shellcheck shell=bash\n"
            "# bash completion of %s, made of the program's own table when it was built\n",
            completion->program);
    print_name_words(completion, out);
    print_options(completion, out);
    print_all_takes(completion, out);
}
