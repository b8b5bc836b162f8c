/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "sockets.h"

#include <errno.h>
#include <event2/event.h>
#include <linux/sock_diag.h>
#include <netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sweep.h>
#include <time.h>

#include "cleanup.h"
#include "diag.h"
#include "log.h"
#include "nudge.h"
#include "resync.h"

/* Messages read at a time, so that a flood of them leaves the loop to others. */
#define READS 256
/*
 * Looks that nobody wants: sockets of which the kernel sends no event (raw, ping, MPTCP, other network namespaces), and
 * while the release program is attached those whose end it does not see, made outside its control group.
 */
#define ROUTINE_MS 30000
#define RARE_MS 300000
/* Room for some ten thousand sockets that end at once. */
#define RECEIVE_BUFFER (16 << 20)

#define GROUP(group) (1u << ((group)-1))
#define GROUPS                                                                                                         \
    (GROUP(SKNLGRP_INET_TCP_DESTROY) | GROUP(SKNLGRP_INET_UDP_DESTROY) | GROUP(SKNLGRP_INET6_TCP_DESTROY) |            \
     GROUP(SKNLGRP_INET6_UDP_DESTROY))

struct sockets {
    struct event_base *base;
    const char *bpffs;
    struct tags *tags;
    bool missing;               /* the release program is */
    struct mnl_socket *netlink; /* NULL: nothing is listened to */
    struct event *readable;     /* with netlink only */
    struct event *due;
    struct nudge nudge;
    struct resync resync;
    bool overflowed;       /* and the queue was not seen empty since */
    uint64_t ended[READS]; /* cookies whose tags are to go */
    size_t ended_count;
    /* of the last time, so that a lasting failure is told once */
    int listen_error, end_error, sweep_error, room_error;
};

static uint64_t clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Is this a failure that was not told yet? */
static bool is_news(int r, int *last)
{
    bool news = r < 0 && r != *last;
    *last = r;
    return news;
}

/* Tags that nobody uses and users who are gone add up, until there is no room for others. */
static void make_room(struct sockets *sockets)
{
    int r = tags_make_room(sockets->bpffs, sockets->tags);
    if (is_news(r, &sockets->room_error))
        log_error("cannot count the tags of each user anew: %s; limits go by the old count", strerror(-r));
}

/*
 * Whoever lists what is open in all tasks holds each file for a moment. If its last holder closes it just then, the
 * close is done here, and a socket may have been told to linger in it.
 */
static void look(struct sockets *sockets)
{
    size_t removed = 0;
    uint64_t began_ms = clock_ms(CLOCK_THREAD_CPUTIME_ID);
    nudge_start(&sockets->nudge);
    int r = sweep_run(sockets->bpffs, sockets->tags, &removed);
    nudge_stop(&sockets->nudge);
    make_room(sockets);
    resync_looked(&sockets->resync, clock_ms(CLOCK_MONOTONIC), clock_ms(CLOCK_THREAD_CPUTIME_ID) - began_ms,
                  removed > 0);
    if (!is_news(r, &sockets->sweep_error))
        return;
    if (r == -ENOENT)
        log_warning("this kernel has no BTF to find sockets by: tags of sockets that ended unseen stay in the map");
    else
        log_error("cannot look for sockets that ended unseen: %s; their tags stay in the map until it works",
                  strerror(-r));
}

static void plan(struct sockets *sockets)
{
    uint64_t wait_ms =
        resync_wait_ms(&sockets->resync, sockets->missing ? ROUTINE_MS : RARE_MS, clock_ms(CLOCK_MONOTONIC));
    struct timeval wait = {.tv_sec = (time_t)(wait_ms / 1000), .tv_usec = (suseconds_t)(wait_ms % 1000 * 1000)};
    event_add(sockets->due, &wait);
}

static void on_due(evutil_socket_t fd, short what, void *data)
{
    struct sockets *sockets = data;
    (void)fd;
    (void)what;
    look(sockets);
    plan(sockets);
}

static void unsubscribe(struct sockets *sockets)
{
    if (sockets->readable)
        event_free(sockets->readable);
    if (sockets->netlink)
        mnl_socket_close(sockets->netlink);
    sockets->readable = NULL;
    sockets->netlink = NULL;
    sockets->overflowed = false;
}

/* All at once: with a lock for each, a flood of them would be slower than those who tag. */
static void end_tags(struct sockets *sockets)
{
    int r = sockets->ended_count ? tags_end(sockets->tags, sockets->ended, sockets->ended_count) : 0;
    sockets->ended_count = 0;
    if (is_news(r, &sockets->end_error))
        log_error("cannot remove the tags of sockets that ended: %s; they are looked for later", strerror(-r));
    if (r < 0)
        resync_want(&sockets->resync);
}

