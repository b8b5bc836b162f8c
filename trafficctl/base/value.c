/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "value.h"

#include <stdio.h>

bool value_exists(const struct value *value)
{
    return value->name || value->words;
}

const char *value_text(const struct value *value, char text[static VALUE_TEXT_LEN])
{
    snprintf(text, VALUE_TEXT_LEN, "%s%s%s", value->name ?: "", value->name && value->words ? "|" : "",
             value->words ?: "");
    return text;
}
