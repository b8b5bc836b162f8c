/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "commands.h"

#include <limits.h>
#include <string.h>

static const struct value UID[] = {{"UID", VALUE_USER}, {0}};
static const struct value NAME[] = {{"NAME", VALUE_IFACE}, {0}};
static const struct value IFACE[] = {{"IFACE", VALUE_IFACE}, {0}};
static const struct value CHAIN[] = {{"CHAIN", VALUE_CHAIN}, {0}};
static const struct value UID_SET[] = {{"UID", VALUE_USER}, {.words = "0|1"}, {0}};
static const struct value UID_TAG[] = {{"UID", VALUE_USER}, {"TAG"}, {0}};
static const struct value UID_IFACE[] = {{"UID", VALUE_USER}, {"IFACE", VALUE_IFACE, "any|none"}, {0}};
static const struct value UID_SWITCH[] = {{"UID", VALUE_USER}, {.words = "on|off"}, {0}};
static const struct value IFACE_SWITCH[] = {{"IFACE", VALUE_IFACE}, {.words = "on|off"}, {0}};
static const struct value CHAIN_UID[] = {{"CHAIN", VALUE_CHAIN}, {"UID", VALUE_USER}, {0}};
static const struct value CHAIN_FILE[] = {{"CHAIN", VALUE_CHAIN}, {"FILE", VALUE_FILE, "-"}, {0}};

static const struct command_option RUNTIME[] = {
    {"--runtime", {0}, "change what the kernel holds, and leave the saved policy as it is"},
    {0},
};
static const struct command_option FILTER[] = {
    {"--uid", {"U", VALUE_USER}, "of this user"},
    {"--iface", {"I", VALUE_IFACE}, "of this interface"},
    {"--tag", {"T"}, "under this tag; 0: all traffic of users, tagged traffic included"},
    {"--set", {"S"}, "of this counter set: 0 default, 1 foreground"},
    {0},
};
static const struct command_option TOP[] = {
    {"--batch", {0}, "print a table each second, and take no keys"},
    {"--count", {"N"}, "end after N seconds"},
    {"--sort",
     {.words = "uid|user|rate|rx|tx|packets|total|blocked"},
     "in this order (default: rate; with --batch: uid)"},
    {"--uid", {"U", VALUE_USER}, "of this user"},
    {"--iface", {"I", VALUE_IFACE}, "of this interface"},
    {"--tag", {"T"}, "under this tag; 0: all traffic of users, tagged traffic included"},
    {0},
};
static const struct command_option EXPORTER[] = {
    {"--listen", {"ADDR:PORT|unix:PATH"}, "serve there (default 127.0.0.1:9617)"},
    {"--textfile", {"PATH", VALUE_FILE}, "write a file for node_exporter instead, and end"},
    {"--max-series", {"N"}, "series of users at most, 4 for each interface; the rest is summed (default 2000)"},
    {0},
};
static const struct command_option TAG[] = {
    {"--pid", {"P", VALUE_PID}, "whose socket", true},
    {"--fd", {"N"}, "which descriptor of that process", true},
    {"--tag", {"T"}, "the number to count it under (default 0: none)"},
    {"--uid", {"U", VALUE_USER}, "who is charged (default: who owns the socket)"},
    {0},
};
static const struct command_option UNTAG[] = {
    {"--pid", {"P", VALUE_PID}, "whose socket", true},
    {"--fd", {"N"}, "which descriptor of that process", true},
    {0},
};
static const struct command_option WHY[] = {
    {"--iface", {"I", VALUE_IFACE}, "of a packet there (default: an interface that is neither loopback nor metered)"},
    {"--out", {0}, "of what the user sends (default)"},
    {"--in", {0}, "of what the user receives"},
    {0},
};
static const struct command_option COUNT[] = {
    {"--count", {"N"}, "end after N events"},
    {0},
};
static const struct command_option DUMP[] = {
    {"--short", {0}, "print what is pinned, and not what maps hold"},
    {0},
};

