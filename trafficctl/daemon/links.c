/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "links.h"

#include <enforce.h>
#include <errno.h>
#include <event2/event.h>
#include <iface_base.h>
#include <iface_names.h>
#include <interfaces_page.h>
#include <linux/rtnetlink.h>
#include <netlink.h>
#include <policy_file.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <writer.h>

#include "cleanup.h"
#include "link_events.h"
#include "log.h"

/* The first change is followed at once, those of the next moment together: interfaces of containers come in dozens. */
#define PAUSE_MS 50
#define RETRY_MS 1000
/* What is done in one turn of the loop; others wait no longer than that takes. */
#define DATAGRAMS_AT_ONCE 64
#define EVENTS_AT_ONCE 512
#define SOON_MS 1
/* About 4 KiB of it are charged for each message. */
#define RECEIVE_BUFFER (4 << 20)
#define WARN_EACH_SEC 3600

struct links {
    const struct settings *settings;
    struct mnl_socket *netlink; /* NULL: nothing is heard */
    struct event *readable;     /* with netlink only */
    struct event *due;
    struct tctl_interfaces *page; /* NULL: nobody counts */
    struct link_events events;    /* not acted on yet */
    bool missed;                  /* some were lost, or nobody listened: all are to be asked for ... */
    bool stale;                   /* ... but after what was told before that, whose end may be among the lost */
    bool changed;                 /* since they were followed last */
    bool unnoted;                 /* verify is to be told where the new ones began */
    bool told_full;
    time_t told_malformed; /* CLOCK_MONOTONIC; 0 never */
    int listen_error, follow_error, names_error,
        base_error; /* of the last time, so that a lasting failure is told once */
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

static void plan(const struct links *links, int wait_ms)
{
    const struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};
    event_add(links->due, &wait);
}

static void tell_names(struct links *links, const struct iface_names *names, int r)
{
    if (r != -EINTR && is_news(r, &links->names_error)) /* EINTR: they come and go just now */
        log_error("names of interfaces do not follow: %s; trying again", strerror(-r));
    if (names->full && !links->told_full)
        log_warning("traffic_iface_index_name_map is full: names of interfaces that are there are the kernel's alone");
    links->told_full |= names->full;
    if (links->page)
        links->page->folded += names->folded;
}

/* First what was told, in its order; then, when some of it was lost, what the kernel has now. */
static int name_all(struct links *links, struct iface_names *names)
{
    int r = iface_names_open(links->settings->bpffs, names);
    if (r == 0)
        r = link_events_apply(&links->events, names, EVENTS_AT_ONCE);
    if (r == 0 && links->events.count == 0 && links->missed && !links->stale) {
        r = iface_names_compare(names);
        links->missed = r < 0;
    }
    return r < 0 ? r : iface_names_fold(names);
}

static int name_locked(struct links *links)
{
    _cleanup_(iface_names_done) struct iface_names names;
    int r = name_all(links, &names);
    tell_names(links, &names, r);
    return r;
}

static void tell_follow(struct links *links, int r, const struct fault *fault)
{
    if (is_news(r, &links->follow_error))
        log_error("rules for interfaces do not follow their names: %s; trying again each second",
                  *fault->text ? fault->text : strerror(-r));
}

/* Rules go first: by the names that interfaces had they know which were renamed. */
static int act(struct links *links)
{
    struct fault fault = {0};
    struct writer writer;
    int r = writer_open(links->settings->bpffs, &writer);
    writer.stuck = links->follow_error == -EBUSY; /* or the loop stood still as long as another process does */
    if (r == 0)
        r = writer_lock(&writer);
    int named = r;
    if (r == 0) {
        r = follow_locked(links, &fault);
        named = name_locked(links);
        writer_unlock(&writer);
    }
    writer_done(&writer);
    tell_follow(links, r, &fault);
    return r < 0 ? r : named;
}

static void look(struct links *links)
{
    int r = act(links);
    const bool more = links->events.count > 0 || links->missed;
    links->changed = r < 0 || more;
    links->unnoted = true;
    if (r == 0)
        plan(links, more ? SOON_MS : PAUSE_MS);
    else
        plan(links, r == -EINTR ? PAUSE_MS : RETRY_MS);
}

