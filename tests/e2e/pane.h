/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A terminal with a shell in it, as a person would have: a tmux of our own. Asserts with cmocka; one at a time. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#define PANE_TEXT 65536

/*
 * 80 columns, 24 lines. The shell is uid's, prompts "$ ", finds our programs in its PATH, the world's bpffs in $B, and
 * stands in a folder of its own. It ends with the test process.
 */
void pane_open(uid_t uid, const char *locale);
/* Also after a failure; what is not open is left alone. */
void pane_close(void);

/* Typed, with Enter at its end; one key by tmux's name for it; text without Enter. */
__attribute__((format(printf, 1, 2))) void pane_run(const char *format, ...);
void pane_key(const char *name);
void pane_type(const char *text);
void pane_resize(int width, int height);

/* All lines that are on it, each ended by a newline. The pane's, until the next call. colors: with their sequences. */
const char *pane_screen(bool colors);
/* Wait until the screen holds it; until it does not. Fails the test after 10 s, with what is there. */
void pane_shows(const char *text);
void pane_shows_not(const char *text);
/* Until the shell has the terminal again: an Enter that is typed before means nothing to it. */
void pane_prompts(void);
typedef bool (*pane_test)(const char *screen, void *arg);
void pane_until(pane_test test, void *arg, const char *what);

/* tmux's variable of this name, as "alternate_on". */
int pane_value(const char *name);
/* What the shell wrote into a file of its folder: "before", "after" or "pid"; the number in the last. */
void pane_file(const char *name, char *text, size_t size);
int pane_pid(void);
