/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What shells complete, from the tables that the programs are made of. */
#pragma once

#include <stdio.h>

#include "commands.h"

struct completion {
    const char *program;
    const struct command_option *general; /* options that stand everywhere; the last has no name */
    bool commands;                        /* it has those of the table */
};

/* NULL: there is no such program of ours. Static. */
const struct completion *completion_find(const char *program);

/* What engine.bash reads, which stands behind it; and a file that zsh finds in its fpath. */
void completion_bash(const struct completion *completion, FILE *out);
void completion_zsh(const struct completion *completion, FILE *out);

/* Is this command the first of its group in the table? */
bool completion_begins_group(const struct command *command, char group[static 32]);
