/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Aligned columns: name the columns, add the cells row by row, print. That there was no memory is remembered and
 * told by table_print().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define TABLE_MAX_COLUMNS 16

struct table {
    size_t columns;
    bool right[TABLE_MAX_COLUMNS];
    char **cells; /* the first row holds the titles */
    size_t count, room;
    bool failed;
};

/* All columns come before the first cell; start with a zeroed table. Numbers go right. */
void table_column(struct table *table, const char *title, bool right);
__attribute__((format(printf, 2, 3))) void table_add(struct table *table, const char *format, ...);

/* With the titles or without. 0, or -ENOMEM with nothing printed. Whether it arrived is for the owner of out to see. */
int table_print(const struct table *table, bool titles, FILE *out);

/* Frees the cells. */
void table_done(struct table *table);
