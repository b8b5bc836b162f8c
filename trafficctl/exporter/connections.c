/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "connections.h"

#include <errno.h>
#include <event2/buffer.h>
#include <sys/socket.h>

/* To make room so many are ended in so much time, which is a turn of the loop at least: all in a third of a second. */
#define ENDED_AT_ONCE 8
static const struct timeval PAUSE = {.tv_usec = 10000};
/* Looks, and so turns of the loop, that who leaves a reply is given. */
#define PATIENCE 25
/* Not read from a peer before what came is dealt with; more than libevent takes for headers. */
#define READ_AHEAD 16384

static void resume(evutil_socket_t fd, short what, void *arg)
{
    struct connections *connections = arg;

    (void)fd, (void)what;
    connections->ended = 0;
    evconnlistener_enable(connections->listener);
}

static void pause_for_now(struct connections *connections)
{
    evconnlistener_disable(connections->listener);
    event_add(connections->resume, &PAUSE);
}

/* Descriptors are short, though these few should not be. */
static void accept_failed(struct evconnlistener *listener, void *arg)
{
    (void)listener;
    pause_for_now(arg);
}

int connections_init(struct connections *connections, struct event_base *base, struct evconnlistener *listener)
{
    *connections = (struct connections){.base = base, .listener = listener};
    connections->resume = evtimer_new(base, resume, connections);
    if (!connections->resume)
        return -ENOMEM;
    evconnlistener_set_error_cb(listener, accept_failed);
    return 0;
}

/* libevent's HTTP tells of no end; but a stream that it let go has lost its callbacks. */
static bool has_ended(const struct connection *connection)
{
    bufferevent_event_cb on_event = NULL;

    bufferevent_getcb(connection->stream, NULL, NULL, &on_event, NULL);
    return !on_event;
}

static void move(struct connections *connections, struct connection *connection)
{
    connection->moved = ++connections->moves;
    connection->stalled = 0;
}

/* A part of a reply was taken. */
static void output_changed(struct evbuffer *output, const struct evbuffer_cb_info *change, void *arg)
{
    struct connections *connections = arg;

    for (size_t i = 0; change->n_deleted && i < CONNECTIONS_MAX; i++)
        if (connections->all[i].stream && bufferevent_get_output(connections->all[i].stream) == output)
            move(connections, &connections->all[i]);
}

static void let_go(struct connections *connections, struct connection *connection)
{
    evbuffer_remove_cb(bufferevent_get_output(connection->stream), output_changed, connections);
    bufferevent_decref(connection->stream);
    *connection = (struct connection){0};
}

static void sweep(struct connections *connections)
{
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (connections->all[i].stream && has_ended(&connections->all[i]))
            let_go(connections, &connections->all[i]);
}

void connections_done(struct connections *connections)
{
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (connections->all[i].stream)
            let_go(connections, &connections->all[i]);
    if (connections->resume)
        event_free(connections->resume);
}

static struct connection *find_free(struct connections *connections)
{
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (!connections->all[i].stream)
            return &connections->all[i];
    return NULL;
}

static struct connection *find_oldest(struct connections *connections)
{
    struct connection *oldest = connections->all;

    for (size_t i = 1; i < CONNECTIONS_MAX; i++)
        if (connections->all[i].moved < oldest->moved)
            oldest = &connections->all[i];
    return oldest;
}

/* Whatever libevent is doing with it, it finds the end and lets go. */
static void end(struct connection *connection)
{
    shutdown(bufferevent_getfd(connection->stream), SHUT_RDWR);
}

static struct connection *make_room(struct connections *connections)
{
    sweep(connections);
    struct connection *place = find_free(connections);
    if (place)
        return place;
    place = find_oldest(connections);
    end(place);
    let_go(connections, place);
    if (++connections->ended == ENDED_AT_ONCE)
        pause_for_now(connections);
    return place;
}

struct bufferevent *connections_new(struct event_base *base, void *arg)
{
    struct connections *connections = arg;
    struct bufferevent *stream = bufferevent_socket_new(base, -1, 0);

    if (!stream)
        return NULL;
    struct connection *connection = make_room(connections);
    bufferevent_setwatermark(stream, EV_READ, 0, READ_AHEAD);
    bufferevent_incref(stream);
    evbuffer_add_cb(bufferevent_get_output(stream), output_changed, connections);
    connection->stream = stream;
    move(connections, connection);
    return stream;
}

void connections_use(struct connections *connections, const struct bufferevent *stream)
{
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (connections->all[i].stream == stream)
            move(connections, &connections->all[i]);
}

bool connections_full(struct connections *connections)
{
    sweep(connections);
    return !find_free(connections);
}

void connections_look_for_stalled(struct connections *connections)
{
    sweep(connections);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *connection = &connections->all[i];
        if (!connection->stream || !evbuffer_get_length(bufferevent_get_output(connection->stream)))
            continue;
        if (++connection->stalled == PATIENCE)
            end(connection);
    }
}
