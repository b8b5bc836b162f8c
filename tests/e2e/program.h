/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Our programs as a user would run them: arguments in, output and exit status out. Asserts with cmocka. */
#pragma once

#include <jansson.h>

#include "world.h"

struct program {
    int exit; /* -1: a signal ended it; 20 s after its start SIGALRM does */
    char out[65536];
    char error[4096];
};

/* arguments after the program's name, NULL at the end; uid 0 is root with everything. */
void run_as(uid_t uid, const char *name, const char *const *arguments, struct program *ret_program);
/* build/trafficctl --bpffs (that of the world), and more words separated by blanks. Asserts the exit status. */
void run_ctl(struct world *world, const char *words, int exit, struct program *ret_program);
/* The same with a terminal for standard output, which shows lines as they are; at most 8 KiB. */
void run_ctl_at_terminal(struct world *world, const char *words, int exit, struct program *ret_program);
/* What it prints for a user, as much as there is. Asserts that it exits with 0 and says nothing else. The caller's. */
char *run_ctl_text(struct world *world, uid_t uid, const char *words);
/* The same with --json, parsed: one object with version 1. The caller's. */
json_t *run_ctl_json(struct world *world, const char *words, int exit);

/* The four counters among an object's members. */
struct tctl_counters json_counters(const json_t *row);

/* It failed with this exit status and said one line, in which both texts are; part may be NULL. */
void assert_refused(const struct program *program, int exit, const char *part, const char *another);
