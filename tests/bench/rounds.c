/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "rounds.h"

#include <stdlib.h>
#include <string.h>

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

void figure_finish(struct figure *figure)
{
    double sorted[ROUNDS];

    memcpy(sorted, figure->round, sizeof(sorted));
    qsort(sorted, ROUNDS, sizeof(sorted[0]), by_size);
    figure->median = sorted[ROUNDS / 2];
    figure->low = sorted[ROUNDS / 4];
    figure->high = sorted[ROUNDS - 1 - ROUNDS / 4];
}

struct figure figure_less(const struct figure *figure, const struct figure *base)
{
    struct figure less = {};

    for (int i = 0; i < ROUNDS; i++)
        less.round[i] = figure->round[i] - base->round[i];
    figure_finish(&less);
    return less;
}

struct figure figure_ratio(const struct figure *figure, const struct figure *base)
{
    struct figure ratio = {};

    for (int i = 0; i < ROUNDS; i++)
        ratio.round[i] = figure->round[i] / base->round[i];
    figure_finish(&ratio);
    return ratio;
}
