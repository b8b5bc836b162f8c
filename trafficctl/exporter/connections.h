/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * So many connections at a time, whatever they do: one too many ends the one that has asked for nothing for longest.
 * Those that came just now are not ended, new ones wait in the backlog meanwhile, so that everybody has the time to
 * ask.
 */
#pragma once

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONNECTIONS_MAX 64

struct connection {
    struct bufferevent *stream; /* a reference of ours; NULL: none is here */
    uint64_t used_ms;           /* when it came, or asked last */
    uint64_t reply;             /* the number of the last one it was given */
};

struct connections {
    struct event_base *base;
    struct evconnlistener *listener; /* the caller's */
    struct event *resume;
    struct connection all[CONNECTIONS_MAX];
};

int connections_init(struct connections *connections, struct event_base *base, struct evconnlistener *listener);
/* Before the base is freed, after the streams are. */
void connections_done(struct connections *connections);

/* A stream for who was just accepted, as evhttp_set_bevcb() asks for it. NULL: no memory. */
struct bufferevent *connections_new(struct event_base *base, void *connections);

/* It has asked, and gets the reply of this number. */
void connections_use(struct connections *connections, const struct bufferevent *stream, uint64_t reply);

/* Let go of those that have ended. */
void connections_sweep(struct connections *connections);

/* End those that got this reply last. */
void connections_end(struct connections *connections, uint64_t reply);
