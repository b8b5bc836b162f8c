/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "pool.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"
#include "serve.h"
#include "server.h"
#include "watch.h"

/* Nothing here needs more: requests are small, and what deletes keeps its lists on the heap. */
#define STACK_SIZE (64 * 1024)
/* How often those that wait for nothing but the stop are told of it: a signal that comes too early is lost. */
#define TELL_NS 5000000
#define NS_PER_SEC UINT64_C(1000000000)
static const unsigned int WORKERS_AT[POOL_TASKS] = {[POOL_ACCEPT] = 8, [POOL_WAITING] = 4};

uint64_t pool_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_SEC + now.tv_nsec;
}

static bool goes_on(const struct pool_worker *worker)
{
    return !atomic_load(&worker->replaced) && !atomic_load(&worker->fwmarkd->stopping);
}

/* Until there is room among those who accept. False: the signal of the stop. */
static bool begin_accepting(struct pool_worker *worker)
{
    struct fwmarkd *fwmarkd = worker->fwmarkd;
    struct pool *pool = &fwmarkd->pool;

    pthread_mutex_lock(&fwmarkd->lock);
    while (pool->accepting >= pool->may_accept && !atomic_load(&fwmarkd->stopping))
        pthread_cond_wait(&pool->relief, &fwmarkd->lock);
    bool begun = pool->accepting < pool->may_accept;
    pool->accepting += begun;
    atomic_store(&worker->accepts, begun);
    pthread_mutex_unlock(&fwmarkd->lock);
    return begun;
}

void pool_relieve(struct pool_worker *worker)
{
    struct fwmarkd *fwmarkd = worker->fwmarkd;

    if (!fwmarkd || !atomic_exchange(&worker->accepts, false))
        return;
    pthread_mutex_lock(&fwmarkd->lock);
    fwmarkd->pool.accepting--;
    pthread_cond_signal(&fwmarkd->pool.relief);
    pthread_mutex_unlock(&fwmarkd->lock);
}

void pool_set_alarm(struct fwmarkd *fwmarkd, bool alarm)
{
    struct pool *pool = &fwmarkd->pool;

    pthread_mutex_lock(&fwmarkd->lock);
    pool->may_accept = alarm ? WORKERS_AT[POOL_ACCEPT] : 1;
    pthread_cond_broadcast(&pool->relief);
    pthread_mutex_unlock(&fwmarkd->lock);
}

/* Waiting in accept() itself costs a connection less than being told of it. */
static void accept_all(struct pool_worker *worker)
{
    struct pool *pool = &worker->fwmarkd->pool;

    while (goes_on(worker)) {
        if (pool->accepting > pool->may_accept)
            pool_relieve(worker);
        if (!atomic_load(&worker->accepts) && !begin_accepting(worker))
            continue;
        int connection = serve_accept(worker->fwmarkd);
        if (connection < 0)
            continue;
        uint64_t now = pool_now_ns();
        watch_begin(pool, &worker->watched, now);
        serve_new(worker->fwmarkd, connection, now);
        watch_end(&worker->watched);
    }
    pool_relieve(worker);
}

static void serve_waiting(struct pool_worker *worker)
{
    struct epoll_event event;

    while (goes_on(worker)) {
        if (epoll_wait(worker->fwmarkd->epoll, &event, 1, -1) <= 0)
            continue;
        watch_begin(&worker->fwmarkd->pool, &worker->watched, pool_now_ns());
        serve_event(worker->fwmarkd, event.data.u64);
        watch_end(&worker->watched);
    }
}

static void end_thread(struct fwmarkd *fwmarkd)
{
    fwmarkd->pool.threads--;
    pthread_cond_signal(&fwmarkd->pool.ended);
}

static void *work_thread(void *data)
{
    struct pool_worker *worker = data;
    struct fwmarkd *fwmarkd = worker->fwmarkd;

    watch_accept_nudges(&worker->watched);
    if (worker->task == POOL_ACCEPT)
        accept_all(worker);
    else
        serve_waiting(worker);
    pthread_mutex_lock(&fwmarkd->lock);
    if (!atomic_load(&worker->replaced))
        fwmarkd->pool.workers_at[worker->task]--;
    atomic_store(&worker->watched.thread, 0);
    worker->fwmarkd = NULL;
    end_thread(fwmarkd);
    pthread_mutex_unlock(&fwmarkd->lock);
    return NULL;
}

static void *close_thread(void *data)
{
    struct pool_closer *closer = data;
    struct fwmarkd *fwmarkd = closer->fwmarkd;

    watch_accept_nudges(&closer->watched);
    watch_begin(&fwmarkd->pool, &closer->watched, pool_now_ns());
    fd_close(closer->fd);
    pthread_mutex_lock(&fwmarkd->lock);
    serve_end_turn(fwmarkd, closer->user);
    atomic_store(&closer->watched.thread, 0);
    watch_end(&closer->watched);
    closer->fwmarkd = NULL;
    end_thread(fwmarkd);
    pthread_mutex_unlock(&fwmarkd->lock);
    return NULL;
}

static void *watch_thread(void *data)
{
    struct fwmarkd *fwmarkd = data;

    watch_all(fwmarkd);
    pthread_mutex_lock(&fwmarkd->lock);
    end_thread(fwmarkd);
    pthread_mutex_unlock(&fwmarkd->lock);
    return NULL;
}