const struct command commands[COMMANDS] = {
    [COMMAND_STATUS] = {"status", NULL, 0, 0,
                        "is it counting and filtering as asked, is anything lost; exit status 4 when not all is well"},
    [COMMAND_CHECK] = {"check", NULL, 0, 0, "what this kernel has and lacks; exit status 4 when it cannot count"},
    [COMMAND_STATS_UID] = {"stats uid", UID, 0, 1, "totals by user"},
    [COMMAND_STATS_IFACE] = {"stats iface", NAME, 0, 1, "totals by interface"},
    [COMMAND_STATS_DETAIL] = {"stats detail", NULL, 0, 0, "totals by interface, user, tag and set", NULL, FILTER},
    [COMMAND_STATS_DROPS] = {"stats drops", UID, 0, 1, "what the firewall dropped, by user and by which rule"},
    [COMMAND_VERIFY] = {"verify", IFACE, 0, 1,
                        "totals of users, interfaces and links, and why they differ; exit status 4 when not all is "
                        "explained"},
    [COMMAND_TOP] = {"top", NULL, 0, 0, "live rates by user", "trafficctl-top", TOP},
    [COMMAND_EXPORTER] = {"exporter", NULL, 0, 0, "counters for Prometheus", "trafficctl-exporter", EXPORTER},
    [COMMAND_TAG] = {"tag", NULL, 0, 0, "count a process's socket under a tag", NULL, TAG},
    [COMMAND_UNTAG] = {"untag", NULL, 0, 0, "end that", NULL, UNTAG},
    [COMMAND_COUNTERSET] = {"counterset", UID_SET, 2, 2,
                            "count a user in the default or the foreground set from now on"},
    [COMMAND_DELETE_TAG_DATA] = {"delete-tag-data", UID_TAG, 1, 2,
                                 "delete what was counted for a user, or only under TAG"},
    [COMMAND_FIREWALL_SHOW] = {"firewall show", NULL, 0, 0,
                               "chains with their switch and their users, rules of interfaces"},
    [COMMAND_FIREWALL_ENABLE] = {"firewall enable", CHAIN, 1, 1, "switch a chain on", NULL, RUNTIME},
    [COMMAND_FIREWALL_DISABLE] = {"firewall disable", CHAIN, 1, 1, "switch a chain off", NULL, RUNTIME},
    [COMMAND_FIREWALL_ALLOW] = {"firewall allow", CHAIN_UID, 2, INT_MAX,
                                "let users pass a chain: onto an allow list, off a deny list", NULL, RUNTIME},
    [COMMAND_FIREWALL_DENY] = {"firewall deny", CHAIN_UID, 2, INT_MAX,
                               "let a chain drop users: off an allow list, onto a deny list", NULL, RUNTIME},
    [COMMAND_FIREWALL_REPLACE] = {"firewall replace", CHAIN_FILE, 2, 2,
                                  "make a file's users, one a line, the chain's whole list", NULL, RUNTIME},
    [COMMAND_FIREWALL_IIF] = {"firewall iif", UID_IFACE, 2, 2,
                              "let a user receive from one interface (and loopback) alone", NULL, RUNTIME},
    [COMMAND_FIREWALL_LOCKDOWN] = {"firewall lockdown", UID_SWITCH, 2, 2,
                                   "let a user without such an interface receive nothing", NULL, RUNTIME},
    [COMMAND_FIREWALL_WHY] = {"firewall why", UID, 1, 1, "does a user's packet pass, and which rule says so", NULL,
                              WHY},
    [COMMAND_FIREWALL_RESTORE] = {"firewall restore", NULL, 0, 0, "make the maps hold the saved policy again"},
    [COMMAND_IFACE_METERED] = {"iface metered", IFACE_SWITCH, 2, 2,
                               "mark an interface as metered: the chains metered_* judge there", NULL, RUNTIME},
    [COMMAND_MONITOR] = {"monitor", NULL, 0, 0, "what the firewall drops, as it happens", NULL, COUNT},
    [COMMAND_DUMP] = {"dump", NULL, 0, 0, "netd's text of what is pinned, and of all that maps hold", NULL, DUMP},
    [COMMAND_QTAGUID_STATS] = {"qtaguid stats", NULL, 0, 0, "totals as /proc/net/xt_qtaguid/stats had them"},
    [COMMAND_QTAGUID_IFACE_STAT_FMT] = {"qtaguid iface_stat_fmt", NULL, 0, 0,
                                        "interfaces as /proc/net/xt_qtaguid/iface_stat_fmt had them"},
    [COMMAND_QTAGUID_IFACE_STAT_ALL] = {"qtaguid iface_stat_all", NULL, 0, 0,
                                        "interfaces as /proc/net/xt_qtaguid/iface_stat_all had them"},
    [COMMAND_QTAGUID_CTRL] = {"qtaguid ctrl", NULL, 0, 0, "tagged sockets as /proc/net/xt_qtaguid/ctrl had them"},
    [COMMAND_UNLOAD] = {"unload", NULL, 0, 0, "stop counting and filtering: detach and unpin everything"},
};

bool commands_in_group(const struct command *command, const char *group)
{
    size_t length = strlen(group);

    return strncmp(command->name, group, length) == 0 && command->name[length] == ' ';
}

const char *commands_last_word(const struct command *command)
{
    const char *blank = strchr(command->name, ' ');

    return blank ? blank + 1 : command->name;
}

const struct command *commands_find(const char *group, const char *word)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        bool fits = group ? commands_in_group(&commands[i], group) : !strchr(commands[i].name, ' ');
        if (fits && strcmp(commands_last_word(&commands[i]), word) == 0)
            return &commands[i];
    }
    return NULL;
}

bool commands_has_group(const char *group)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (commands_in_group(&commands[i], group))
            return true;
    return false;
}

size_t commands_operand_count(const struct command *command)
{
    size_t count = 0;

    while (command->operands && value_exists(&command->operands[count]))
        count++;
    return count;
}
