/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Which columns a screen has room for, and how wide they are. */
#pragma once

#include <stdbool.h>

enum column {
    COLUMN_UID,
    COLUMN_USER,
    COLUMN_RX,
    COLUMN_TX,
    COLUMN_PACKETS,
    COLUMN_RX_TOTAL,
    COLUMN_TX_TOTAL,
    COLUMN_BLOCKED,
    COLUMN_BLOCKED_TOTAL,
    COLUMN_SPARK,
    COLUMNS
};

extern const char *const layout_titles[COLUMNS];

/* Columns that the widest cell takes so far; zeroed, and then with layout_need(). */
struct layout {
    int needed[COLUMNS];
    int width[COLUMNS]; /* 0: it is not shown */
};

/* A cell wants so many columns. What a column once had it keeps, so that nothing moves to and fro. */
void layout_need(struct layout *layout, enum column column, int width);

/* Give the columns of a screen this wide to what matters most; the last minute takes what is left. */
void layout_choose(struct layout *layout, int width, bool numeric);
