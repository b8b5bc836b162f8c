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
/* Those that are not held up have ended by then. */
#define STOP_ACCEPTING_NS UINT64_C(50000000)
#define STOP_NS UINT64_C(400000000)
#define NS_PER_SEC UINT64_C(1000000000)
static const unsigned int WORKERS_AT[POOL_TASKS] = {[POOL_ACCEPT] = 8, [POOL_WAITING] = 4};

uint64_t pool_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_SEC + now.tv_nsec;
}

struct timespec pool_timespec(uint64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / NS_PER_SEC), .tv_nsec = (long)(ns % NS_PER_SEC)};
}

static bool goes_on(const struct pool_worker *worker)
{
    const struct server *server = worker->server;

    return !atomic_load(&worker->replaced) && !atomic_load(&server->stopping) &&
           (worker->task == POOL_WAITING || !atomic_load(&server->accepts_no_more));
}

/* Until there is room among those who accept. False: the signal of the stop. */
static bool begin_accepting(struct pool_worker *worker)
{
    struct server *server = worker->server;
    struct pool *pool = &server->pool;

    pthread_mutex_lock(&server->lock);
    while (pool->accepting >= pool->may_accept && goes_on(worker))
        pthread_cond_wait(&pool->relief, &server->lock);
    bool begun = pool->accepting < pool->may_accept && goes_on(worker);
    pool->accepting += begun;
    atomic_store(&worker->accepts, begun);
    pthread_mutex_unlock(&server->lock);
    return begun;
}

void pool_relieve(struct pool_worker *worker)
{
    struct server *server = worker->server;

    if (!server || !atomic_exchange(&worker->accepts, false))
        return;
    pthread_mutex_lock(&server->lock);
    server->pool.accepting--;
    pthread_cond_signal(&server->pool.relief);
    pthread_mutex_unlock(&server->lock);
}

void pool_set_alarm(struct server *server, bool alarm)
{
    struct pool *pool = &server->pool;

    pthread_mutex_lock(&server->lock);
    pool->may_accept = alarm ? WORKERS_AT[POOL_ACCEPT] : 1;
    pthread_cond_broadcast(&pool->relief);
    pthread_mutex_unlock(&server->lock);
}

/* Waiting in accept() itself costs a connection less than being told of it. */
static void accept_all(struct pool_worker *worker)
{
    struct pool *pool = &worker->server->pool;

    while (goes_on(worker)) {
        if (pool->accepting > pool->may_accept)
            pool_relieve(worker);
        if (!atomic_load(&worker->accepts) && !begin_accepting(worker))
            continue;
        int connection = serve_accept(worker->server);
        if (connection < 0)
            continue;
        uint64_t now = pool_now_ns();
        watch_begin(pool, &worker->watched, now);
        serve_new(worker->server, connection, now);
        watch_end(&worker->watched);
    }
    pool_relieve(worker);
}

static void serve_waiting(struct pool_worker *worker)
{
    struct epoll_event event;

    while (goes_on(worker)) {
        if (epoll_wait(worker->server->epoll, &event, 1, -1) <= 0)
            continue;
        watch_begin(&worker->server->pool, &worker->watched, pool_now_ns());
        serve_event(worker->server, event.data.u64);
        watch_end(&worker->watched);
    }
}

static void end_thread(struct server *server)
{
    server->pool.threads--;
    pthread_cond_signal(&server->pool.ended);
}

