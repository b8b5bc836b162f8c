/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What several commands print: user columns, counters, JSON documents. */
#pragma once

#include <jansson.h>

#include "cli.h"
#include "table.h"

static inline void print_json_freep(json_t **json)
{
    json_decref(*json);
}
#define _cleanup_json_ _cleanup_(print_json_freep)

/* Columns UID and, unless numeric, USER; and their cells. */
void print_user_columns(const struct cli *cli, struct table *table);
void print_user_cells(const struct cli *cli, struct table *table, uint32_t uid);

/* "10001(alice) 10002", at most max of them "and 7 more"; without names when numeric. malloc'ed; NULL: no memory. */
char *print_uid_list(const struct cli *cli, const uint32_t *uids, size_t count, size_t max);

void print_counter_columns(struct table *table);
void print_counter_cells(const struct cli *cli, struct table *table, const struct tctl_counters *counters);

enum print_colour { PRINT_GOOD, PRINT_DOUBTFUL, PRINT_BAD };

/* A word that is worth a colour where the user wants some; else the word alone. */
void print_coloured(const struct cli *cli, enum print_colour colour, const char *word);

/* Print the table, without titles if --no-legend was given, and empty it. CLI_FAILED: no memory, said. */
enum cli_status print_table(const struct cli *cli, struct table *table);

/* New references; NULL: no memory. A user without a name, and any user with --numeric, is null. */
json_t *print_json_user(const struct cli *cli, uint32_t uid);
json_t *print_json_text(const char *bytes);

/* Put the four counters into object; consumes object. The same object, or NULL: no memory (object may be NULL). */
json_t *print_json_counters(json_t *object, const struct tctl_counters *counters);

/* Append row; consumes both. The same rows, or NULL: no memory (either may be NULL). */
json_t *print_json_append(json_t *rows, json_t *row);

/* One object {"version": 1, ...members} on one line; consumes members. CLI_FAILED: members is NULL, or no memory; said.
 */
enum cli_status print_json_document(json_t *members);
