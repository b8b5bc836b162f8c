/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What a user's row says in each column of the screen. */
#pragma once

#include "cli.h"
#include "layout.h"
#include "users.h"

/* The longest name of a user, and each of its bytes as \xNN. */
#define CELL_LEN 160

/* All but the last minute. Rates that are not known, and drops that cannot be read, are "-". */
void cell_text(const struct cli *cli, const struct users *users, struct row *row, enum column column,
               char text[static CELL_LEN]);

/* The last minute in so many cells, 1 to USERS_SECONDS. */
void cell_spark(const struct users *users, const struct row *row, int cells, bool utf8,
                char text[static 3 * USERS_SECONDS + 1]);
