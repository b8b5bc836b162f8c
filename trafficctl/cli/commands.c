/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "commands.h"

#include <limits.h>
#include <string.h>

#include "cleanup.h"

static const struct command_option RUNTIME[] = {
    {"--runtime", NULL, "change what the kernel holds, and leave the saved policy as it is"},
    {0},
};
static const struct command_option FILTER[] = {
    {"--uid", "U", "of this user"},
    {"--iface", "I", "of this interface"},
    {"--tag", "T", "under this tag; 0: all traffic of users, tagged traffic included"},
    {"--set", "S", "of this counter set: 0 default, 1 foreground"},
    {0},
};
static const struct command_option TOP[] = {
    {"--batch", NULL, "print a table each second, and take no keys"},
    {"--count", "N", "end after N of them"},
    {0},
};
static const struct command_option EXPORTER[] = {
    {"--listen", "ADDR:PORT|unix:PATH", "serve there (default 127.0.0.1:9617)"},
    {"--textfile", "PATH", "write a file for node_exporter instead, and end"},
    {"--max-series", "N", "users by interface at most, the rest is summed (default 2000)"},
    {0},
};
static const struct command_option TAG[] = {
    {"--pid", "P", "whose socket", true},
    {"--fd", "N", "which descriptor of that process", true},
    {"--tag", "T", "the number to count it under (default 0: none)"},
    {"--uid", "U", "who is charged (default: who owns the socket)"},
    {0},
};
static const struct command_option UNTAG[] = {
    {"--pid", "P", "whose socket", true},
    {"--fd", "N", "which descriptor of that process", true},
    {0},
};
static const struct command_option WHY[] = {
    {"--iface", "I", "of a packet there (default: an interface that is neither loopback nor metered)"},
    {"--out", NULL, "of what the user sends (default)"},
    {"--in", NULL, "of what the user receives"},
    {0},
};
static const struct command_option COUNT[] = {
    {"--count", "N", "end after N events"},
    {0},
};

