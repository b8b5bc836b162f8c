/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What an option or a command takes: how help shows it, and what completion offers for it. */
#pragma once

#include <stdbool.h>

enum value_kind {
    VALUE_TEXT, /* nothing is known of it but its words */
    VALUE_USER,
    VALUE_GROUP,
    VALUE_IFACE,
    VALUE_CHAIN,
    VALUE_PID,
    VALUE_FILE,
    VALUE_DIRECTORY,
};

struct value {
    const char *name; /* NULL: its words alone */
    enum value_kind kind;
    const char *words; /* what may stand in its place: "any|none"; NULL: nothing */
};

/* Longer than any value as help shows it. */
#define VALUE_TEXT_LEN 64

/* Is there one at all? Options have none, and lists of operands end. */
bool value_exists(const struct value *value);

/* As help shows it, "IFACE|any|none"; empty if there is none. Gives text. */
const char *value_text(const struct value *value, char text[static VALUE_TEXT_LEN]);
