/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <limits.h>
#include <string.h>

#include <trafficctl/firewall.h>

#include "completion.h"

/* Text within single quotes, with a backslash before each of special. */
static void print_quoted(const char *text, const char *special, FILE *out)
{
    for (; *text; text++)
        if (*text == '\'')
            fputs("'\\''", out);
        else
            fprintf(out, strchr(special, *text) ? "\\%c" : "%c", *text);
}

/* The words without anything between them but blanks. */
static void print_plain_words(const char *words, FILE *out)
{
    for (; *words; words++)
        fputc(*words == '|' ? ' ' : *words, out);
}

/* What finds things of a kind: zsh's own functions, and ours of print_helpers(), with the program's name for each @. */
static void print_finder(const char *program, enum value_kind kind, FILE *out)
{
    static const char *const FINDERS[] = {
        [VALUE_TEXT] = "",           [VALUE_USER] = "_users",         [VALUE_GROUP] = "_groups",
        [VALUE_IFACE] = "_@_ifaces", [VALUE_CHAIN] = "_@_chains",     [VALUE_PID] = "_@_pids",
        [VALUE_FILE] = "_files",     [VALUE_DIRECTORY] = "_files -/",
    };

    for (const char *at = FINDERS[kind]; *at; at++)
        if (*at == '@')
            fputs(program, out);
        else
            fputc(*at, out);
}

/* ":MESSAGE:ACTION" of _arguments */
static void print_value(const struct completion *completion, const struct value *value, FILE *out)
{
    char text[VALUE_TEXT_LEN];

    fputc(':', out);
    print_quoted(value_text(value, text), ":\\", out);
    if (value->kind == VALUE_TEXT && !value->words) {
        fputs(": ", out);
        return;
    }
    fputs(":{", out);
    print_finder(completion->program, value->kind, out);
    if (value->words) {
        fputs(value->kind == VALUE_TEXT ? "compadd -- " : "; compadd -- ", out);
        print_plain_words(value->words, out);
    }
    fputc('}', out);
}

/* A specification of _arguments for each option. */
static void print_options(const struct completion *completion, const struct command_option *options, FILE *out)
{
    for (; options && options->name; options++) {
        if (options->letter)
            fprintf(out, " \\\n            '(-%c %s)'{-%c,%s}'[", options->letter, options->name, options->letter,
                    options->name);
        else
            fprintf(out, " \\\n            '%s%s[", options->name, value_exists(&options->value) ? "=" : "");
        print_quoted(options->help, "[]\\", out);
        fputc(']', out);
        if (value_exists(&options->value))
            print_value(completion, &options->value, out);
        fputc('\'', out);
    }
}

static void print_operands(const struct completion *completion, const struct command *command, FILE *out)
{
    size_t count = commands_operand_count(command);

    for (size_t i = 0; i < count; i++) {
        bool repeats = i + 1 == count && command->most == INT_MAX;
        fprintf(out, repeats ? " \\\n            '*" : " \\\n            '%zu", i + 1);
        print_value(completion, &command->operands[i], out);
        fputc('\'', out);
    }
}

static void print_command(const struct completion *completion, const struct command *command, FILE *out)
{
    fprintf(out, "        (%s)\n            _arguments -s -S \"$general[@]\"", commands_last_word(command));
    print_options(completion, command->options, out);
    print_operands(completion, command, out);
    fputs(" && ret=0 ;;\n", out);
}

/* "NAME:HELP" */
static void print_described(const char *name, const char *help, FILE *out)
{
    fprintf(out, "            '%s:", name);
    print_quoted(help, "\\", out);
    fputs("'\n", out);
}

static bool belongs(const struct command *command, const char *group)
{
    return *group ? commands_in_group(command, group) : !strchr(command->name, ' ');
}

/* The commands of a group, or group "": the first words. */
static void print_choice(const char *group, FILE *out)
{
    char begun[32];

    for (size_t i = 0; i < COMMANDS; i++)
        if (belongs(&commands[i], group))
            print_described(commands_last_word(&commands[i]), commands[i].help, out);
        else if (!*group && completion_begins_group(&commands[i], begun))
            print_described(begun, "see its commands", out);
}

static void print_rest(const struct completion *completion, const char *group, FILE *out)
{
    char begun[32];

    fputs("    (rest)\n        case $words[1] in\n", out);
    for (size_t i = 0; i < COMMANDS; i++)
        if (belongs(&commands[i], group))
            print_command(completion, &commands[i], out);
        else if (!*group && completion_begins_group(&commands[i], begun))
            fprintf(out, "        (%s)\n            _%s_name_%s && ret=0 ;;\n", begun, completion->program, begun);
    fputs("        esac ;;\n", out);
}

/* A function that completes a word of a command's name, and hands on what stands behind it. */
static void print_level(const struct completion *completion, const char *group, FILE *out)
{
    fprintf(out,
            "_%s_name_%s() {\n"
            "    local curcontext=$curcontext context state state_descr line ret=1\n"
            "    local -A opt_args\n    local -a choice\n"
            "    _arguments -C -s -S \"$general[@]\" '(-): :->name' '(-)*:: :->rest' && ret=0\n"
            "    case $state in\n    (name)\n        choice=(\n",
            completion->program, group);
    print_choice(group, out);
    fputs("        )\n        _describe -t commands command choice && ret=0 ;;\n", out);
    print_rest(completion, group, out);
    fputs("    esac\n    return ret\n}\n\n", out);
}

static void print_levels(const struct completion *completion, FILE *out)
{
    char group[32];

    print_level(completion, "", out);
    for (size_t i = 0; i < COMMANDS; i++)
        if (completion_begins_group(&commands[i], group))
            print_level(completion, group, out);
}

static void print_helper(const struct completion *completion, const char *things, const char *thing, FILE *out)
{
    fprintf(out, "_%s_%s() {\n    local expl\n    _wanted %s expl %s compadd --", completion->program, things, things,
            thing);
}

static void print_helpers(const struct completion *completion, FILE *out)
{
    print_helper(completion, "ifaces", "interface", out);
    fputs(" /sys/class/net/*(-/N:t)\n}\n\n", out);
    print_helper(completion, "pids", "process", out);
    fputs(" /proc/<->(N:t)\n}\n\n", out);
    print_helper(completion, "chains", "chain", out);
    for (unsigned int chain = 1; chain <= TCTL_FIREWALL_CHAINS; chain++)
        fprintf(out, " %s", tctl_chain_name(chain));
    fputs("\n}\n\n", out);
}

void completion_zsh(const struct completion *completion, FILE *out)
{
    fprintf(out,
            "#compdef %s\n# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later\n# made of the program's own table "
            "when it was built\n\n",
            completion->program);
    if (completion->commands) {
        print_helpers(completion, out);
        print_levels(completion, out);
    }
    fputs("local -a general=(", out);
    print_options(completion, completion->general, out);
    fputs(")\n", out);
    if (completion->commands)
        fprintf(out, "_%s_name_\n", completion->program);
    else
        fputs("_arguments -s -S \"$general[@]\"\n", out);
}
