/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The general options, which every command takes; and what main() of trafficctl, and of each program that runs one of
 * its commands, is. */
#pragma once

#include "commands.h"

/* The last has no name. */
extern const struct command_option general_options[];

/* Is it one of them? */
bool general_has(const struct command_option *option);

/* One of them was given. CLI_USAGE: its argument does not fit, said. */
enum cli_status general_take(struct cli *cli, const struct command_option *option, const char *argument);

/* Run the command that is asked for, if it is in run, else the program that has it. The exit status. */
int general_main(int argc, char **argv, const command_fn run[COMMANDS]);
