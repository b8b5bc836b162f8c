/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Texts on their way to clients: each is held once, however many read it, until the last has it all. */
#pragma once

#include <event2/buffer.h>
#include <sys/queue.h>

#include "text.h"

struct reply {
    TAILQ_ENTRY(reply) next;
    struct replies *replies;
    uint64_t number; /* from 1 */
    unsigned int references;
    struct text text;
};

struct replies {
    TAILQ_HEAD(, reply) all; /* oldest first */
    size_t count;
    uint64_t made;
};

void replies_init(struct replies *replies);

/* An empty text to be written. NULL: no memory. End with reply_release(). */
struct reply *replies_new(struct replies *replies, enum text_format format);
void reply_release(struct reply *reply);

/* Put the text into buffer, which holds it from now on. -ENOMEM: it is not all there, or cannot be held. */
int reply_put(struct reply *reply, struct evbuffer *buffer);
