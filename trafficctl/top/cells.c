/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "cells.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "counters.h"
#include "format.h"
#include "spark.h"

/* "1.5 KiB" as "1.5K", "12 B" as "12": a column of them has no room for more. */
static void size_text(const struct cli *cli, uint64_t bytes, char text[static CELL_LEN])
{
    char size[FORMAT_LEN];
    char *blank;

    format_size(bytes, cli->human, size);
    blank = strchr(size, ' ');
    if (!blank)
        snprintf(text, CELL_LEN, "%s", size);
    else
        snprintf(text, CELL_LEN, "%.*s%.*s", (int)(blank - size), size, blank[1] != 'B', blank + 1);
}

static void number_text(uint64_t number, char text[static CELL_LEN])
{
    snprintf(text, CELL_LEN, "%" PRIu64, number);
}

static void rate_text(const struct cli *cli, const struct row *row, enum column column, char text[static CELL_LEN])
{
    if (column == COLUMN_RX)
        size_text(cli, row->rate.rx_bytes, text);
    else if (column == COLUMN_TX)
        size_text(cli, row->rate.tx_bytes, text);
    else if (column == COLUMN_PACKETS)
        number_text(counters_plus(row->rate.rx_packets, row->rate.tx_packets), text);
    else
        number_text(row->blocked_rate, text);
}

static bool is_rate(enum column column)
{
    return column == COLUMN_RX || column == COLUMN_TX || column == COLUMN_PACKETS || column == COLUMN_BLOCKED;
}

static bool is_known(const struct users *users, enum column column)
{
    bool blocked = column == COLUMN_BLOCKED || column == COLUMN_BLOCKED_TOTAL;

    return (users->has_rates || !is_rate(column)) && (users->has_blocked || !blocked);
}

void cell_text(const struct cli *cli, const struct users *users, struct row *row, enum column column,
               char text[static CELL_LEN])
{
    const char *user = column == COLUMN_USER ? users_name(users, row) : NULL;

    if (!is_known(users, column))
        snprintf(text, CELL_LEN, "-");
    else if (user)
        snprintf(text, CELL_LEN, "%s", user);
    else if (column == COLUMN_UID || column == COLUMN_USER)
        snprintf(text, CELL_LEN, "%u", row->uid);
    else if (column == COLUMN_RX_TOTAL)
        size_text(cli, row->total.rx_bytes, text);
    else if (column == COLUMN_TX_TOTAL)
        size_text(cli, row->total.tx_bytes, text);
    else if (column == COLUMN_BLOCKED_TOTAL)
        number_text(row->blocked, text);
    else
        rate_text(cli, row, column, text);
}

void cell_spark(const struct users *users, const struct row *row, int cells, bool utf8,
                char text[static 3 * USERS_SECONDS + 1])
{
    unsigned char levels[USERS_SECONDS];
    char *end = text;

    spark_levels(row->seconds, users->newest, cells, levels);
    for (int i = 0; i < cells; i++)
        end = stpcpy(end, spark_glyph(levels[i], utf8));
}
