/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The table of commands: parsing, help, completion and the manual's check are read from it. */
#pragma once

#include "cli.h"
#include "value.h"

enum command_id {
    COMMAND_STATUS,
    COMMAND_CHECK,
    COMMAND_STATS_UID,
    COMMAND_STATS_IFACE,
    COMMAND_STATS_DETAIL,
    COMMAND_STATS_DROPS,
    COMMAND_VERIFY,
    COMMAND_TOP,
    COMMAND_EXPORTER,
    COMMAND_TAG,
    COMMAND_UNTAG,
    COMMAND_COUNTERSET,
    COMMAND_DELETE_TAG_DATA,
    COMMAND_FIREWALL_SHOW,
    COMMAND_FIREWALL_ENABLE,
    COMMAND_FIREWALL_DISABLE,
    COMMAND_FIREWALL_ALLOW,
    COMMAND_FIREWALL_DENY,
    COMMAND_FIREWALL_REPLACE,
    COMMAND_FIREWALL_IIF,
    COMMAND_FIREWALL_LOCKDOWN,
    COMMAND_FIREWALL_WHY,
    COMMAND_FIREWALL_RESTORE,
    COMMAND_IFACE_METERED,
    COMMAND_MONITOR,
    COMMAND_DUMP,
    COMMAND_QTAGUID_STATS,
    COMMAND_QTAGUID_IFACE_STAT_FMT,
    COMMAND_QTAGUID_IFACE_STAT_ALL,
    COMMAND_QTAGUID_CTRL,
    COMMAND_UNLOAD,
    COMMANDS
};

struct command_option {
    const char *name; /* with its dashes */
    struct value value;
    const char *help;
    bool required;
    char letter; /* of general options: what is short for it; 0: nothing */
};

struct command {
    const char *name;             /* one or two words, the first of them a group */
    const struct value *operands; /* behind the last is none; NULL: there are none */
    int least, most;              /* of them; the last may repeat */
    const char *help;
    const char *part;                     /* the program beside trafficctl that runs it; NULL: trafficctl itself */
    const struct command_option *options; /* the last has no name; NULL: none */
};

extern const struct command commands[COMMANDS];

/* What runs a command: operands begin at argv[1], options are asked for with cli_given(). */
typedef enum cli_status (*command_fn)(const struct cli *cli, int argc, char **argv);

/* A command of group, or of one word: group NULL. NULL: there is none. */
const struct command *commands_find(const char *group, const char *word);

/* Does the name of the command, of any command, have two words, and this is the first? */
bool commands_in_group(const struct command *command, const char *group);
bool commands_has_group(const char *group);

/* "uid" of "stats uid", "status" of "status" */
const char *commands_last_word(const struct command *command);

size_t commands_operand_count(const struct command *command);
