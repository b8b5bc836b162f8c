/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* From words to a command that runs. */
#pragma once

#include "commands.h"

/*
 * Find the command in the words after argv[0], check its options and the count of its operands, and run it; one that
 * run lacks, by the program that has it. Or print help, or the version. Says what was wrong.
 */
enum cli_status words_run(const struct cli *cli, const command_fn run[COMMANDS], int argc, char **argv);
