/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "screen.h"

#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <unistd.h>

#include "cleanup.h"
#include "fit.h"
#include "keys.h"

/* Longer than the bytes of one key are apart on a slow line, shorter than anybody waits for Escape. */
#define ESCAPE_MS 100

enum { PAIR_GREEN = 1, PAIR_YELLOW, PAIR_RED };

static void prepare_colours(struct screen *screen)
{
    screen->coloured = screen->coloured && has_colors() && start_color() == OK;
    if (!screen->coloured)
        return;
    short behind = use_default_colors() == OK ? -1 : COLOR_BLACK;
    init_pair(PAIR_GREEN, COLOR_GREEN, behind);
    init_pair(PAIR_YELLOW, COLOR_YELLOW, behind);
    init_pair(PAIR_RED, COLOR_RED, behind);
}

static void set_modes(void)
{
    cbreak();
    noecho();
    nonl();
    curs_set(0);
    nodelay(stdscr, TRUE);
    keypad(stdscr, TRUE);
    set_escdelay(ESCAPE_MS);
}

/* The C library's numbers stay as they are everywhere: only characters are the locale's. */
int screen_open(bool coloured, struct screen *ret_screen)
{
    struct screen screen = {.open = true, .coloured = coloured};

    setlocale(LC_CTYPE, "");
    screen.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    if (!newterm(NULL, stdout, stdin))
        return -ENOTTY;
    if (!cursor_address || !clear_screen) {
        endwin();
        return -ENOTTY;
    }
    set_modes();
    prepare_colours(&screen);
    getmaxyx(stdscr, screen.height, screen.width);
    *ret_screen = screen;
    return 0;
}

void screen_close(struct screen *screen)
{
    if (screen->open)
        endwin();
    screen->open = false;
}

void screen_begin(struct screen *screen)
{
    (void)screen;
    erase();
}

static attr_t attributes(const struct screen *screen, unsigned int style)
{
    attr_t attr = A_NORMAL;

    if (style & SCREEN_REVERSE)
        attr |= A_REVERSE;
    if (style & SCREEN_DIM)
        attr |= A_DIM;
    if (style & SCREEN_BOLD)
        attr |= A_BOLD;
    if (screen->coloured && style & (SCREEN_GREEN | SCREEN_YELLOW | SCREEN_RED))
        attr |= COLOR_PAIR(style & SCREEN_RED ? PAIR_RED : style & SCREEN_YELLOW ? PAIR_YELLOW : PAIR_GREEN);
    return attr;
}

static void put(const struct screen *screen, int y, int x, int width, const char *text, unsigned int style, bool right)
{
    wchar_t wide[FIT_LEN];

    if (y < 0 || y >= screen->height || x < 0 || x >= screen->width)
        return;
    int room = x + width > screen->width ? screen->width - x : width;
    int used = fit_cut(text, room, wide);
    attrset(attributes(screen, style));
    mvaddwstr(y, right ? x + room - used : x, wide);
    attrset(A_NORMAL);
}

void screen_put(const struct screen *screen, int y, int x, int width, const char *text, unsigned int style)
{
    put(screen, y, x, width, text, style, false);
}

void screen_put_right(const struct screen *screen, int y, int x, int width, const char *text, unsigned int style)
{
    put(screen, y, x, width, text, style, true);
}

void screen_cursor(const struct screen *screen, int y, int x)
{
    curs_set(x >= 0);
    if (x >= 0)
        move(y < screen->height ? y : screen->height - 1, x < screen->width ? x : screen->width - 1);
}

void screen_show(const struct screen *screen)
{
    (void)screen;
    refresh();
}

static int special_key(wint_t code)
{
    static const struct {
        wint_t code;
        enum key key;
    } KEYS[] = {
        {KEY_UP, KEYS_UP},      {KEY_DOWN, KEYS_DOWN}, {KEY_PPAGE, KEYS_PAGE_UP},   {KEY_NPAGE, KEYS_PAGE_DOWN},
        {KEY_HOME, KEYS_FIRST}, {KEY_END, KEYS_LAST},  {KEY_BACKSPACE, KEYS_ERASE}, {KEY_ENTER, KEYS_ENTER},
    };

    for (size_t i = 0; i < ARRAY_SIZE(KEYS); i++)
        if (KEYS[i].code == code)
            return KEYS[i].key;
    return KEYS_NONE;
}

/* Keys that mean nothing here are passed over. */
int screen_key(const struct screen *screen)
{
    wint_t code;
    int kind, key;

    (void)screen;
    do {
        kind = get_wch(&code);
        if (kind == ERR)
            return KEYS_NONE;
        key = kind == KEY_CODE_YES           ? special_key(code)
              : code == '\n' || code == '\r' ? KEYS_ENTER
              : code == '\033'               ? KEYS_ESCAPE
                                             : (int)code;
    } while (key == KEYS_NONE);
    return key;
}

void screen_leave(const struct screen *screen)
{
    (void)screen;
    endwin();
}

void screen_renew(struct screen *screen)
{
    struct winsize size;

    reset_prog_mode();
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col)
        resizeterm(size.ws_row, size.ws_col);
    getmaxyx(stdscr, screen->height, screen->width);
    clearok(curscr, TRUE);
}
