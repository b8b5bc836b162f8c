/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "rounds.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

void figure_finish(struct figure *figure)
{
    qsort(figure->round, ROUNDS, sizeof(figure->round[0]), by_size);
    figure->median = figure->round[ROUNDS / 2];
    figure->spread = figure->round[ROUNDS * 3 / 4] - figure->round[ROUNDS / 4];
}

bool ratio_is_known(const struct figure *ratios)
{
    return ratios->spread < fabs(1 - ratios->median);
}

void ratio_print(const char *what, const struct figure *figure, const struct figure *base, double aim)
{
    double ratio = figure->median / base->median;
    double spread = ratio * (figure->spread / figure->median + base->spread / base->median);

    if (!(spread < fabs(1 - ratio))) {
        printf("  %-34s not said: its spread of %.2f is larger than its distance from 1\n", what, spread);
        return;
    }
    printf("  %-34s %.2f ± %.2f   aim ≤ %.2f: %s\n", what, ratio, spread / 2, aim,
           ratio <= aim ? "reached" : "NOT reached");
}

void ratios_print(const char *what, const struct figure *ratios, enum aim side, double aim)
{
    bool reached = side == AT_MOST ? ratios->median <= aim : ratios->median >= aim;

    printf("  %-34s %.2f ± %.2f   aim %s %.2f: %s\n", what, ratios->median, ratios->spread / 2,
           side == AT_MOST ? "≤" : "≥", aim, reached ? "reached" : "NOT reached");
}
