/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * So many connections at a time, whatever they do: one too many ends the one that has moved nothing for longest. While
 * all of them have moved something just now, new ones wait in the backlog: who asks and reads is never ended.
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
    uint64_t moved_ms;          /* when it came, asked, or took a part of a reply */
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

/* It has asked. */
void connections_use(struct connections *connections, const struct bufferevent *stream);

/* Is there no room for one more? */
bool connections_full(struct connections *connections);

/* End those that leave a reply where it is. */
void connections_end_stalled(struct connections *connections);
