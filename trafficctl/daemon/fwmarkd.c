/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "fwmarkd.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "fd.h"
#include "server.h"

/* More are of no use here, and would only let peers fill memory. */
#define OPEN_FILES 4096
#define STOP_NS UINT64_C(500000000)

/* How many open files there may be, after asking for enough. */
static uint64_t open_files(void)
{
    struct rlimit limit = {0};

    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < OPEN_FILES) {
        const struct rlimit more = {limit.rlim_max < OPEN_FILES ? limit.rlim_max : OPEN_FILES, limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &more) == 0)
            limit = more;
    }
    return limit.rlim_cur;
}

static int open_events(struct fwmarkd *fwmarkd)
{
    struct epoll_event deadline = {.events = EPOLLIN | EPOLLONESHOT, .data.u64 = SERVER_DEADLINE};

    fwmarkd->epoll = epoll_create1(EPOLL_CLOEXEC);
    fwmarkd->deadline = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (fwmarkd->epoll < 0 || fwmarkd->deadline < 0 ||
        epoll_ctl(fwmarkd->epoll, EPOLL_CTL_ADD, fwmarkd->deadline, &deadline) < 0)
        return -errno;
    return 0;
}

/* No thread is left. */
static void done(struct fwmarkd *fwmarkd)
{
    fd_close(fwmarkd->epoll);
    fd_close(fwmarkd->deadline);
    pthread_cond_destroy(&fwmarkd->room);
    pool_done(&fwmarkd->pool);
    peer_folding_done(&fwmarkd->folding);
    waiting_done(&fwmarkd->waiting);
    pthread_mutex_destroy(&fwmarkd->lock);
    free(fwmarkd);
}

static struct fwmarkd *fwmarkd_new(const struct settings *settings, struct tags *tags)
{
    struct fwmarkd *fwmarkd = calloc(1, sizeof(*fwmarkd));

    if (!fwmarkd)
        return NULL;
    fwmarkd->listener.fd = fwmarkd->epoll = fwmarkd->deadline = -1;
    fwmarkd->folding.storage = -1;
    strcpy(fwmarkd->bpffs, settings->bpffs);
    fwmarkd->tags = tags;
    fwmarkd->limit.sockets = settings->entries[LOAD_COOKIE_TAG] / 2;
    fwmarkd->rights = peer_rights_of(settings);
    fwmarkd->waiting = WAITING_EMPTY;
    pthread_mutex_init(&fwmarkd->lock, NULL);
    pool_init_cond(&fwmarkd->room);
    pool_init(&fwmarkd->pool);
    return fwmarkd;
}

/* The socket comes last: who connects is served. */
static int set_up(struct fwmarkd *fwmarkd, const struct settings *settings, struct fault *fault)
{
    int r = peer_folding_open(settings, &fwmarkd->folding);

    if (r == 0)
        r = waiting_init(&fwmarkd->waiting, waiting_size(open_files()));
    if (r < 0)
        return fault_set(fault, r, "tags cannot be served: %s", strerror(-r));
    r = listener_open(settings->socket, &fwmarkd->listener, fault);
    if (r < 0)
        return r;
    r = open_events(fwmarkd);
    if (r == 0)
        r = pool_start(fwmarkd);
    if (r < 0)
        return fault_set(fault, r, "the threads that serve tags cannot be started: %s", strerror(-r));
    return 0;
}

int fwmarkd_start(const struct settings *settings, struct tags *tags, struct fwmarkd **ret_fwmarkd, struct fault *fault)
{
    struct fwmarkd *fwmarkd = fwmarkd_new(settings, tags);

    if (!fwmarkd)
        return fault_set(fault, -ENOMEM, "out of memory");
    int r = set_up(fwmarkd, settings, fault);
    if (r < 0)
        fwmarkd_stop(fwmarkd);
    else
        *ret_fwmarkd = fwmarkd;
    return r;
}

void fwmarkd_apply(struct fwmarkd *fwmarkd, const struct settings *settings)
{
    struct peer_rights rights = peer_rights_of(settings);

    pthread_mutex_lock(&fwmarkd->lock);
    fwmarkd->rights = rights;
    pthread_mutex_unlock(&fwmarkd->lock);
}

/* Whoever still waits is answered. Closing may take its time, and is done by the end of the process. */
static void answer_waiting(struct fwmarkd *fwmarkd)
{
    const int32_t error = -ESHUTDOWN;
    struct connection connection;
    bool queued;

    pthread_mutex_lock(&fwmarkd->lock);
    while (waiting_take_late(&fwmarkd->waiting, UINT64_MAX, &connection, &queued)) {
        send(connection.fd, &error, sizeof(error), MSG_DONTWAIT | MSG_NOSIGNAL);
        shutdown(connection.fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&fwmarkd->lock);
}

bool fwmarkd_stop(struct fwmarkd *fwmarkd)
{
    if (!fwmarkd)
        return true;
    atomic_store(&fwmarkd->stopping, true);
    bool ended = pool_stop(fwmarkd, STOP_NS);
    listener_done(&fwmarkd->listener);
    answer_waiting(fwmarkd);
    if (ended)
        done(fwmarkd);
    return ended;
}
