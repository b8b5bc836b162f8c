/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Text in the columns of a terminal, by the locale of LC_CTYPE. */
#pragma once

#include <stddef.h>
#include <wchar.h>

#define FIT_LEN 512

/* Columns that text takes. What the locale cannot show is a question mark. */
int fit_width(const char *text);

/* The part of text that fits into so many columns, its last one a ~ where something was cut off. The columns it takes.
 */
int fit_cut(const char *text, int width, wchar_t ret_wide[static FIT_LEN]);
