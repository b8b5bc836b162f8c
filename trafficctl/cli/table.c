/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "table.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "cleanup.h"

static void take_cell(struct table *table, char *cell)
{
    if (table->count == table->room) {
        size_t room = table->room ? 2 * table->room : 64;
        char **cells = reallocarray(table->cells, room, sizeof(*cells));
        if (!cells) {
            free(cell);
            table->failed = true;
            return;
        }
        table->cells = cells;
        table->room = room;
    }
    table->cells[table->count++] = cell;
}

void table_column(struct table *table, const char *title, bool right)
{
    table->right[table->columns++] = right;
    table_add(table, "%s", title);
}

void table_add(struct table *table, const char *format, ...)
{
    va_list args;
    char *cell;

    va_start(args, format);
    if (vasprintf(&cell, format, args) < 0)
        table->failed = true;
    else
        take_cell(table, cell);
    va_end(args);
}

/* Characters of UTF-8. */
static int width_of(const char *text)
{
    int width = 0;

    for (; *text; text++)
        width += (*text & 0xC0) != 0x80;
    return width;
}

static void print_cell(const char *cell, int width, bool right, bool last, FILE *out)
{
    int blanks = width - width_of(cell);

    if (right)
        fprintf(out, "%*s%s", blanks, "", cell);
    else
        fprintf(out, "%s%*s", cell, last ? 0 : blanks, "");
    fputs(last ? "\n" : "  ", out);
}

int table_print(const struct table *table, bool titles, FILE *out)
{
    const size_t first = titles ? 0 : table->columns;
    int widths[TABLE_MAX_COLUMNS] = {0};

    if (table->failed)
        return -ENOMEM;
    for (size_t i = first; i < table->count; i++) {
        int width = width_of(table->cells[i]);
        if (width > widths[i % table->columns])
            widths[i % table->columns] = width;
    }
    for (size_t i = first; i < table->count; i++) {
        size_t column = i % table->columns;
        print_cell(table->cells[i], widths[column], table->right[column], column + 1 == table->columns, out);
    }
    return 0;
}

void table_done(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->cells[i]);
    free(table->cells);
    *table = (struct table){0};
}
