/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Figures of several rounds, in which all competitors take their turn: A B C A B C … */
#pragma once

#define ROUNDS 9

struct figure {
    double round[ROUNDS]; /* as they were measured, so that those of one round can be compared */
    double median;
    double low, high; /* the quartiles */
};

/* Fill in median and quartiles. */
void figure_finish(struct figure *figure);

/* Round by round: figure less base, and figure / base; finished. */
struct figure figure_less(const struct figure *figure, const struct figure *base);
struct figure figure_ratio(const struct figure *figure, const struct figure *base);