static void *work_thread(void *data)
{
    struct pool_worker *worker = data;
    struct server *server = worker->server;

    watch_accept_nudges(&worker->watched);
    if (worker->task == POOL_ACCEPT)
        accept_all(worker);
    else
        serve_waiting(worker);
    pthread_mutex_lock(&server->lock);
    if (!atomic_load(&worker->replaced))
        server->pool.workers_at[worker->task]--;
    atomic_store(&worker->watched.thread, 0);
    worker->server = NULL;
    end_thread(server);
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

static void *close_thread(void *data)
{
    struct pool_closer *closer = data;
    struct server *server = closer->server;

    watch_accept_nudges(&closer->watched);
    watch_begin(&server->pool, &closer->watched, pool_now_ns());
    fd_close(closer->fd);
    serve_end_turn(server, closer->user);
    pthread_mutex_lock(&server->lock);
    atomic_store(&closer->watched.thread, 0);
    watch_end(&closer->watched);
    closer->server = NULL;
    end_thread(server);
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

static void *watch_thread(void *data)
{
    struct server *server = data;

    watch_all(server);
    pthread_mutex_lock(&server->lock);
    end_thread(server);
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

/* Under the lock. Signals are others' business. */
static int start_thread(struct server *server, void *(*run)(void *), void *data)
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
        server->pool.threads++;
    return -r;
}

/* Under the lock. */
static struct pool_worker *free_place(struct pool *pool)
{
    for (size_t i = 0; i < POOL_WORKERS; i++)
        if (!pool->workers[i].server)
            return &pool->workers[i];
    return NULL;
}

/* Under the lock: until there are enough, or as many as can be had. */
static int fill_task(struct server *server, enum pool_task task)
{
    struct pool *pool = &server->pool;
    struct pool_worker *worker;

    while (pool->workers_at[task] < WORKERS_AT[task] && (worker = free_place(pool))) {
        worker->server = server;
        worker->task = task;
        atomic_store(&worker->replaced, false);
        int r = start_thread(server, work_thread, worker);
        if (r < 0) {
            worker->server = NULL;
            return r;
        }
        pool->workers_at[task]++;
    }
    return 0;
}

static int fill(struct server *server)
{
    int r = atomic_load(&server->accepts_no_more) ? 0 : fill_task(server, POOL_ACCEPT);
    int waiting = fill_task(server, POOL_WAITING);

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

int pool_start(struct server *server)
{
    struct pool *pool = &server->pool;

    watch_prepare();
    pool->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (pool->wake < 0)
        return -errno;
    pthread_mutex_lock(&server->lock);
    int r = start_thread(server, watch_thread, server);
    if (r == 0)
        r = fill(server);
    pthread_mutex_unlock(&server->lock);
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
        if (pool->workers[i].server)
            watch_nudge(&pool->workers[i].watched);
}

/* Until none of those that are counted is left. */
static void stop_all(struct server *server, const atomic_uint *count, uint64_t timeout_ns)
{
    const uint64_t until = pool_now_ns() + timeout_ns;
    struct pool *pool = &server->pool;
    uint64_t now;

    pthread_mutex_lock(&server->lock);
    while (*count > 0 && (now = pool_now_ns()) < until) {
        const struct timespec next = pool_timespec(now + TELL_NS);
        tell_all(pool);
        pthread_cond_timedwait(&pool->ended, &server->lock, &next);
    }
    pthread_mutex_unlock(&server->lock);
}

void pool_stop_accepting(struct server *server)
{
    atomic_store(&server->accepts_no_more, true);
    stop_all(server, &server->pool.accepting, STOP_ACCEPTING_NS);
}

void pool_stop(struct server *server)
{
    atomic_store(&server->stopping, true);
    stop_all(server, &server->pool.threads, STOP_NS);
}

bool pool_replace(struct server *server, uint64_t before_ns)
{
    struct pool *pool = &server->pool;

    pthread_mutex_lock(&server->lock);
    for (size_t i = 0; i < POOL_WORKERS; i++) {
        struct pool_worker *worker = &pool->workers[i];
        uint64_t since = atomic_load(&worker->watched.since_ns);
        if (!worker->server || since == 0 || since > before_ns || atomic_load(&worker->replaced))
            continue;
        atomic_store(&worker->replaced, true);
        pool->workers_at[worker->task]--;
    }
    bool all = fill(server) == 0;
    serve_give_up(server, pool_now_ns());
    pthread_mutex_unlock(&server->lock);
    return all;
}

bool pool_close_apart(struct server *server, int fd, uid_t user)
{
    struct pool *pool = &server->pool;
    int r = -EAGAIN;

    pthread_mutex_lock(&server->lock);
    for (size_t i = 0; i < POOL_CLOSERS; i++) {
        struct pool_closer *closer = &pool->closers[i];
        if (closer->server)
            continue;
        closer->server = server;
        closer->fd = fd;
        closer->user = user;
        r = start_thread(server, close_thread, closer);
        if (r < 0)
            closer->server = NULL;
        break;
    }
    pthread_mutex_unlock(&server->lock);
    return r == 0;
}
