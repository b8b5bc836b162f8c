/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "words.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "general.h"
#include "help.h"
#include "option.h"

/* More options than the general ones and those of any command. */
#define MAX_OPTIONS 32

/* Options that may stand somewhere, for getopt_long(). */
struct accepted {
    const struct command_option *options[MAX_OPTIONS];
    struct option longs[MAX_OPTIONS + 1];
    char shorts[MAX_OPTIONS + 3];
    int count;
};

/* Without a letter an option is its place in the list, behind all characters. */
static void accept_options(struct accepted *accepted, const struct command_option *options)
{
    size_t shorts = strlen(accepted->shorts);

    for (; options && options->name && accepted->count < MAX_OPTIONS; options++) {
        accepted->longs[accepted->count] =
            (struct option){.name = options->name + 2,
                            .has_arg = value_exists(&options->value) ? required_argument : no_argument,
                            .val = options->letter ?: UCHAR_MAX + 1 + accepted->count};
        accepted->options[accepted->count++] = options;
        if (options->letter)
            accepted->shorts[shorts++] = options->letter;
    }
}

static const struct command_option *option_of(const struct accepted *accepted, int value)
{
    int i = 0;

    while (accepted->longs[i].val != value)
        i++;
    return accepted->options[i];
}

static enum cli_status refuse_option(const struct cli *cli, const char *what)
{
    const char *where = cli->command ? cli->command->name : cli->group;

    if (!where)
        return cli_usage("%s: see 'trafficctl --help'", what);
    return cli_usage("%s: %s: see 'trafficctl %s -h'", where, what, where);
}

static enum cli_status take_option(struct cli *cli, const struct command_option *option, const char *argument)
{
    if (general_has(option))
        return general_take(cli, option, argument);
    if (cli->given_count == CLI_MAX_GIVEN)
        return refuse_option(cli, "too many options");
    cli->given[cli->given_count++] = (struct cli_given){.name = option->name, .argument = argument};
    return CLI_DONE;
}

/* With a command: all, wherever they stand. Without: those in front. The words that are no options begin at optind. */
static enum cli_status take_options(struct cli *cli, int argc, char **argv)
{
    const struct command *command = cli->command;
    struct accepted accepted = {.shorts = "+:"};
    struct fault fault = {0};
    int value;

    if (command)
        strcpy(accepted.shorts, ":");
    accept_options(&accepted, command ? command->options : NULL);
    accept_options(&accepted, general_options);
    optind = 0;
    while ((value = option_next(argc, argv, accepted.shorts, accepted.longs, &fault)) != -1) {
        if (value == '?' || value == ':')
            return refuse_option(cli, fault.text);
        enum cli_status status = take_option(cli, option_of(&accepted, value), optarg ?: "");
        if (status != CLI_DONE)
            return status;
    }
    return CLI_DONE;
}

/* Leave out the first word, and the options in front of the next. */
static enum cli_status take_word(struct cli *cli, int *argc, char ***argv)
{
    enum cli_status status = take_options(cli, *argc, *argv);

    *argc -= optind;
    *argv += optind;
    return status;
}

/* Afterwards argv[0] is the last word of the command, if one was found, or the first that was not understood. */
static enum cli_status find_command(struct cli *cli, int *argc, char ***argv)
{
    enum cli_status status = take_word(cli, argc, argv);

    if (status == CLI_DONE && *argc && commands_has_group(**argv)) {
        cli->group = **argv;
        status = take_word(cli, argc, argv);
    }
    if (status == CLI_DONE && *argc)
        cli->command = commands_find(cli->group, **argv);
    return status;
}

static enum cli_status check_operands(const struct cli *cli, int argc, char **argv)
{
    const struct command *command = cli->command;
    _cleanup_free_ char *usage = help_usage(command);

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

/* The second words of a group's commands: "show, enable, ..." */
static void list_second_words(const char *group, char *text, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < COMMANDS && used < size; i++)
        if (commands_in_group(&commands[i], group))
            used +=
                (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", commands_last_word(&commands[i]));
}

/* word NULL: there was none. */
static enum cli_status refuse_command(const char *group, const char *word)
{
    char words[256];

    if (!group && !word)
        return cli_usage("no command: 'trafficctl --help' lists them");
    if (!group)
        return cli_usage("unknown command '%s': 'trafficctl --help' lists all", word);
    list_second_words(group, words, sizeof(words));
    return cli_usage("%s takes one of %s%s%s: see 'trafficctl %s -h'", group, words, word ? ", not " : "", word ?: "",
                     group);
}

static enum cli_status tell(const struct cli *cli)
{
    if (cli->version)
        puts("trafficctl " TRAFFICCTL_VERSION);
    else if (cli->command)
        help_command(cli->command, stdout);
    else if (cli->group)
        help_group(cli->group, stdout);
    else
        help_all(stdout);
    return CLI_DONE;
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
    if (slash && strlen(part) < sizeof(path) - (size_t)(slash + 1 - path)) {
        strcpy(slash + 1, part);
        execv(path, cli->argv);
    }
    snprintf(path, sizeof(path), "%s/%s", TRAFFICCTL_PARTS, part);
    execv(path, cli->argv);
    if (errno == ENOENT)
        return cli_failed("%s is a program of its own that is not installed: %s", cli->command->name, path);
    return cli_failed("cannot run %s: %s", path, strerror(errno));
}

enum cli_status words_run(const struct cli *cli, const command_fn run[COMMANDS], int argc, char **argv)
{
    struct cli given = *cli;
    enum cli_status status = find_command(&given, &argc, &argv);

    if (status == CLI_DONE && given.command)
        status = take_options(&given, argc, argv);
    if (status != CLI_DONE)
        return status;
    if (argc && !given.command && !given.version)
        return refuse_command(given.group, argv[0]);
    if (given.help || given.version)
        return tell(&given);
    if (!given.command)
        return refuse_command(given.group, NULL);
    argc -= optind - 1;
    argv += optind - 1;
    status = check_operands(&given, argc, argv);
    if (status != CLI_DONE)
        return status;
    command_fn fn = run[given.command - commands];
    return fn ? fn(&given, argc, argv) : run_part(&given);
}
