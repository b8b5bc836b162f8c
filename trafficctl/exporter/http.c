/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "http.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "cleanup.h"
#include "connections.h"
#include "log.h"
#include "negotiate.h"
#include "replies.h"

#define MAX_HEADERS 8192
/* Bytes that readers keep from being freed. With so many no more are made, those who do not read are ended meanwhile.
 */
#define MAX_HELD (8 << 20)
static const struct timeval RETRY = {.tv_usec = 10000};
/* For more of a first request to come, or some of a reply to be taken; and for more of the next request. */
#define PATIENCE_S 5
static const struct timeval PATIENCE = {.tv_sec = PATIENCE_S};
#define KEEP_S 120

#define MAX_QUESTIONS (2 * CONNECTIONS_MAX)
static const char HTML[] = "text/html; charset=utf-8", PLAIN[] = "text/plain; charset=utf-8";

struct question {
    struct evhttp_request *request;
    enum text_format format;
};

struct http {
    http_write write;
    void *context;
    struct event_base *base;
    struct evconnlistener *listener;
    struct evhttp *evhttp;
    struct connections connections;
    struct replies replies;
    struct event *answer, *stops[2];
    struct question questions[MAX_QUESTIONS]; /* to be answered */
    size_t asked;
};

static struct bufferevent *stream_of(struct evhttp_request *request)
{
    return evhttp_connection_get_bufferevent(evhttp_request_get_connection(request));
}

/* A HEAD's reply has the length, and nothing else. */
static void send_reply(struct evhttp_request *request, int code, const char *type, struct evbuffer *body)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    char length[21];

    evhttp_add_header(headers, "Content-Type", type);
    if (evhttp_request_get_command(request) == EVHTTP_REQ_HEAD) {
        snprintf(length, sizeof(length), "%zu", evbuffer_get_length(body));
        evhttp_add_header(headers, "Content-Length", length);
        body = NULL;
    }
    evhttp_send_reply(request, code, NULL, body);
}

static void evbuffer_freep(struct evbuffer **buffer)
{
    if (*buffer)
        evbuffer_free(*buffer);
}

static void send_page(struct evhttp_request *request, int code, const char *type, const char *page)
{
    _cleanup_(evbuffer_freep) struct evbuffer *body = evbuffer_new();

    if (body && evbuffer_add_reference(body, page, strlen(page), NULL, NULL) == 0)
        send_reply(request, code, type, body);
    else
        evhttp_send_reply(request, HTTP_INTERNAL, NULL, NULL);
}

/* The whole reply is on its way: the next request may take its time. */
static void replied(struct evhttp_request *request, void *arg)
{
    (void)arg;
    evhttp_connection_set_timeout(evhttp_request_get_connection(request), KEEP_S);
}

static void answer_one(const struct question *question, struct reply *reply)
{
    _cleanup_(evbuffer_freep) struct evbuffer *body = evbuffer_new();

    /* Who reads says nothing meanwhile. */
    bufferevent_set_timeouts(stream_of(question->request), NULL, &PATIENCE);
    if (!body || !reply || reply_put(reply, body) < 0) {
        evhttp_send_reply(question->request, HTTP_INTERNAL, NULL, NULL);
        return;
    }
    send_reply(question->request, HTTP_OK, text_types[question->format], body);
}

/* One text for each format that somebody wants. */
static void write_replies(struct http *http, struct reply *replies[TEXT_FORMATS])
{
    struct text *texts[TEXT_FORMATS] = {0};

    for (size_t i = 0; i < http->asked; i++) {
        enum text_format format = http->questions[i].format;
        if (!replies[format] && (replies[format] = replies_new(&http->replies, format)))
            texts[format] = &replies[format]->text;
    }
    http->write(http->context, texts);
    for (int format = 0; format < TEXT_FORMATS; format++)
        if (replies[format])
            reply_written(replies[format]);
}

/* Everybody who has asked until now gets the same, which was read after all of them had asked. */
static void answer_all(struct http *http)
{
    struct reply *replies[TEXT_FORMATS] = {0};
    size_t asked = http->asked;

    write_replies(http, replies);
    http->asked = 0;
    for (size_t i = 0; i < asked; i++)
        answer_one(&http->questions[i], replies[http->questions[i].format]);
    for (int format = 0; format < TEXT_FORMATS; format++)
        reply_release(replies[format]);
}

static void answer(evutil_socket_t fd, short what, void *arg)
{
    struct http *http = arg;

    (void)fd, (void)what;
    if (http->replies.held < MAX_HELD) {
        answer_all(http);
        return;
    }
    connections_look_for_stalled(&http->connections);
    event_add(http->answer, &RETRY);
}

static enum text_format format_for(struct evhttp_request *request)
{
    const struct evkeyval *header = TAILQ_FIRST(evhttp_request_get_input_headers(request));
    struct negotiate negotiate = {0};

