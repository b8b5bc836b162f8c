/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What stands where on the screen. */
#pragma once

#include "cli.h"
#include "health.h"
#include "keys.h"
#include "layout.h"
#include "screen.h"

struct picture {
    const struct cli *cli;
    const struct users *users;
    const struct view *view;
    const struct keys *keys;
    const struct health *health;
};

/* Users that a screen has room for. */
size_t paint_room(const struct cli *cli, const struct screen *screen);

/* layout: what columns have needed so far on this screen. */
void paint(struct screen *screen, const struct picture *picture, struct layout *layout);
