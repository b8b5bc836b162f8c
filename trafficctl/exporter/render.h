/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* From a reading to text: which samples each family has. */
#pragma once

#include "series.h"
#include "text.h"
#include "user_names.h"

/* What there is to export. */
struct rendered {
    const struct collected *collected;
    const struct series *series; /* that have taken in collected */
    struct user_names *names;
};

/* Write all of it. text->error says whether it is all there. */
void render(const struct rendered *rendered, struct text *text);
