/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The members of what commands print as JSON, whatever they hold. Asserts with cmocka. */
#pragma once

#include <stddef.h>

/* So many commands, and the words of each, without --json. */
extern const char *const backend_commands[];
extern const size_t backend_command_count;

/*
 * The members of what a command prints, a line each, in order: "rows[].counters.rx_bytes". What is in a list of lacks
 * is left out, since one backend has none. exit: its status. The caller's.
 */
char *backend_members(const char *command, int exit);
