/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "replies.h"

#include <errno.h>
#include <stdlib.h>

struct reply *replies_new(struct replies *replies, enum text_format format)
{
    struct reply *reply = malloc(sizeof(*reply));

    if (!reply)
        return NULL;
    *reply = (struct reply){.replies = replies, .references = 1, .text.format = format};
    return reply;
}

void reply_release(struct reply *reply)
{
    if (!reply || --reply->references)
        return;
    reply->replies->held -= reply->held;
    text_done(&reply->text);
    free(reply);
}

void reply_written(struct reply *reply)
{
    reply->held = reply->text.length;
    reply->replies->held += reply->held;
}

static void sent(const void *bytes, size_t length, void *reply)
{
    (void)bytes, (void)length;
    reply_release(reply);
}

int reply_put(struct reply *reply, struct evbuffer *buffer)
{
    if (reply->text.error || evbuffer_add_reference(buffer, reply->text.bytes, reply->text.length, sent, reply) < 0)
        return -ENOMEM;
    reply->references++;
    return 0;
}
