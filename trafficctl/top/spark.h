/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A user's last minute in a few cells. */
#pragma once

#include "users.h"

#define SPARK_LEVELS 8

/*
 * The last minute in so many cells (1 to USERS_SECONDS), the newest last. A cell is as high as its highest second:
 * SPARK_LEVELS is the highest of all, 0 nothing at all.
 */
void spark_levels(const float seconds[static USERS_SECONDS], unsigned int newest, int cells, unsigned char *ret_levels);

/* What a terminal shows for a level: blocks in UTF-8, else ASCII. */
const char *spark_glyph(unsigned char level, bool utf8);
