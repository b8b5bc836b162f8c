/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const text_types[TEXT_FORMATS] = {
    [TEXT_PLAIN] = "text/plain; version=0.0.4; charset=utf-8",
    [TEXT_OPENMETRICS] = "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

static void add(struct text *text, const char *bytes, size_t length)
{
    if (text->room - text->length < length) {
        size_t room = (text->length + length) * 2;
        char *grown = text->error ? NULL : realloc(text->bytes, room);
        if (!grown) {
            text->error = -ENOMEM;
            return;
        }
        text->bytes = grown;
        text->room = room;
    }
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
}

static void add_string(struct text *text, const char *string)
{
    add(text, string, strlen(string));
}

static void add_number(struct text *text, uint64_t value)
{
    char digits[20];
    char *at = digits + sizeof(digits);

    do
        *--at = (char)('0' + value % 10);
    while (value /= 10);
    add(text, at, (size_t)(digits + sizeof(digits) - at));
}

static void add_escaped(struct text *text, const char *string, const char *escaped)
{
    for (size_t length; *string; string += length) {
        length = strcspn(string, escaped);
        add(text, string, length);
        if (!string[length])
            break;
        add(text, "\\", 1);
        add(text, string[length] == '\n' ? "n" : &string[length], 1);
        length++;
    }
}

static void add_labels(struct text *text, const struct text_label *labels, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        add(text, i ? "," : "{", 1);
        add_string(text, labels[i].name);
        add(text, "=\"", 2);
        add_escaped(text, labels[i].value, "\\\"\n");
        add(text, "\"", 1);
    }
    if (count)
        add(text, "}", 1);
}

/* Plain text knows counters by the names of their samples, OpenMetrics without the end of those. */
static void add_head_name(struct text *text, const char *what, const struct family *family)
{
    add_string(text, what);
    add_string(text, family->name);
    if (family->counter && text->format == TEXT_PLAIN)
        add_string(text, "_total");
}

static void add_head(struct text *text, const struct family *family)
{
    add_head_name(text, "# HELP ", family);
    add(text, " ", 1);
    add_escaped(text, family->help, text->format == TEXT_PLAIN ? "\\\n" : "\\\"\n");
    add_head_name(text, "\n# TYPE ", family);
    add_string(text, family->counter ? " counter\n" : " gauge\n");
}

void text_sample(struct text *text, enum family_id family, const struct text_label *labels, size_t count,
                 uint64_t value)
{
    if (!text->length || text->family != family)
        add_head(text, &families[family]);
    text->family = family;
    add_string(text, families[family].name);
    if (families[family].counter)
        add_string(text, "_total");
    add_labels(text, labels, count);
    add(text, " ", 1);
    add_number(text, value);
    add(text, "\n", 1);
}

void text_end(struct text *text)
{
    if (text->format == TEXT_OPENMETRICS)
        add_string(text, "# EOF\n");
}

void text_done(struct text *text)
{
    free(text->bytes);
    *text = (struct text){.format = text->format};
}
