/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What -h prints. */
#pragma once

#include <stdio.h>

#include "commands.h"

/* "stats uid [UID]"; malloc'ed, NULL: no memory. */
char *help_usage(const struct command *command);

/* Everything; a group's commands; one command with its options. */
void help_all(FILE *out);
void help_group(const char *group, FILE *out);
void help_command(const struct command *command, FILE *out);