const struct command commands[COMMANDS] = {
    [COMMAND_STATUS] = {"status", "", 0, 0,
                        "is it counting and filtering as asked, is anything lost; exit status 4 when not all is well"},
    [COMMAND_CHECK] = {"check", "", 0, 0, "what this kernel has and lacks; exit status 4 when it cannot count"},
    [COMMAND_STATS_UID] = {"stats uid", "[UID]", 0, 1, "totals by user"},
    [COMMAND_STATS_IFACE] = {"stats iface", "[NAME]", 0, 1, "totals by interface"},
    [COMMAND_STATS_DETAIL] = {"stats detail", "", 0, 0, "totals by interface, user, tag and set", NULL, FILTER},
    [COMMAND_STATS_DROPS] = {"stats drops", "[UID]", 0, 1, "what the firewall dropped, by user and by which rule"},
    [COMMAND_VERIFY] = {"verify", "[IFACE]", 0, 1,
                        "totals of users, interfaces and links, and why they differ; exit status 4 when not all is "
                        "explained"},
    [COMMAND_TOP] = {"top", "", 0, 0, "live rates by user", "trafficctl-top", TOP},
    [COMMAND_EXPORTER] = {"exporter", "", 0, 0, "counters for Prometheus", "trafficctl-exporter", EXPORTER},
    [COMMAND_TAG] = {"tag", "", 0, 0, "count a process's socket under a tag", NULL, TAG},
    [COMMAND_UNTAG] = {"untag", "", 0, 0, "end that", NULL, UNTAG},
    [COMMAND_COUNTERSET] = {"counterset", "UID 0|1", 2, 2,
                            "count a user in the default or the foreground set from now on"},
    [COMMAND_DELETE_TAG_DATA] = {"delete-tag-data", "UID [TAG]", 1, 2,
                                 "delete what was counted for a user, or only under TAG"},
    [COMMAND_FIREWALL_SHOW] = {"firewall show", "", 0, 0,
                               "chains with their switch and their users, rules of interfaces"},
    [COMMAND_FIREWALL_ENABLE] = {"firewall enable", "CHAIN", 1, 1, "switch a chain on", NULL, RUNTIME},
    [COMMAND_FIREWALL_DISABLE] = {"firewall disable", "CHAIN", 1, 1, "switch a chain off", NULL, RUNTIME},
    [COMMAND_FIREWALL_ALLOW] = {"firewall allow", "CHAIN UID...", 2, INT_MAX,
                                "let users pass a chain: onto an allow list, off a deny list", NULL, RUNTIME},
    [COMMAND_FIREWALL_DENY] = {"firewall deny", "CHAIN UID...", 2, INT_MAX,
                               "let a chain drop users: off an allow list, onto a deny list", NULL, RUNTIME},
    [COMMAND_FIREWALL_REPLACE] = {"firewall replace", "CHAIN FILE|-", 2, 2,
                                  "make a file's users, one a line, the chain's whole list", NULL, RUNTIME},
    [COMMAND_FIREWALL_IIF] = {"firewall iif", "UID IFACE|any|none", 2, 2,
                              "let a user receive from one interface (and loopback) alone", NULL, RUNTIME},
    [COMMAND_FIREWALL_LOCKDOWN] = {"firewall lockdown", "UID on|off", 2, 2,
                                   "let a user without such an interface receive nothing", NULL, RUNTIME},
    [COMMAND_FIREWALL_WHY] = {"firewall why", "UID", 1, 1, "does a user's packet pass, and which rule says so", NULL,
                              WHY},
    [COMMAND_FIREWALL_RESTORE] = {"firewall restore", "", 0, 0, "make the maps hold the saved policy again"},
    [COMMAND_IFACE_METERED] = {"iface metered", "IFACE on|off", 2, 2,
                               "mark an interface as metered: the chains metered_* judge there", NULL, RUNTIME},
    [COMMAND_MONITOR] = {"monitor", "", 0, 0, "what the firewall drops, as it happens", NULL, COUNT},
    [COMMAND_UNLOAD] = {"unload", "", 0, 0, "stop counting and filtering: detach and unpin everything"},
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
    for (size_t i = 0; i < COMMANDS; i++) {
        int words = words_matched(commands[i].name, argc, argv);
        if (words) {
            *ret_words = words;
            return &commands[i];
        }
    }
    return NULL;
}

static void print_usage(const struct command *command, FILE *out)
{
    fprintf(out, "%s%s%s", command->name, *command->operands ? " " : "", command->operands);
    for (const struct command_option *option = command->options; option && option->name; option++)
        fprintf(out, option->required ? " %s%s%s" : " [%s%s%s]", option->name, option->argument ? " " : "",
                option->argument ?: "");
}

char *commands_usage(const struct command *command)
{
    char *usage = NULL;
    size_t length;
    FILE *out = open_memstream(&usage, &length);

    if (!out)
        return NULL;
    print_usage(command, out);
    return fclose(out) == 0 ? usage : NULL;
}

void commands_help(FILE *out)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        fputs("  ", out);
        print_usage(&commands[i], out);
        fprintf(out, "\n      %s\n", commands[i].help);
    }
}

void commands_help_one(const struct command *command, FILE *out)
{
    fputs("Usage: trafficctl [OPTION]... ", out);
    print_usage(command, out);
    fprintf(out, "\n%c%s.\n\n", command->help[0] - 'a' + 'A', command->help + 1);
    for (const struct command_option *option = command->options; option && option->name; option++)
        fprintf(out, "  %s%s%s\n      %s\n", option->name, option->argument ? " " : "", option->argument ?: "",
                option->help);
    fputs("  -h, --help\n      print this and exit\n\nGeneral options stand before the command: see 'trafficctl "
          "--help'.\n",
          out);
}
