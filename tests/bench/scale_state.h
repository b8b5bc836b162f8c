/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What is compared with few UIDs and with many. */
#pragma once

#include <stddef.h>

#include "candidates.h"
#include "rounds.h"
#include "scale_turns.h"
#include "world.h"

#define SCALE_SIZES 4
#define SCALE_LINES 6

extern const unsigned scale_sizes[SCALE_SIZES]; /* UIDs */
extern const enum who scale_lines[SCALE_LINES]; /* the first one is the empty program */

struct scale {
    struct competitor competitors[SCALE_SIZES][SCALE_LINES];
    struct world *world;
    struct turns turns;
    struct figure figures[SCALE_SIZES][SCALE_LINES];
};
