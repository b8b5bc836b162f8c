/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "commands.h"

#include <limits.h>
#include <string.h>

#include "cleanup.h"

static const struct command TABLE[] = {
    {"status", "", "is it counting and filtering as asked, is anything lost; exit status 4 when not all is well", 0, 0,
     cmd_status},
    {"check", "", "what this kernel has and lacks; exit status 4 when it cannot count", 0, 0, cmd_check},
    {"stats uid", "[UID]", "totals by user", 0, 1, cmd_stats_uid},
    {"stats iface", "[NAME]", "totals by interface", 0, 1, cmd_stats_iface},
    {"stats detail", "[--uid U] [--iface I] [--tag T] [--set S]", "totals by interface, user, tag and set", 0, -1,
     cmd_stats_detail},
    {"stats drops", "[UID]", "what the firewall dropped, by user and by which rule", 0, 1, cmd_stats_drops},
    {"verify", "[IFACE]",
     "totals of users, interfaces and links, and why they differ; exit status 4 when not all is explained", 0, 1,
     cmd_verify},
    {"top", "--batch [--count N]", "live rates by user", 0, -1, cmd_top},
    {"tag", "--pid P --fd N [--tag T] [--uid U]", "count a process's socket under tag T, charged to U", 0, -1, cmd_tag},
    {"untag", "--pid P --fd N", "end that", 0, -1, cmd_untag},
    {"counterset", "UID 0|1", "count a user in the default or the foreground set from now on", 2, 2, cmd_counterset},
    {"delete-tag-data", "UID [TAG]", "delete what was counted for a user, or only under TAG", 1, 2,
     cmd_delete_tag_data},
    {"firewall show", "", "chains with their switch and their users, rules of interfaces", 0, 0, cmd_firewall_show},
    {"firewall enable", "CHAIN", "switch a chain on", 1, 1, cmd_firewall_enable, true},
    {"firewall disable", "CHAIN", "switch a chain off", 1, 1, cmd_firewall_disable, true},
    {"firewall allow", "CHAIN UID...", "let users pass a chain: onto an allow list, off a deny list", 2, INT_MAX,
     cmd_firewall_allow, true},
    {"firewall deny", "CHAIN UID...", "let a chain drop users: off an allow list, onto a deny list", 2, INT_MAX,
     cmd_firewall_deny, true},
    {"firewall replace", "CHAIN FILE|-", "make a file's users, one a line, the chain's whole list", 2, 2,
     cmd_firewall_replace, true},
    {"firewall iif", "UID IFACE|any|none", "let a user receive from one interface (and loopback) alone", 2, 2,
     cmd_firewall_iif, true},
    {"firewall lockdown", "UID on|off", "let a user without such an interface receive nothing", 2, 2,
     cmd_firewall_lockdown, true},
    {"firewall why", "UID [--iface I] [--out|--in]", "does a user's packet pass, and which rule says so", 0, -1,
     cmd_firewall_why},
    {"firewall restore", "", "make the maps hold the saved policy again", 0, 0, cmd_firewall_restore},
    {"iface metered", "IFACE on|off", "mark an interface as metered: the chains metered_* judge there", 2, 2,
     cmd_iface_metered, true},
    {"monitor", "[--count N]", "what the firewall drops, as it happens", 0, -1, cmd_monitor},
    {"unload", "", "stop counting and filtering: detach and unpin everything", 0, 0, cmd_unload},
};

/* Words of name that argv begins with; 0: not this command. */
static int words_matched(const char *name, int argc, char **argv)
{
    int words = 0;

    while (*name) {
        size_t length = strcspn(name, " ");
        if (words == argc || strlen(argv[words]) != length || memcmp(argv[words], name, length))
            return 0;
        words++;
        name += length + (name[length] == ' ');
    }
    return words;
}

const struct command *commands_find(int argc, char **argv, int *ret_words)
{
    for (size_t i = 0; i < ARRAY_SIZE(TABLE); i++) {
        int words = words_matched(TABLE[i].name, argc, argv);
        if (words) {
            *ret_words = words;
            return &TABLE[i];
        }
    }
    return NULL;
}

/* "stats uid [UID]"; malloc'ed, NULL: no memory. */
static char *usage_of(const struct command *command)
{
    char *usage;

    if (asprintf(&usage, "%s%s%s%s", command->name, *command->arguments ? " " : "", command->arguments,
                 command->saves ? " [--runtime]" : "") < 0)
        return NULL;
    return usage;
}

static enum cli_status check_operands(const struct command *command, int argc, char **argv)
{
    _cleanup_free_ char *usage = usage_of(command);

    if (command->operands < 0)
        return CLI_DONE;
    for (int i = 1; i < argc; i++)
        if (argv[i][0] == '-' && argv[i][1])
            return cli_usage("%s has no option %s: general options stand before the command", command->name, argv[i]);
    if (argc - 1 > command->operands)
        return cli_usage("%s: unexpected argument '%s': write trafficctl %s", command->name,
                         argv[command->operands + 1], usage ?: command->name);
    if (argc - 1 < command->required)
        return cli_usage("%s: too few arguments: write trafficctl %s", command->name, usage ?: command->name);
    return CLI_DONE;
}

static enum cli_status take_runtime(void *context, int letter)
{
    struct cli *cli = context;

    cli->runtime = letter == 'r';
    return CLI_DONE;
}

/* Afterwards argv[0] is whatever stands before the operands. */
static enum cli_status parse_runtime(const struct command *command, int *argc, char ***argv, struct cli *cli)
{
    static const struct option LONG[] = {{"runtime", no_argument, NULL, 'r'}, {0}};
    enum cli_status status = cli_options(command->name, *argc, *argv, LONG, take_runtime, cli);

    if (status != CLI_DONE)
        return status;
    *argc -= optind - 1;
    *argv += optind - 1;
    return CLI_DONE;
}

/* The second words of commands that begin with this one: "show, enable, ..."; empty: there are none. */
static void list_second_words(const char *first, char *text, size_t size)
{
    size_t length = strlen(first), used = 0;

    *text = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(TABLE) && used < size; i++)
        if (strncmp(TABLE[i].name, first, length) == 0 && TABLE[i].name[length] == ' ')
            used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", TABLE[i].name + length + 1);
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

enum cli_status commands_run(const struct cli *cli, int argc, char **argv)
{
    int words = 0;
    const struct command *command = commands_find(argc, argv, &words);

    if (!argc)
        return cli_usage("no command: 'trafficctl --help' lists them");
    if (!command)
        return refuse_command(argc, argv);
    argc -= words - 1;
    argv += words - 1;
    struct cli given = *cli;
    enum cli_status status = command->saves ? parse_runtime(command, &argc, &argv, &given) : CLI_DONE;
    if (status == CLI_DONE)
        status = check_operands(command, argc, argv);
    return status == CLI_DONE ? command->run(&given, argc, argv) : status;
}

void commands_help(FILE *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(TABLE); i++) {
        _cleanup_free_ char *usage = usage_of(&TABLE[i]);
        fprintf(out, "  %s\n      %s\n", usage ?: TABLE[i].name, TABLE[i].help);
    }
}
