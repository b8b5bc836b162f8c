/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static const char *log_name = "";
static bool log_to_journal;

void log_open(const char *name)
{
    log_name = name;
    log_to_journal = getenv("JOURNAL_STREAM") != NULL;
}

/* Text may quote what a user or a peer wrote; it must not begin a line of its own. */
static void keep_on_one_line(char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
    }
}

void log_line(enum log_level level, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    keep_on_one_line(text);

    if (log_to_journal)
        fprintf(stderr, "<%d>%s\n", (int)level, text);
    else
        fprintf(stderr, "%s%s%s\n", log_name, *log_name ? ": " : "", text);
}
