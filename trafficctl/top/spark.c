/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "spark.h"

/* Second 0 is the oldest. */
static float second_of(const float *seconds, unsigned int newest, int second)
{
    return seconds[(newest + 1 + (unsigned int)second) % USERS_SECONDS];
}

static float highest(const float *seconds, unsigned int newest, int from, int to)
{
    float high = 0;

    for (int second = from; second < to; second++)
        if (second_of(seconds, newest, second) > high)
            high = second_of(seconds, newest, second);
    return high;
}

static unsigned char level_of(float value, float most)
{
    int level = value > 0 ? 1 + (int)((SPARK_LEVELS - 1) * (value / most)) : 0;

    return (unsigned char)level;
}

void spark_levels(const float seconds[static USERS_SECONDS], unsigned int newest, int cells, unsigned char *ret_levels)
{
    float most = highest(seconds, newest, 0, USERS_SECONDS);

    for (int cell = 0; cell < cells; cell++)
        ret_levels[cell] =
            level_of(highest(seconds, newest, cell * USERS_SECONDS / cells, (cell + 1) * USERS_SECONDS / cells), most);
}

const char *spark_glyph(unsigned char level, bool utf8)
{
    static const char *const BLOCKS[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const ASCII[] = {" ", "_", ".", "-", "=", "+", "*", "%", "#"};

    return utf8 ? BLOCKS[level] : ASCII[level];
}
