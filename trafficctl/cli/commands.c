/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "commands.h"

#include <string.h>

#include "cleanup.h"

static const struct command TABLE[] = {
    {"status", "", "is it counting, is anything lost; exit status 4 when not all is well", 0, 0, cmd_status},
    {"check", "", "what this kernel has and lacks; exit status 4 when it cannot count", 0, 0, cmd_check},
    {"stats uid", "[UID]", "totals by user", 0, 1, cmd_stats_uid},
    {"stats iface", "[NAME]", "totals by interface", 0, 1, cmd_stats_iface},
    {"stats detail", "[--uid U] [--iface I] [--tag T] [--set S]", "totals by interface, user, tag and set", 0, -1,
     cmd_stats_detail},
    {"top", "--batch [--count N]", "live rates by user", 0, -1, cmd_top},
    {"tag", "--pid P --fd N [--tag T] [--uid U]", "count a process's socket under tag T, charged to U", 0, -1, cmd_tag},
    {"untag", "--pid P --fd N", "end that", 0, -1, cmd_untag},
    {"counterset", "UID 0|1", "count a user in the default or the foreground set from now on", 2, 2, cmd_counterset},
    {"delete-tag-data", "UID [TAG]", "delete what was counted for a user, or only under TAG", 1, 2,
     cmd_delete_tag_data},
    {"unload", "", "stop counting: detach and unpin everything", 0, 0, cmd_unload},
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

static enum cli_status check_operands(const struct command *command, int argc, char **argv)
{
    if (command->operands < 0)
        return CLI_DONE;
    for (int i = 1; i < argc; i++)
        if (argv[i][0] == '-' && argv[i][1])
            return cli_usage("%s has no option %s: general options stand before the command", command->name, argv[i]);
    if (argc - 1 > command->operands)
        return cli_usage("%s: unexpected argument '%s': write trafficctl %s%s%s", command->name,
                         argv[command->operands + 1], command->name, *command->arguments ? " " : "",
                         command->arguments);
    if (argc - 1 < command->required)
        return cli_usage("%s: too few arguments: write trafficctl %s %s", command->name, command->name,
                         command->arguments);
    return CLI_DONE;
}

enum cli_status commands_run(const struct cli *cli, int argc, char **argv)
{
    int words = 0;
    const struct command *command = commands_find(argc, argv, &words);

    if (!argc)
        return cli_usage("no command: 'trafficctl --help' lists them");
    if (!command)
        return cli_usage("unknown command '%s%s%s': 'trafficctl --help' lists all", argv[0], argc > 1 ? " " : "",
                         argc > 1 ? argv[1] : "");
    argc -= words - 1;
    argv += words - 1;
    enum cli_status status = check_operands(command, argc, argv);
    return status == CLI_DONE ? command->run(cli, argc, argv) : status;
}

void commands_help(FILE *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(TABLE); i++)
        fprintf(out, "  %s%s%s\n      %s\n", TABLE[i].name, *TABLE[i].arguments ? " " : "", TABLE[i].arguments,
                TABLE[i].help);
}
