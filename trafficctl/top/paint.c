/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "paint.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cells.h"
#include "cleanup.h"
#include "fit.h"
#include "format.h"

#define LINE 256

/* Lines above the users and below them; titles can be left out. */
#define HEAD 2
#define FOOT 1

static int first_row(const struct cli *cli)
{
    return HEAD + !cli->no_legend;
}

size_t paint_room(const struct cli *cli, const struct screen *screen)
{
    int room = screen->height - first_row(cli) - FOOT;

    return room > 0 ? (size_t)room : 0;
}

__attribute__((format(printf, 2, 3))) static void add(char line[static LINE], const char *format, ...)
{
    size_t used = strlen(line);
    va_list args;

    va_start(args, format);
    vsnprintf(line + used, LINE - used, format, args);
    va_end(args);
}

static void add_rate(const struct picture *picture, char line[static LINE], const char *name, uint64_t bytes)
{
    char size[FORMAT_LEN] = "-";

    if (picture->users->has_rates)
        format_size(bytes, picture->cli->human, size);
    add(line, "  %s %s/s", name, size);
}

/* The time, and all users together. */
static void paint_sums(const struct screen *screen, const struct picture *picture)
{
    const struct users *users = picture->users;
    char line[LINE] = "";
    time_t now = time(NULL);
    struct tm parts;

    if (localtime_r(&now, &parts))
        strftime(line, sizeof(line), "%H:%M:%S", &parts);
    add_rate(picture, line, "rx", users->rate.rx_bytes);
    add_rate(picture, line, "tx", users->rate.tx_bytes);
    if (users->has_blocked && users->has_rates)
        add(line, "  blocked %" PRIu64 "/s", users->blocked_rate);
    add(line, "  %zu user%s", users->count, users->count == 1 ? "" : "s");
    screen_put(screen, 0, 0, screen->width, line, SCREEN_BOLD);
}

static void add_filter(const struct picture *picture, char line[static LINE])
{
    const struct keys *keys = picture->keys;
    _cleanup_free_ char *iface = keys->filter.iface ? format_utf8(keys->filter.iface) : NULL;

    add(line, "  by %s", order_names[keys->order].name);
    if (keys->filter.has_uid)
        add(line, "  uid %u", keys->filter.uid);
    if (keys->filter.iface)
        add(line, "  iface %s", iface ?: "?");
    if (keys->filter.has_tag)
        add(line, "  tag 0x%x", keys->filter.tag);
    if (*keys->text)
        add(line, "  \"%s\": %zu", keys->text, picture->view->count);
}

static void paint_health(const struct screen *screen, const struct picture *picture)
{
    static const unsigned int STYLES[] = {[TCTL_OK] = SCREEN_GREEN,
                                          [TCTL_DEGRADED] = SCREEN_YELLOW | SCREEN_BOLD,
                                          [TCTL_DOWN] = SCREEN_RED | SCREEN_BOLD};
    const struct health *health = picture->health;
    char line[LINE] = "";
    int width = fit_width(health->text);

    add_filter(picture, line);
    screen_put(screen, 1, 0, screen->width, health->text, STYLES[health->level]);
    screen_put(screen, 1, width, screen->width - width, line, SCREEN_PLAIN);
}

static bool goes_right(enum column column)
{
    return column != COLUMN_USER && column != COLUMN_SPARK;
}

static void paint_cell(const struct screen *screen, int y, int x, int width, const char *text, unsigned int style,
                       enum column column)
{
    if (goes_right(column))
        screen_put_right(screen, y, x, width, text, style);
    else
        screen_put(screen, y, x, width, text, style);
}

/* A whole line of blanks in this style. */
static void paint_bar(const struct screen *screen, int y, unsigned int style)
{
    char blanks[FIT_LEN];

    memset(blanks, ' ', sizeof(blanks) - 1);
    blanks[sizeof(blanks) - 1] = '\0';
    blanks[screen->width < FIT_LEN ? screen->width : FIT_LEN - 1] = '\0';
    screen_put(screen, y, 0, screen->width, blanks, style);
}

static void paint_titles(const struct screen *screen, const struct layout *layout)
{
    int x = 0;

    paint_bar(screen, HEAD, SCREEN_REVERSE);
    for (enum column column = 0; column < COLUMNS; column++) {
        if (!layout->width[column])
            continue;
        paint_cell(screen, HEAD, x, layout->width[column], layout_titles[column], SCREEN_REVERSE, column);
        x += layout->width[column] + 1;
    }
}

