/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "page.h"
#include "unit.h"

char *page_read(const char *name)
{
    char path[64], *text = NULL;
    size_t size = 0;

    snprintf(path, sizeof(path), "config/man/%s", name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_true(getdelim(&text, &size, '\0', file) > 0);
    fclose(file);
    return text;
}

char *page_section(const char *page, const char *heading)
{
    char line[64], next[8];

    snprintf(line, sizeof(line), "\n%s\n", heading);
    snprintf(next, sizeof(next), "\n%.3s ", heading);
    const char *begin = strstr(page, line);
    if (!begin) {
        fail_msg("no %s", heading);
        return NULL;
    }
    begin += strlen(line) - 1;
    const char *end = strstr(begin, next), *upper = strstr(begin, "\n.Sh ");
    if (!end || (upper && upper < end))
        end = upper ?: begin + strlen(begin);
    return strndup(begin, (size_t)(end - begin));
}

static bool starts(const char *line, const char *word)
{
    return strncmp(line, word, strlen(word)) == 0;
}

const char *page_entry(const char *section, size_t n)
{
    int depth = 0;

    for (const char *line = section; (line = strchr(line, '\n'));) {
        line++;
        depth += starts(line, ".Bl ") - starts(line, ".El");
        if (depth == 1 && starts(line, ".It ") && n-- == 0)
            return line;
    }
    return NULL;
}

/* A text that is put together of words. */
struct plain {
    char *text;
    size_t used, size;
    bool joined; /* the next word to the last one */
    int open;    /* brackets to close at the end */
};

static void add(struct plain *plain, const char *before, const char *word)
{
    const char *blank = plain->used && !plain->joined ? " " : "";

    plain->used +=
        (size_t)snprintf(plain->text + plain->used, plain->size - plain->used, "%s%s%s", blank, before, word);
    assert_true(plain->used < plain->size);
    plain->joined = false;
}

static void add_joined(struct plain *plain, const char *word)
{
    plain->joined = true;
    add(plain, "", word);
}

/* Macros that brackets and dashes are made of; the rest of those that stand here only change the type. */
static void take_word(struct plain *plain, const char *word, bool *dash)
{
    static const char *const SILENT[] = {".It", "Cm", "Ar", "No"};

    for (size_t i = 0; i < sizeof(SILENT) / sizeof(*SILENT); i++)
        if (strcmp(word, SILENT[i]) == 0)
            return;
    if (strcmp(word, "Fl") == 0) {
        *dash = true;
    } else if (strcmp(word, "Ns") == 0) {
        plain->joined = true;
    } else if (strcmp(word, "Op") == 0 || strcmp(word, "Oo") == 0) {
        add(plain, "", "[");
        plain->joined = true;
        plain->open += word[1] == 'p';
    } else if (strcmp(word, "Oc") == 0 || strcmp(word, "...") == 0 || strcmp(word, ",") == 0) {
        add_joined(plain, word[0] == 'O' ? "]" : word);
    } else if (strcmp(word, "|") == 0) {
        add_joined(plain, word);
        plain->joined = true;
    } else {
        add(plain, *dash ? "-" : "", word);
        *dash = false;
    }
}

void page_plain(const char *entry, char *text, size_t size)
{
    struct plain plain = {.text = text, .size = size};
    char line[512], *rest = line;
    bool dash = false;

    snprintf(line, sizeof(line), "%.*s", (int)strcspn(entry, "\n"), entry);
    *text = '\0';
    for (char *word; (word = strsep(&rest, " "));)
        take_word(&plain, word, &dash);
    while (plain.open--)
        add_joined(&plain, "]");
    for (; *text; text++)
        *text = (char)tolower(*text);
}

/* Where the body of an entry ends: at the next entry of the list, or the list's end, behind at least one other line. */
static const char *body_end(const char *entry)
{
    bool body = false;
    int depth = 0;

    for (const char *line = entry; (line = strchr(line, '\n'));) {
        line++;
        if (depth == 0 && body && (starts(line, ".It ") || starts(line, ".El")))
            return line;
        body |= !starts(line, ".It ");
        depth += starts(line, ".Bl ") - starts(line, ".El");
    }
    return entry + strlen(entry);
}

bool page_body_option(const char *entry, size_t n, char *text, size_t size)
{
    const char *end = body_end(entry);

    for (const char *at = strchr(entry, '\n'); at && (at = strstr(at, "Fl -")) && at < end; at++) {
        if (n--)
            continue;
        at += strlen("Fl ");
        snprintf(text, size, "-%.*s", (int)strcspn(at, " \n,"), at);
        return true;
    }
    return false;
}
