/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Which of the formats a client wants, by its Accept headers (RFC 9110, 12.5.1). */
#pragma once

#include "text.h"

/* How good a format is for the client so far. */
struct negotiate_offer {
    int precision; /* of the range that named it: 0 none did; the more precise one counts */
    int quality;   /* thousandths */
};

/* Zeroed: no header was read. */
struct negotiate {
    struct negotiate_offer offers[TEXT_FORMATS];
};

/* One header. What is not well-formed in it is passed over. */
void negotiate_read(struct negotiate *negotiate, const char *accept);

/*
 * The better one; of equals the one that was named more precisely, else plain text. That too for a client that accepts
 * neither: an answer that it may refuse says more than none.
 */
enum text_format negotiate_choose(const struct negotiate *negotiate);
