/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Texts on their way to clients: each is held once, however many read it, until the last has it all. */
#pragma once

#include <event2/buffer.h>

#include "text.h"

struct reply {
    struct replies *replies;
    unsigned int references;
    struct text text;
    size_t held; /* in replies->held */
};

struct replies {
    size_t held; /* bytes of those that somebody holds */
};

/* An empty text to be written. NULL: no memory. End with reply_release(). */
struct reply *replies_new(struct replies *replies, enum text_format format);
void reply_release(struct reply *reply);

/* All of its text is there. */
void reply_written(struct reply *reply);

/* Put the text into buffer, which holds it from now on. -ENOMEM: it is not all there, or cannot be held. */
int reply_put(struct reply *reply, struct evbuffer *buffer);