    for (; header; header = TAILQ_NEXT(header, next))
        if (strcasecmp(header->key, "Accept") == 0)
            negotiate_read(&negotiate, header->value);
    return negotiate_choose(&negotiate);
}

/*
 * Nothing more is read of it until then: libevent takes no further request before the first is answered. Questions of
 * connections that were ended stay until then, too.
 */
static void ask(struct http *http, struct evhttp_request *request)
{
    if (http->asked == MAX_QUESTIONS) {
        send_page(request, HTTP_SERVUNAVAIL, PLAIN, "Too many ask at once.\n");
        return;
    }
    bufferevent_disable(stream_of(request), EV_READ);
    http->questions[http->asked++] = (struct question){request, format_for(request)};
    if (!event_pending(http->answer, EV_TIMEOUT, NULL))
        event_active(http->answer, EV_TIMEOUT, 0);
}

static bool is_path(struct evhttp_request *request, const char *wanted)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *path = uri ? evhttp_uri_get_path(uri) : NULL;

    return path && strcmp(path, wanted) == 0;
}

static void requested(struct evhttp_request *request, void *arg)
{
    enum evhttp_cmd_type method = evhttp_request_get_command(request);
    struct http *http = arg;

    connections_use(&http->connections, stream_of(request));
    if (connections_full(&http->connections)) /* let the next one in afterwards */
        evhttp_add_header(evhttp_request_get_output_headers(request), "Connection", "close");
    evhttp_connection_set_timeout(evhttp_request_get_connection(request), PATIENCE_S);
    evhttp_request_set_on_complete_cb(request, replied, NULL);
    if (method != EVHTTP_REQ_GET && method != EVHTTP_REQ_HEAD) {
        evhttp_add_header(evhttp_request_get_output_headers(request), "Allow", "GET, HEAD");
        send_page(request, HTTP_BADMETHOD, PLAIN, "Only GET and HEAD are served.\n");
    } else if (is_path(request, "/metrics")) {
        ask(http, request);
    } else if (is_path(request, "/")) {
        send_page(request, HTTP_OK, HTML,
                  "<!DOCTYPE html>\n<title>trafficctl exporter</title>\n<a href=\"/metrics\">metrics</a>\n");
    } else {
        send_page(request, HTTP_NOTFOUND, PLAIN, "There is only /metrics.\n");
    }
}

static void stop(evutil_socket_t fd, short what, void *base)
{
    (void)fd, (void)what;
    event_base_loopbreak(base);
}

/* What peers do wrong is no news. */
static void log_errors(int severity, const char *message)
{
    if (severity == EVENT_LOG_ERR)
        log_error("libevent: %s", message);
}

static int listen_on(struct http *http, int fd)
{
    http->listener = evconnlistener_new(http->base, NULL, NULL, LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, 0, fd);
    if (!http->listener || !evhttp_bind_listener(http->evhttp, http->listener))
        return -ENOMEM;
    return connections_init(&http->connections, http->base, http->listener);
}

static int catch_stops(struct http *http)
{
    static const int SIGNALS[] = {SIGTERM, SIGINT};

    for (size_t i = 0; i < ARRAY_SIZE(SIGNALS); i++) {
        http->stops[i] = evsignal_new(http->base, SIGNALS[i], stop, http->base);
        if (!http->stops[i] || event_add(http->stops[i], NULL) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int prepare(struct http *http, int listener)
{
    event_set_log_callback(log_errors);
    http->base = event_base_new();
    http->evhttp = http->base ? evhttp_new(http->base) : NULL;
    http->answer = http->evhttp ? event_new(http->base, -1, 0, answer, http) : NULL;
    if (!http->answer)
        return -ENOMEM;
    evhttp_set_allowed_methods(http->evhttp, UINT16_MAX);
    evhttp_set_max_headers_size(http->evhttp, MAX_HEADERS);
    evhttp_set_max_body_size(http->evhttp, 0);
    evhttp_set_timeout(http->evhttp, PATIENCE_S);
    evhttp_set_gencb(http->evhttp, requested, http);
    evhttp_set_bevcb(http->evhttp, connections_new, &http->connections);
    int r = listen_on(http, listener);
    return r < 0 ? r : catch_stops(http);
}

static void http_done(struct http *http)
{
    if (http->evhttp)
        evhttp_free(http->evhttp); /* and its listener */
    connections_done(&http->connections);
    for (size_t i = 0; i < ARRAY_SIZE(http->stops); i++)
        if (http->stops[i])
            event_free(http->stops[i]);
    if (http->answer)
        event_free(http->answer);
    if (http->base)
        event_base_free(http->base);
}

int http_serve(int listener, http_write write, void (*ready)(void *context), void *context)
{
    _cleanup_(http_done) struct http http = {.write = write, .context = context};
    int r = prepare(&http, listener);

    if (r < 0)
        return r;
    ready(context);
    return event_base_dispatch(http.base) < 0 ? -EIO : 0;
}
