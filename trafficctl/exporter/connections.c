/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "connections.h"

#include <errno.h>
#include <event2/buffer.h>
#include <sys/socket.h>
#include <time.h>

/* Who moved something so lately may be about to go on. */
#define GRACE_MS 100
/* Not read from a peer before what came is dealt with; more than libevent takes for headers. */
#define READ_AHEAD 16384

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void resume(evutil_socket_t fd, short what, void *arg)
{
    struct connections *connections = arg;

    (void)fd, (void)what;
    evconnlistener_enable(connections->listener);
}

static void pause_for(struct connections *connections, uint64_t ms)
{
    const struct timeval wait = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};

    evconnlistener_disable(connections->listener);
    event_add(connections->resume, &wait);
}

/* Descriptors are short, though these few should not be. */
static void accept_failed(struct evconnlistener *listener, void *arg)
{
    (void)listener;
    pause_for(arg, GRACE_MS);
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

/* A part of a reply was taken. */
static void moved(struct evbuffer *output, const struct evbuffer_cb_info *change, void *arg)
{
    struct connection *connection = arg;

    (void)output;
    if (change->n_deleted)
        connection->moved_ms = now_ms();
}

static void let_go(struct connection *connection)
{
    evbuffer_remove_cb(bufferevent_get_output(connection->stream), moved, connection);
    bufferevent_decref(connection->stream);
    *connection = (struct connection){0};
}

static void sweep(struct connections *connections)
{
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (connections->all[i].stream && has_ended(&connections->all[i]))
            let_go(&connections->all[i]);
}

void connections_done(struct connections *connections)
{
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (connections->all[i].stream)
            let_go(&connections->all[i]);
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
        if (connections->all[i].moved_ms < oldest->moved_ms)
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
    let_go(place);
    return place;
}

static void pause_if_full(struct connections *connections, uint64_t now)
{
    const struct connection *oldest = find_oldest(connections);

    if (!find_free(connections) && now - oldest->moved_ms < GRACE_MS)
        pause_for(connections, GRACE_MS - (now - oldest->moved_ms));
}

struct bufferevent *connections_new(struct event_base *base, void *arg)
{
    struct connections *connections = arg;
    struct bufferevent *stream = bufferevent_socket_new(base, -1, 0);
    uint64_t now = now_ms();

    if (!stream)
        return NULL;
    struct connection *connection = make_room(connections);
    bufferevent_setwatermark(stream, EV_READ, 0, READ_AHEAD);
    bufferevent_incref(stream);
    evbuffer_add_cb(bufferevent_get_output(stream), moved, connection);
    *connection = (struct connection){.stream = stream, .moved_ms = now};
    pause_if_full(connections, now);
    return stream;
}

void connections_use(struct connections *connections, const struct bufferevent *stream)
{
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (connections->all[i].stream == stream)
            connections->all[i].moved_ms = now_ms();
}

bool connections_full(struct connections *connections)
{
    sweep(connections);
    return !find_free(connections);
}

void connections_end_stalled(struct connections *connections)
{
    uint64_t now = now_ms();

    sweep(connections);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *connection = &connections->all[i];
        if (connection->stream && now - connection->moved_ms >= GRACE_MS &&
            evbuffer_get_length(bufferevent_get_output(connection->stream)))
            end(connection);
    }
}
