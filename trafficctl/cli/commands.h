/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The table of commands: parsing and help are read from it. */
#pragma once

#include <stdio.h>

#include "cli.h"

struct command {
    const char *name;      /* one or two words */
    const char *arguments; /* as help shows them, --runtime aside */
    const char *help;
    int required; /* operands at least */
    int operands; /* at most; -1: the command parses options of its own */
    /* argv[0] is the command's last word. */
    enum cli_status (*run)(const struct cli *cli, int argc, char **argv);
    bool saves; /* changes the policy: takes --runtime */
};

/* The command that argv begins with, and how many words its name has; NULL: none. */
const struct command *commands_find(int argc, char **argv, int *ret_words);

/* Find, check the count of operands, run. Says what was wrong. */
enum cli_status commands_run(const struct cli *cli, int argc, char **argv);

/* One line for each command. */
void commands_help(FILE *out);

enum cli_status cmd_status(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_check(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_stats_uid(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_stats_iface(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_stats_detail(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_stats_drops(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_verify(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_top(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_tag(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_untag(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_counterset(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_delete_tag_data(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_firewall_show(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_firewall_enable(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_firewall_disable(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_firewall_allow(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_firewall_deny(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_firewall_replace(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_firewall_iif(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_firewall_lockdown(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_firewall_why(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_firewall_restore(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_iface_metered(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_monitor(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_unload(const struct cli *cli, int argc, char **argv);
