/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The table of commands: parsing, help, completion and the manual's check are read from it. */
#pragma once

#include <stdio.h>

#include "cli.h"

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
    COMMAND_UNLOAD,
    COMMANDS
};

struct command_option {
    const char *name;     /* with its dashes */
    const char *argument; /* as help shows it; NULL: takes none */
    const char *help;
    bool required;
};

struct command {
    const char *name;     /* one or two words */
    const char *operands; /* as help shows them */
    int least, most;      /* operands */
    const char *help;
    const char *part;                     /* the program beside trafficctl that runs it; NULL: trafficctl itself */
    const struct command_option *options; /* the last has no name; NULL: none */
};

extern const struct command commands[COMMANDS];

/* What runs a command: operands begin at argv[1], options are asked for with cli_given(). */
typedef enum cli_status (*command_fn)(const struct cli *cli, int argc, char **argv);

/* The command that argv begins with, and how many words its name has; NULL: none. */
const struct command *commands_find(int argc, char **argv, int *ret_words);

/*
 * Find, check options and the count of operands, run; a command that run lacks by the program that has it. Says what
 * was wrong.
 */
enum cli_status commands_run(const struct cli *cli, const command_fn run[COMMANDS], int argc, char **argv);

/* "stats uid [UID]"; malloc'ed, NULL: no memory. */
char *commands_usage(const struct command *command);

/* Of all: one line each, and what it does. Of one: its options too. */
void commands_help(FILE *out);
void commands_help_one(const struct command *command, FILE *out);
