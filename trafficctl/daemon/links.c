/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "links.h"

#include <enforce.h>
#include <errno.h>
#include <event2/event.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <policy_file.h>
#include <stdlib.h>
#include <string.h>
#include <writer.h>

#include "cleanup.h"
#include "log.h"

/* The first change is followed at once, those of the next moment together: interfaces of containers come in dozens. */
#define PAUSE_MS 50
#define RETRY_MS 1000

struct links {
    const struct settings *settings;
    struct mnl_socket *netlink; /* NULL: nothing is heard */
    struct event *readable;     /* with netlink only */
    struct event *due;
    bool changed;                   /* since they were followed last */
    int listen_error, follow_error; /* of the last time, so that a lasting failure is told once */
};

static bool is_news(int r, int *last)
{
    bool news = r < 0 && r != *last;
    *last = r;
    return news;
}

/* A policy that is not there, or bad, asks for nothing by name: numbers that nobody has any more go all the same. */
static int follow_locked(const struct links *links, struct fault *fault)
{
    _cleanup_(policy_done) struct policy policy = {0};
    _cleanup_(enforce_done) struct enforce maps;
    int r = enforce_open(links->settings->bpffs, &maps);
    if (r < 0)
        return r;
    int read = policy_file_read(links->settings->policy, &policy, fault);
    r = enforce_follow(&maps, &policy);
    if (read < 0 && read != -ENOENT)
        return read;
    *fault = (struct fault){0};
    return r;
}

static int follow(const struct links *links, struct fault *fault)
{
    struct writer writer;
    int r = writer_open(links->settings->bpffs, &writer);
    writer.stuck = links->follow_error == -EBUSY; /* or the loop stood still as long as another process does */
    if (r == 0)
        r = writer_lock(&writer);
    if (r == 0) {
        r = follow_locked(links, fault);
        writer_unlock(&writer);
    }
    writer_done(&writer);
    return r;
}

static void plan(const struct links *links, int wait_ms)
{
    const struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};
    event_add(links->due, &wait);
}

static void look(struct links *links)
{
    struct fault fault = {0};
    int r = follow(links, &fault);
    links->changed = r < 0;
    if (is_news(r, &links->follow_error))
        log_error("rules for interfaces do not follow their names: %s; trying again each second",
                  *fault.text ? fault.text : strerror(-r));
    plan(links, r < 0 ? RETRY_MS : PAUSE_MS);
}

static int receive(const struct links *links)
{
    char buffer[16384];
    ssize_t length = mnl_socket_recvfrom(links->netlink, buffer, sizeof(buffer));
    return length < 0 ? -errno : 0;
}

static void unsubscribe(struct links *links)
{
    if (links->readable)
        event_free(links->readable);
    if (links->netlink)
        mnl_socket_close(links->netlink);
    links->readable = NULL;
    links->netlink = NULL;
}

static void tell_deaf(struct links *links, int r)
{
    if (is_news(r, &links->listen_error))
        log_error("cannot hear of interfaces that come and go: %s; trying again each second", strerror(-r));
}

/* What it was is not asked: after a look all names are known, also those that an overflow has lost. */
static void on_readable(evutil_socket_t fd, short what, void *data)
{
    struct links *links = data;
    int r;
    (void)fd;
    (void)what;
    do
        r = receive(links);
    while (r == 0 || r == -EINTR || r == -ENOBUFS || r == -ENOSPC);
    if (r != -EAGAIN) {
        tell_deaf(links, r);
        unsubscribe(links);
    }
    links->changed = true;
    if (!event_pending(links->due, EV_TIMEOUT, NULL))
        look(links);
}

static void netlink_closep(struct mnl_socket **netlink)
{
    if (*netlink)
        mnl_socket_close(*netlink);
}

static int subscribe(struct event_base *base, struct links *links)
{
    const int group = RTNLGRP_LINK;
    _cleanup_(netlink_closep) struct mnl_socket *netlink =
        mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (!netlink || mnl_socket_bind(netlink, 0, MNL_SOCKET_AUTOPID) < 0 ||
        mnl_socket_setsockopt(netlink, NETLINK_ADD_MEMBERSHIP, (void *)&group, sizeof(group)) < 0)
        return -errno;
    links->readable = event_new(base, mnl_socket_get_fd(netlink), EV_READ | EV_PERSIST, on_readable, links);
    if (!links->readable || event_add(links->readable, NULL) < 0)
        return -ENOMEM;
    links->netlink = TAKE_PTR(netlink);
    return 0;
}

static void on_due(evutil_socket_t fd, short what, void *data)
{
    struct links *links = data;
    (void)fd;
    (void)what;
    if (!links->netlink) {
        int r = subscribe(event_get_base(links->due), links);
        if (r < 0)
            unsubscribe(links);
        tell_deaf(links, r);
        links->changed = true;
    }
    if (links->changed)
        look(links);
    if (!links->netlink)
        plan(links, RETRY_MS);
}

int links_new(struct event_base *base, const struct settings *settings, struct links **ret_links)
{
    struct links *links = malloc(sizeof(*links));
    if (!links)
        return -ENOMEM;
    *links = (struct links){.settings = settings};
    links->due = evtimer_new(base, on_due, links);
    if (!links->due) {
        links_free(links);
        return -ENOMEM;
    }
    on_due(-1, 0, links); /* listens first: what changes from then on is heard */
    *ret_links = links;
    return 0;
}

struct links *links_free(struct links *links)
{
    if (!links)
        return NULL;
    unsubscribe(links);
    if (links->due)
        event_free(links->due);
    free(links);
    return NULL;
}