/* All counters of all interfaces: once nothing has changed for a pause, not at every change of a storm. */
static void note(struct links *links)
{
    int r = iface_base_note_all(links->settings->bpffs);
    links->unnoted = r < 0;
    if (r < 0)
        plan(links, RETRY_MS);
    if (r != -EINTR && is_news(r, &links->base_error))
        log_error("cannot note what was counted before an interface was known: %s; trying again", strerror(-r));
}

static void tell_malformed(struct links *links, unsigned int malformed)
{
    struct timespec now;
    if (malformed == 0)
        return;
    if (links->page)
        links->page->malformed += malformed;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (links->told_malformed && now.tv_sec - links->told_malformed < WARN_EACH_SEC)
        return;
    links->told_malformed = now.tv_sec ? now.tv_sec : 1;
    log_warning("rtnetlink said something about interfaces that is not understood; it is ignored and counted");
}

/* -EAGAIN: there is no more. */
static int receive(struct links *links)
{
    char buffer[16384] __attribute__((aligned(8)));
    unsigned int malformed = 0;
    ssize_t length = mnl_socket_recvfrom(links->netlink, buffer, sizeof(buffer));
    if (length < 0)
        return -errno;
    int r = link_events_read(&links->events, buffer, (size_t)length, &malformed);
    tell_malformed(links, malformed);
    return r;
}

static void count_overflow(struct links *links)
{
    links->missed = links->stale = true;
    if (links->page)
        links->page->overflows++;
}

static void unsubscribe(struct links *links)
{
    if (links->readable)
        event_free(links->readable);
    if (links->netlink)
        mnl_socket_close(links->netlink);
    links->readable = NULL;
    links->netlink = NULL;
    links->stale = false;
}

static void tell_deaf(struct links *links, int r)
{
    if (is_news(r, &links->listen_error))
        log_error("cannot hear of interfaces that come and go: %s; trying again each second", strerror(-r));
}

/* Also those that an overflow has lost are known after all were asked for. */
static void on_readable(evutil_socket_t fd, short what, void *data)
{
    struct links *links = data;
    int r = 0;
    (void)fd;
    (void)what;
    for (int i = 0; i < DATAGRAMS_AT_ONCE && r != -EAGAIN; i++) {
        r = receive(links);
        if (r == -ENOBUFS || r == -ENOSPC || r == -ENOMEM)
            count_overflow(links);
        else if (r == -EAGAIN)
            links->stale = false;
        else if (r < 0 && r != -EINTR) {
            tell_deaf(links, r);
            unsubscribe(links);
            break;
        }
    }
    links->changed = true;
    if (!event_pending(links->due, EV_TIMEOUT, NULL))
        look(links);
}

/* Beyond net.core.rmem_max it takes CAP_NET_ADMIN; with less, more is lost and asked for again. */
static void widen(const struct mnl_socket *netlink)
{
    int fd = mnl_socket_get_fd(netlink), size = RECEIVE_BUFFER;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

static int subscribe(struct event_base *base, struct links *links)
{
    const int group = RTNLGRP_LINK;
    _cleanup_netlink_ struct mnl_socket *netlink = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (!netlink || mnl_socket_bind(netlink, 0, MNL_SOCKET_AUTOPID) < 0 ||
        mnl_socket_setsockopt(netlink, NETLINK_ADD_MEMBERSHIP, (void *)&group, sizeof(group)) < 0)
        return -errno;
    widen(netlink);
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
        links->changed = links->missed = true;
    }
    if (links->changed)
        look(links);
    else if (links->unnoted)
        note(links);
    if (!links->netlink)
        plan(links, RETRY_MS);
}

int links_new(struct event_base *base, const struct settings *settings, struct links **ret_links)
{
    struct links *links = malloc(sizeof(*links));
    if (!links)
        return -ENOMEM;
    *links = (struct links){.settings = settings};
    int r = interfaces_map(settings->bpffs, &links->page);
    if (r < 0)
        log_warning("cannot count what is lost of interfaces: %s", strerror(-r));
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
    interfaces_unmap(links->page);
    link_events_done(&links->events);
    free(links);
    return NULL;
}
