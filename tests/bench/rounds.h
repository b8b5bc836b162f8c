/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Figures of several rounds: median, spread, and ratios that are only said when they are known. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define ROUNDS 11

struct figure {
    double round[ROUNDS];
    double median;
    double spread; /* between the quartiles */
};

/* Fill in median and spread; sorts the rounds. */
void figure_finish(struct figure *figure);

/* Is the spread of ratios smaller than their distance from 1? Else no ratio is said. */
bool ratio_is_known(const struct figure *ratios);

/* Print "what: ratio (aim …, reached or not)"; without a ratio when the spread is larger than its distance from 1. */
void ratio_print(const char *what, const struct figure *figure, const struct figure *base, double aim);

/* The rounds are ratios already; the same of their median. */
enum aim { AT_MOST, AT_LEAST };
void ratios_print(const char *what, const struct figure *ratios, enum aim side, double aim);