static void paint_row(const struct screen *screen, const struct picture *picture, const struct layout *layout, int y,
                      struct row *row)
{
    const struct selection *selection = &picture->keys->selection;
    bool selected = selection->any && selection->uid == row->uid;
    unsigned int style = (selected ? SCREEN_REVERSE : SCREEN_PLAIN) | (row->gone ? SCREEN_DIM : SCREEN_PLAIN);
    char text[3 * USERS_SECONDS + 1 > CELL_LEN ? 3 * USERS_SECONDS + 1 : CELL_LEN];
    int x = 0;

    if (selected)
        paint_bar(screen, y, style);
    for (enum column column = 0; column < COLUMNS; column++) {
        bool alarm = column == COLUMN_BLOCKED && row->blocked_rate;
        if (!layout->width[column])
            continue;
        if (column == COLUMN_SPARK)
            cell_spark(picture->users, row, layout->width[column], screen->utf8, text);
        else
            cell_text(picture->cli, picture->users, row, column, text);
        paint_cell(screen, y, x, layout->width[column], text, style | (alarm ? SCREEN_RED : SCREEN_PLAIN), column);
        x += layout->width[column] + 1;
    }
}

/* Rows of the view that are on the screen. */
static size_t last_shown(const struct screen *screen, const struct picture *picture)
{
    size_t last = picture->keys->selection.first + paint_room(picture->cli, screen);

    return last < picture->view->count ? last : picture->view->count;
}

static void lay_out(const struct screen *screen, const struct picture *picture, struct layout *layout)
{
    char text[CELL_LEN];

    for (size_t i = picture->keys->selection.first; i < last_shown(screen, picture); i++)
        for (enum column column = 0; column < COLUMN_SPARK; column++) {
            if (column == COLUMN_USER && picture->cli->numeric)
                continue;
            cell_text(picture->cli, picture->users, picture->view->rows[i], column, text);
            layout_need(layout, column, fit_width(text));
        }
    layout_choose(layout, screen->width, picture->cli->numeric);
}

static void paint_rows(const struct screen *screen, const struct picture *picture, struct layout *layout)
{
    int y = first_row(picture->cli);

    lay_out(screen, picture, layout);
    if (!picture->cli->no_legend)
        paint_titles(screen, layout);
    for (size_t i = picture->keys->selection.first; i < last_shown(screen, picture); i++)
        paint_row(screen, picture, layout, y++, picture->view->rows[i]);
}

static void paint_help(const struct screen *screen)
{
    static const char *const LINES[] = {
        "Sort by  b bytes/s both ways   r received/s   s sent/s   p packets/s",
        "         a all bytes so far    x blocked      n name     u UID",
        "Show     /  users whose name or UID holds a text",
        "         i  traffic of one interface    t  traffic of one tag",
        "         (nothing typed: all again)",
        "Move     arrows, PgUp, PgDn, Home, End: the chosen user stays chosen; Esc: none",
        "Leave    q, Ctrl-C; Ctrl-Z: for a while",
        "",
        "RX/S TX/S PKT/S BLK/S are per second, RX TX BLOCKED since counting began;",
        "BLK/S, BLOCKED: packets that the firewall dropped ('-': they cannot be",
        "read, or there is a filter by interface or tag, which they do not have).",
        "LAST MINUTE: bytes, each user's own highest second is the highest mark.",
        "Sizes are in bytes: K is 1024 bytes, M 1024 K and so on.",
    };

    for (size_t i = 0; i < ARRAY_SIZE(LINES); i++)
        if ((int)i + HEAD < screen->height - FOOT)
            screen_put(screen, HEAD + (int)i, 0, screen->width, LINES[i], SCREEN_PLAIN);
}

static void paint_foot(const struct screen *screen, const struct picture *picture)
{
    static const char *const PROMPTS[] = {
        [PROMPT_USER] = "User or UID: ", [PROMPT_IFACE] = "Interface: ", [PROMPT_TAG] = "Tag: "};
    const struct keys *keys = picture->keys;
    int y = screen->height - 1;
    char line[LINE] = "q quit  ? help  / user  i interface  t tag  sort: b r s p a x n u";

    if (keys->prompt != PROMPT_NONE)
        snprintf(line, sizeof(line), "%s%s", PROMPTS[keys->prompt], keys->typed);
    else if (keys->help)
        snprintf(line, sizeof(line), "any key: back");
    screen_put(screen, y, 0, screen->width, keys->problem ?: line, keys->problem ? SCREEN_RED : SCREEN_PLAIN);
    screen_cursor(screen, y, keys->prompt != PROMPT_NONE ? fit_width(line) : -1);
}

void paint(struct screen *screen, const struct picture *picture, struct layout *layout)
{
    screen_begin(screen);
    paint_sums(screen, picture);
    paint_health(screen, picture);
    if (picture->keys->help)
        paint_help(screen);
    else
        paint_rows(screen, picture, layout);
    paint_foot(screen, picture);
    screen_show(screen);
}