/* Under the lock. Signals are others' business. */
static int start_thread(struct fwmarkd *fwmarkd, void *(*run)(void *), void *data)
{
    sigset_t all, kept;
    pthread_attr_t attr;
    pthread_t thread;
    int r = pthread_attr_init(&attr);

    if (r != 0)
        return -r;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &kept);
    pthread_attr_setstacksize(&attr, STACK_SIZE < PTHREAD_STACK_MIN ? PTHREAD_STACK_MIN : STACK_SIZE);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    r = pthread_create(&thread, &attr, run, data);
    pthread_sigmask(SIG_SETMASK, &kept, NULL);
    pthread_attr_destroy(&attr);
    if (r == 0)
        fwmarkd->pool.threads++;
    return -r;
}

/* Under the lock. */
static struct pool_worker *free_place(struct pool *pool)
{
    for (size_t i = 0; i < POOL_WORKERS; i++)
        if (!pool->workers[i].fwmarkd)
            return &pool->workers[i];
    return NULL;
}

/* Under the lock: until there are enough, or as many as can be had. */
static int fill_task(struct fwmarkd *fwmarkd, enum pool_task task)
{
    struct pool *pool = &fwmarkd->pool;
    struct pool_worker *worker;

    while (pool->workers_at[task] < WORKERS_AT[task] && (worker = free_place(pool))) {
        worker->fwmarkd = fwmarkd;
        worker->task = task;
        atomic_store(&worker->replaced, false);
        int r = start_thread(fwmarkd, work_thread, worker);
        if (r < 0) {
            worker->fwmarkd = NULL;
            return r;
        }
        pool->workers_at[task]++;
    }
    return 0;
}

static int fill(struct fwmarkd *fwmarkd)
{
    int r = fill_task(fwmarkd, POOL_ACCEPT);
    int waiting = fill_task(fwmarkd, POOL_WAITING);

    return r < 0 ? r : waiting;
}

void pool_init_cond(pthread_cond_t *condition)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attr);
    pthread_condattr_destroy(&attr);
}

void pool_init(struct pool *pool)
{
    pool->wake = -1;
    pool->may_accept = 1;
    pool_init_cond(&pool->ended);
    pool_init_cond(&pool->relief);
}

void pool_done(struct pool *pool)
{
    pthread_cond_destroy(&pool->ended);
    pthread_cond_destroy(&pool->relief);
    pool->wake = fd_close(pool->wake);
}

int pool_start(struct fwmarkd *fwmarkd)
{
    struct pool *pool = &fwmarkd->pool;

    watch_prepare();
    pool->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (pool->wake < 0)
        return -errno;
    pthread_mutex_lock(&fwmarkd->lock);
    int r = start_thread(fwmarkd, watch_thread, fwmarkd);
    if (r == 0)
        r = fill(fwmarkd);
    pthread_mutex_unlock(&fwmarkd->lock);
    return r;
}

/* Under the lock. */
static void tell_all(struct pool *pool)
{
    const uint64_t one = 1;

    if (pool->wake >= 0 && write(pool->wake, &one, sizeof(one)) < 0)
        return; /* it is full of calls */
    pthread_cond_broadcast(&pool->relief);
    for (size_t i = 0; i < POOL_WORKERS; i++)
        if (pool->workers[i].fwmarkd)
            watch_nudge(&pool->workers[i].watched);
}

bool pool_stop(struct fwmarkd *fwmarkd, uint64_t timeout_ns)
{
    const uint64_t until = pool_now_ns() + timeout_ns;
    struct pool *pool = &fwmarkd->pool;
    uint64_t now;

    pthread_mutex_lock(&fwmarkd->lock);
    while (pool->threads > 0 && (now = pool_now_ns()) < until) {
        const struct timespec next = {(now + TELL_NS) / NS_PER_SEC, (now + TELL_NS) % NS_PER_SEC};
        tell_all(pool);
        pthread_cond_timedwait(&pool->ended, &fwmarkd->lock, &next);
    }
    bool all = pool->threads == 0;
    pthread_mutex_unlock(&fwmarkd->lock);
    return all;
}

void pool_replace(struct fwmarkd *fwmarkd, uint64_t before_ns)
{
    struct pool *pool = &fwmarkd->pool;

    pthread_mutex_lock(&fwmarkd->lock);
    for (size_t i = 0; i < POOL_WORKERS; i++) {
        struct pool_worker *worker = &pool->workers[i];
        uint64_t since = atomic_load(&worker->watched.since_ns);
        if (!worker->fwmarkd || since == 0 || since > before_ns || atomic_load(&worker->replaced))
            continue;
        atomic_store(&worker->replaced, true);
        pool->workers_at[worker->task]--;
    }
    fill(fwmarkd);
    serve_give_up(fwmarkd, pool_now_ns());
    pthread_mutex_unlock(&fwmarkd->lock);
}

bool pool_close_apart(struct fwmarkd *fwmarkd, int fd, uid_t user)
{
    struct pool *pool = &fwmarkd->pool;
    int r = -EAGAIN;

    pthread_mutex_lock(&fwmarkd->lock);
    for (size_t i = 0; i < POOL_CLOSERS; i++) {
        struct pool_closer *closer = &pool->closers[i];
        if (closer->fwmarkd)
            continue;
        closer->fwmarkd = fwmarkd;
        closer->fd = fd;
        closer->user = user;
        r = start_thread(fwmarkd, close_thread, closer);
        if (r < 0)
            closer->fwmarkd = NULL;
        break;
    }
    pthread_mutex_unlock(&fwmarkd->lock);
    return r == 0;
}
