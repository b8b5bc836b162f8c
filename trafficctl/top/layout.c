/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "layout.h"

#include <string.h>

#include "users.h"

/* Names are cut to this before anything is left out. */
#define USER_LEAST 10

const char *const layout_titles[COLUMNS] = {
    [COLUMN_UID] = "UID",           [COLUMN_USER] = "USER",     [COLUMN_RX] = "RX/S",
    [COLUMN_TX] = "TX/S",           [COLUMN_PACKETS] = "PKT/S", [COLUMN_RX_TOTAL] = "RX",
    [COLUMN_TX_TOTAL] = "TX",       [COLUMN_BLOCKED] = "BLK/S", [COLUMN_BLOCKED_TOTAL] = "BLOCKED",
    [COLUMN_SPARK] = "LAST MINUTE",
};

void layout_need(struct layout *layout, enum column column, int width)
{
    if (layout->needed[column] < width)
        layout->needed[column] = width;
}

static int least(const struct layout *layout, enum column column)
{
    int title = (int)strlen(layout_titles[column]);
    int wanted = layout->needed[column] > title ? layout->needed[column] : title;

    return column == COLUMN_USER && wanted > USER_LEAST ? USER_LEAST : wanted;
}

/* A column that is shown takes of what is left. */
static void widen(struct layout *layout, enum column column, int wanted, int *left)
{
    int more = wanted - layout->width[column] < *left ? wanted - layout->width[column] : *left;

    if (!layout->width[column] || more <= 0)
        return;
    layout->width[column] += more;
    *left -= more;
}

/* One blank between two columns. The first that is shown gets what there is, if it needs more. */
static bool place(struct layout *layout, enum column column, int width, int *used)
{
    int wanted = least(layout, column), free = width - *used - (*used > 0);

    if (*used == 0 && wanted > width)
        wanted = width;
    if (wanted > free)
        return false;
    layout->width[column] = wanted;
    *used = width - free + wanted;
    return true;
}

void layout_choose(struct layout *layout, int width, bool numeric)
{
    static const enum column MATTERS[] = {
        COLUMN_RX,       COLUMN_TX,       COLUMN_PACKETS, COLUMN_BLOCKED,       COLUMN_SPARK,
        COLUMN_RX_TOTAL, COLUMN_TX_TOTAL, COLUMN_UID,     COLUMN_BLOCKED_TOTAL,
    };
    int used = 0;

    memset(layout->width, 0, sizeof(layout->width));
    bool placed = place(layout, numeric ? COLUMN_UID : COLUMN_USER, width, &used);
    for (size_t i = 0; placed && i < sizeof(MATTERS) / sizeof(*MATTERS); i++)
        if (!numeric || MATTERS[i] != COLUMN_UID)
            placed = place(layout, MATTERS[i], width, &used);
    int left = width - used;
    widen(layout, COLUMN_USER, layout->needed[COLUMN_USER], &left);
    widen(layout, COLUMN_SPARK, USERS_SECONDS, &left);
}
