/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "help.h"

#include <limits.h>

#include "general.h"

static void print_operands(const struct command *command, FILE *out)
{
    const int count = (int)commands_operand_count(command);
    char text[VALUE_TEXT_LEN];

    for (int i = 0; i < count; i++)
        fprintf(out, i < command->least ? " %s%s" : " [%s%s]", value_text(&command->operands[i], text),
                i + 1 == count && command->most == INT_MAX ? "..." : "");
}

/* "--uid U" */
static void print_option(const struct command_option *option, FILE *out)
{
    char text[VALUE_TEXT_LEN];

    fprintf(out, "%s%s%s", option->name, value_exists(&option->value) ? " " : "", value_text(&option->value, text));
}

static void print_usage(const struct command *command, FILE *out)
{
    fputs(command->name, out);
    print_operands(command, out);
    for (const struct command_option *option = command->options; option && option->name; option++) {
        fputs(option->required ? " " : " [", out);
        print_option(option, out);
        fputs(option->required ? "" : "]", out);
    }
}

char *help_usage(const struct command *command)
{
    char *usage = NULL;
    size_t length;
    FILE *out = open_memstream(&usage, &length);

    if (!out)
        return NULL;
    print_usage(command, out);
    return fclose(out) == 0 ? usage : NULL;
}

static void print_options(const struct command_option *options, FILE *out)
{
    for (; options && options->name; options++) {
        fputs("  ", out);
        if (options->letter)
            fprintf(out, "-%c, ", options->letter);
        print_option(options, out);
        fprintf(out, "\n      %s\n", options->help);
    }
}

static void print_command(const struct command *command, FILE *out)
{
    fputs("  ", out);
    print_usage(command, out);
    fprintf(out, "\n      %s\n", command->help);
}

static void print_exit_status(FILE *out)
{
    fputs("\nExit status: 0 done, 1 failed, 2 usage, 4 degraded.\n", out);
}

void help_all(FILE *out)
{
    fputs("Usage: trafficctl [OPTION]... COMMAND\n"
          "Read network traffic by user from the maps that trafficd pinned, tag sockets, block users.\n\n"
          "General options, before the command or behind it:\n",
          out);
    print_options(general_options, out);
    fputs("\nCommands (UID: a number or a user name; CHAIN: a name or netd's number; 'COMMAND -h' tells more):\n", out);
    for (size_t i = 0; i < COMMANDS; i++)
        print_command(&commands[i], out);
    print_exit_status(out);
}

static void print_general(FILE *out)
{
    fputs("\nGeneral options: see 'trafficctl --help'.\n", out);
}

void help_group(const char *group, FILE *out)
{
    fprintf(out, "Usage: trafficctl [OPTION]... %s COMMAND\n\nCommands ('%s COMMAND -h' tells more):\n", group, group);
    for (size_t i = 0; i < COMMANDS; i++)
        if (commands_in_group(&commands[i], group))
            print_command(&commands[i], out);
    print_general(out);
}

void help_command(const struct command *command, FILE *out)
{
    fputs("Usage: trafficctl [OPTION]... ", out);
    print_usage(command, out);
    fprintf(out, "\n%c%s.\n", command->help[0] - 'a' + 'A', command->help + 1);
    if (command->options)
        fputs("\nOptions:\n", out);
    print_options(command->options, out);
    print_general(out);
}
