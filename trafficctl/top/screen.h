/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The terminal, as a field of cells. There is one; what ncurses is called for is called here alone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum screen_style {
    SCREEN_PLAIN = 0,
    SCREEN_REVERSE = 1 << 0,
    SCREEN_DIM = 1 << 1,
    SCREEN_BOLD = 1 << 2,
    SCREEN_GREEN = 1 << 3, /* colours are nothing where there shall be none */
    SCREEN_YELLOW = 1 << 4,
    SCREEN_RED = 1 << 5,
};

struct screen {
    bool open, coloured;
    bool utf8; /* can it show more than ASCII? */
    int width, height;
};

/* End with screen_close(). -ENOTTY: this kind of terminal is not known, or cannot do it. */
int screen_open(bool coloured, struct screen *ret_screen);
/* The terminal is as it was. */
void screen_close(struct screen *screen);

/* Begin with nothing, put, show. */
void screen_begin(struct screen *screen);
/* Text into so many cells of a line, cut where it does not fit. What lies outside of the screen is not shown. */
void screen_put(const struct screen *screen, int y, int x, int width, const char *text, unsigned int style);
/* The same, to the right end of the cells. */
void screen_put_right(const struct screen *screen, int y, int x, int width, const char *text, unsigned int style);
/* Where the next character will be typed; x below 0: nothing is. */
void screen_cursor(const struct screen *screen, int y, int x);
void screen_show(const struct screen *screen);

/* What is waiting of enum key or a character; KEYS_NONE: nothing. */
int screen_key(const struct screen *screen);

/* The terminal as it was, until the next screen_renew(). */
void screen_leave(const struct screen *screen);
/* The terminal has another size, or somebody else has used it meanwhile. */
void screen_renew(struct screen *screen);
