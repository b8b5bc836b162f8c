/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* From words to a command that runs: its options, the count of its operands, the program that has it. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "commands.h"
#include "option.h"

/* More options than any command has. */
#define MAX_OPTIONS 16
#define HELP 'h'

/* As getopt_long() takes them: an option's value is its place in the table, behind all characters. */
static void list_options(const struct command *command, struct option longs[static MAX_OPTIONS + 2])
{
    const struct command_option *options = command->options;
    int count = 0;

    for (; options && options[count].name && count < MAX_OPTIONS; count++)
        longs[count] = (struct option){.name = options[count].name + 2,
                                       .has_arg = options[count].argument ? required_argument : no_argument,
                                       .val = UCHAR_MAX + 1 + count};
    longs[count++] = (struct option){.name = "help", .val = HELP};
    longs[count] = (struct option){0};
}

/* Afterwards the operands begin at optind. */
static enum cli_status parse_options(struct cli *cli, int argc, char **argv)
{
    const char *name = cli->command->name;
    struct option longs[MAX_OPTIONS + 2];
    struct fault fault = {0};
    int value;

    list_options(cli->command, longs);
    optind = 0;
    while ((value = option_next(argc, argv, ":h", longs, &fault)) != -1) {
        if (value == ':')
            return cli_usage("%s: %s", name, fault.text);
        if (value == '?')
            return cli_usage("%s: %s: general options stand before the command", name, fault.text);
        if (value == HELP)
            cli->help = true;
        else if (cli->given_count == CLI_MAX_GIVEN)
            return cli_usage("%s: more than %d options", name, CLI_MAX_GIVEN);
        else
            cli->given[cli->given_count++] =
                (struct cli_given){.name = cli->command->options[value - UCHAR_MAX - 1].name, .argument = optarg ?: ""};
    }
    return CLI_DONE;
}

static enum cli_status check_operands(const struct cli *cli, int argc, char **argv)
{
    const struct command *command = cli->command;
    _cleanup_free_ char *usage = commands_usage(command);

    for (const struct command_option *option = command->options; option && option->name; option++)
        if (option->required && !cli_given(cli, option->name))
            return cli_usage("%s: %s is missing: write trafficctl %s", command->name, option->name,
                             usage ?: command->name);
    if (argc - 1 > command->most)
        return cli_usage("%s: unexpected argument '%s': write trafficctl %s", command->name, argv[command->most + 1],
                         usage ?: command->name);
    if (argc - 1 < command->least)
        return cli_usage("%s: too few arguments: write trafficctl %s", command->name, usage ?: command->name);
    return CLI_DONE;
}

/* The second words of commands that begin with this one: "show, enable, ..."; empty: there are none. */
static void list_second_words(const char *first, char *text, size_t size)
{
    size_t length = strlen(first), used = 0;

    *text = '\0';
    for (size_t i = 0; i < COMMANDS && used < size; i++)
        if (strncmp(commands[i].name, first, length) == 0 && commands[i].name[length] == ' ')
            used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", commands[i].name + length + 1);
}

static enum cli_status refuse_command(int argc, char **argv)
{
    char words[256];

    list_second_words(argv[0], words, sizeof(words));
    if (*words)
        return cli_usage("%s takes one of %s%s%s: see 'trafficctl --help'", argv[0], words, argc > 1 ? ", not " : "",
                         argc > 1 ? argv[1] : "");
    return cli_usage("unknown command '%s%s%s': 'trafficctl --help' lists all", argv[0], argc > 1 ? " " : "",
                     argc > 1 ? argv[1] : "");
}

/* The folder of this program, then where packages put what is run by programs. */
static enum cli_status run_part(const struct cli *cli)
{
    const char *part = cli->command->part;
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

    if (!part)
        return cli_usage("this program has no command '%s': run trafficctl", cli->command->name);
    path[length < 0 ? 0 : length] = '\0';
    char *slash = strrchr(path, '/');
    if (slash && snprintf(slash + 1, sizeof(path) - (size_t)(slash + 1 - path), "%s", part) > 0)
        execv(path, cli->argv);
    snprintf(path, sizeof(path), "%s/%s", TRAFFICCTL_PARTS, part);
    execv(path, cli->argv);
    if (errno == ENOENT)
        return cli_failed("%s is a program of its own that is not installed: %s", cli->command->name, path);
    return cli_failed("cannot run %s: %s", path, strerror(errno));
}

enum cli_status commands_run(const struct cli *cli, const command_fn run[COMMANDS], int argc, char **argv)
{
    struct cli given = *cli;
    int words = 0;

    if (!argc)
        return cli_usage("no command: 'trafficctl --help' lists them");
    given.command = commands_find(argc, argv, &words);
    if (!given.command)
        return refuse_command(argc, argv);
    enum cli_status status = parse_options(&given, argc - words + 1, argv + words - 1);
    if (status != CLI_DONE)
        return status;
    if (given.help)
        return commands_help_one(given.command, stdout), CLI_DONE;
    argc -= words - 1 + optind - 1;
    argv += words - 1 + optind - 1;
    status = check_operands(&given, argc, argv);
    if (status != CLI_DONE)
        return status;
    command_fn fn = run[given.command - commands];
    return fn ? fn(&given, argc, argv) : run_part(&given);
}
