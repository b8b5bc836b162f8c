/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "fit.h"

#include <limits.h>
#include <string.h>

/* The character at text, and its columns; the bytes that it takes. */
static size_t take(const char *text, mbstate_t *state, wchar_t *ret_wide, int *ret_columns)
{
    size_t length = mbrtowc(ret_wide, text, strlen(text), state);

    if (length == (size_t)-1 || length == (size_t)-2) {
        *state = (mbstate_t){0};
        *ret_wide = L'?';
        length = 1;
    }
    *ret_columns = wcwidth(*ret_wide);
    if (*ret_columns < 0) {
        *ret_wide = L'?';
        *ret_columns = 1;
    }
    return length;
}

int fit_width(const char *text)
{
    wchar_t wide[FIT_LEN];

    return fit_cut(text, INT_MAX, wide);
}

/* The end of what was cut off behind so many characters. */
static int mark(wchar_t *wide, size_t count, int columns, int width)
{
    if (width <= 0)
        return *wide = L'\0', 0;
    wide[count] = L'~';
    wide[count + 1] = L'\0';
    return columns + 1;
}

int fit_cut(const char *text, int width, wchar_t ret_wide[static FIT_LEN])
{
    int columns = 0, shorter_columns = 0;
    size_t count = 0, shorter = 0; /* shorter: with the mark it fits too */
    mbstate_t state = {0};

    while (*text && count < FIT_LEN - 1) {
        int more;
        text += take(text, &state, &ret_wide[count], &more);
        if (columns + more > width)
            return mark(ret_wide, shorter, shorter_columns, width);
        columns += more;
        count++;
        if (columns < width) {
            shorter = count;
            shorter_columns = columns;
        }
    }
    ret_wide[count] = L'\0';
    return columns;
}