static void ended(uint64_t cookie, void *data)
{
    struct sockets *sockets = data;
    sockets->ended[sockets->ended_count++] = cookie;
    if (sockets->ended_count == ARRAY_SIZE(sockets->ended))
        end_tags(sockets);
}

static int receive(struct sockets *sockets)
{
    _Alignas(struct nlmsghdr) char buffer[8192];
    struct sockaddr_nl from = {0};
    struct iovec room = {.iov_base = buffer, .iov_len = sizeof(buffer)};
    struct msghdr message = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &room, .msg_iovlen = 1};
    ssize_t length = recvmsg(mnl_socket_get_fd(sockets->netlink), &message, MSG_DONTWAIT);
    if (length < 0)
        return -errno;
    if (from.nl_pid != 0)
        return 0; /* somebody with CAP_NET_ADMIN plays the kernel */
    int r = diag_read(buffer, (size_t)length, ended, sockets);
    return message.msg_flags & MSG_TRUNC ? -EBADMSG : r;
}

static void missed(struct sockets *sockets)
{
    sockets->overflowed = true;
    resync_want(&sockets->resync);
}

/*
 * The kernel tells of an overflow once, and of what it drops next only after the queue was empty. So a look counts for
 * all that was dropped only if it is wanted anew when the queue is.
 */
static void drained(struct sockets *sockets)
{
    if (sockets->overflowed)
        resync_want(&sockets->resync);
    sockets->overflowed = false;
}

static void tell_deaf(struct sockets *sockets, int r)
{
    if (is_news(r, &sockets->listen_error))
        log_error("cannot hear of sockets that end: %s; their tags stay for up to %d seconds; trying again each second",
                  strerror(-r), ROUTINE_MS / 1000);
}

static void on_readable(evutil_socket_t fd, short what, void *data)
{
    struct sockets *sockets = data;
    int r = 0;
    (void)fd;
    (void)what;
    for (int i = 0; i < READS && r != -EAGAIN; i++) {
        r = receive(sockets);
        if (r == -ENOBUFS || r == -EBADMSG) {
            missed(sockets);
        } else if (r < 0 && r != -EAGAIN && r != -EINTR) {
            tell_deaf(sockets, r);
            unsubscribe(sockets);
            break;
        }
    }
    end_tags(sockets);
    if (r == -EAGAIN)
        drained(sockets);
    plan(sockets);
}

/* Beyond net.core.rmem_max takes CAP_NET_ADMIN; other network namespaces, where they can be heard, CAP_NET_BROADCAST.
 */
static void widen(struct mnl_socket *netlink)
{
    int fd = mnl_socket_get_fd(netlink), size = RECEIVE_BUFFER, yes = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    mnl_socket_setsockopt(netlink, NETLINK_LISTEN_ALL_NSID, &yes, sizeof(yes));
}

static int subscribe(struct sockets *sockets)
{
    _cleanup_netlink_ struct mnl_socket *netlink = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (!netlink)
        return -errno;
    widen(netlink);
    if (mnl_socket_bind(netlink, GROUPS, MNL_SOCKET_AUTOPID) < 0)
        return -errno;
    struct event *readable =
        event_new(sockets->base, mnl_socket_get_fd(netlink), EV_READ | EV_PERSIST, on_readable, sockets);
    if (!readable || event_add(readable, NULL) < 0) {
        if (readable)
            event_free(readable);
        return -ENOMEM;
    }
    sockets->readable = readable;
    sockets->netlink = TAKE_PTR(netlink);
    resync_want(&sockets->resync); /* some ended before this */
    return 0;
}

void sockets_watch(struct sockets *sockets, bool attached)
{
    if (sockets->missing == attached) {
        sockets->missing = !attached;
        unsubscribe(sockets);
        resync_want(&sockets->resync);
    }
    if (sockets->missing && !sockets->netlink)
        tell_deaf(sockets, subscribe(sockets));
    plan(sockets);
}

int sockets_new(struct event_base *base, const char *bpffs, struct tags *tags, struct sockets **ret_sockets)
{
    struct sockets *sockets = malloc(sizeof(*sockets));
    if (!sockets)
        return -ENOMEM;
    *sockets = (struct sockets){.base = base, .bpffs = bpffs, .tags = tags};
    sockets->due = evtimer_new(base, on_due, sockets);
    int r = sockets->due ? nudge_init(&sockets->nudge) : -ENOMEM;
    if (r < 0) {
        sockets_free(sockets);
        return r;
    }
    resync_want(&sockets->resync);
    look(sockets);
    plan(sockets);
    *ret_sockets = sockets;
    return 0;
}

struct sockets *sockets_free(struct sockets *sockets)
{
    if (!sockets)
        return NULL;
    unsubscribe(sockets);
    nudge_done(&sockets->nudge);
    if (sockets->due)
        event_free(sockets->due);
    free(sockets);
    return NULL;
}
