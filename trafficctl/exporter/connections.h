/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * So many connections at a time, whatever they do: one too many ends the one that has moved nothing for longest. That
 * is done to few at a time, and new ones wait in the backlog meanwhile: who asks and reads always gets to it before it
 * is his turn, however slow this machine is just now.
 */
#pragma once

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONNECTIONS_MAX 256

struct connection {
    struct bufferevent *stream; /* a reference of ours; NULL: none is here */
    uint64_t moved;             /* when it came, asked, or took a part of a reply, by the order of these */
    unsigned int stalled;       /* times it was found to leave a reply where it is */
};

struct connections {
    struct event_base *base;
    struct evconnlistener *listener; /* the caller's */
    struct event *resume;
    uint64_t moves;
    unsigned int ended; /* since new ones were let in */
    struct connection all[CONNECTIONS_MAX];
};

int connections_init(struct connections *connections, struct event_base *base, struct evconnlistener *listener);
/* Before the base is freed, after the streams are. */
void connections_done(struct connections *connections);

/* A stream for who was just accepted, as evhttp_set_bevcb() asks for it. NULL: no memory. */
struct bufferevent *connections_new(struct event_base *base, void *connections);

/* It has asked. */
void connections_use(struct connections *connections, const struct bufferevent *stream);

/* Is there no room for one more? */
bool connections_full(struct connections *connections);

/* Look for those that leave a reply where it is, and end who was often found so. To be called every 10 ms. */
void connections_look_for_stalled(struct connections *connections);
