/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * A shell that is asked how it would complete a line with what the build made for it. It sits in a folder of its own,
 * with "a file" and "folder" in it.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct shell {
    pid_t pid;
    char folder[32];
    int lines, answers;
    const char *before, *behind; /* what is typed around a line */
    char answer[16384];          /* "\nword\nword\n" */
};

/* bash takes lines from a pipe, split at blanks alone; zsh takes them as typed at a terminal. */
void shell_bash(struct shell *shell);
void shell_zsh(struct shell *shell);

/* What could stand in the place of the last word of line, which is empty behind a blank. */
void shell_ask(struct shell *shell, const char *line);

/* Is this one word of the answer? How many are there? */
bool shell_offers(const struct shell *shell, const char *word);
size_t shell_offered(const struct shell *shell);

void shell_end(struct shell *shell);
