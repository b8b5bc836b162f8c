/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "pool.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"
#include "serve.h"
#include "server.h"

/* Nothing here needs more: requests are small, and what deletes keeps its lists on the heap. */
#define STACK_SIZE (64 * 1024)
#define NS_PER_SEC UINT64_C(1000000000)
/* A signal at a thread that waits in recvmsg() or close(), again and again until it is out. */
#define NUDGE_NS 500000
/* Whoever is busy for longer is replaced; looked at as often. */
#define REPLACE_NS UINT64_C(100000000)
#define NUDGE_SIGNAL SIGRTMIN

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

uint64_t pool_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_SEC + now.tv_nsec;
}

void pool_set_timer(int timer, uint64_t when_ns)
{
    const struct itimerspec when = {.it_value = {when_ns / NS_PER_SEC, when_ns % NS_PER_SEC}};

    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void set_nudge(struct pool_nudge *nudge, long every_ns)
{
    const struct itimerspec when = {{0, every_ns}, {0, every_ns}};

    if (nudge->is_there && timer_settime(nudge->timer, 0, &when, NULL) == 0)
        nudge->runs = every_ns > 0;
}

/* For the thread that calls. Without a timer it goes on: it may be held up for longer then. */
static void make_nudge(struct pool_nudge *nudge)
{
    struct sigevent event = {
        .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = NUDGE_SIGNAL, .sigev_notify_thread_id = gettid()};
    sigset_t nudges;

    sigemptyset(&nudges);
    sigaddset(&nudges, NUDGE_SIGNAL);
    pthread_sigmask(SIG_UNBLOCK, &nudges, NULL);
    *nudge = (struct pool_nudge){0};
    nudge->is_there = timer_create(CLOCK_MONOTONIC, &event, &nudge->timer) == 0;
}

static void end_nudge(struct pool_nudge *nudge)
{
    if (nudge->is_there)
        timer_delete(nudge->timer);
}

/* Setting it anew for each call would cost more than the call: it is left running until it disturbs an idle thread. */
void pool_expect_delay(struct pool_worker *worker)
{
    if (!worker->nudge.runs)
        set_nudge(&worker->nudge, NUDGE_NS);
}

static void nudged(int signal)
{
    (void)signal;
}

static void begin(struct pool_worker *worker)
{
    struct pool *pool = &worker->fwmarkd->pool;
    uint64_t now = pool_now_ns();

    atomic_store(&worker->busy_since_ns, now);
    if (!atomic_exchange(&pool->watched, true))
        pool_set_timer(pool->watch, now + REPLACE_NS);
}

static void work(struct pool_worker *worker)
{
    struct fwmarkd *fwmarkd = worker->fwmarkd;
    struct epoll_event event;

    while (!atomic_load(&worker->replaced) && !atomic_load(&fwmarkd->stopping)) {
        int count = epoll_wait(fwmarkd->epoll, &event, 1, -1);
        if (count <= 0) {
            if (worker->nudge.runs)
                set_nudge(&worker->nudge, 0);
            continue;
        }
        begin(worker);
        serve_event(worker, event.data.u64);
        atomic_store(&worker->busy_since_ns, 0);
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

    make_nudge(&worker->nudge);
    work(worker);
    end_nudge(&worker->nudge);
    pthread_mutex_lock(&fwmarkd->lock);
    if (!atomic_load(&worker->replaced))
        fwmarkd->pool.serving--;
    worker->fwmarkd = NULL;
    end_thread(fwmarkd);
    pthread_mutex_unlock(&fwmarkd->lock);
    return NULL;
}

static void *close_thread(void *data)
{
    struct pool_closer *closer = data;
    struct fwmarkd *fwmarkd = closer->fwmarkd;
    struct pool_nudge nudge;

    make_nudge(&nudge);
    set_nudge(&nudge, NUDGE_NS);
    fd_close(closer->fd);
    end_nudge(&nudge);
    pthread_mutex_lock(&fwmarkd->lock);
    serve_end_turn(fwmarkd, closer->user);
    closer->fwmarkd = NULL;
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

/* Under the lock: until there are enough. */
static int fill(struct fwmarkd *fwmarkd)
{
    struct pool *pool = &fwmarkd->pool;
    int r = 0;

    for (size_t i = 0; i < POOL_WORKERS && pool->serving < POOL_SERVING && r == 0; i++) {
        struct pool_worker *worker = &pool->workers[i];
        if (worker->fwmarkd)
            continue;
        *worker = (struct pool_worker){.fwmarkd = fwmarkd};
        r = start_thread(fwmarkd, work_thread, worker);
        if (r == 0)
            pool->serving++;
        else
            worker->fwmarkd = NULL;
    }
    return r;
}

void pool_init(struct pool *pool)
{
    pthread_condattr_t attr;

    pool->watch = -1;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->ended, &attr);
    pthread_condattr_destroy(&attr);
}

void pool_done(struct pool *pool)
{
    pthread_cond_destroy(&pool->ended);
    pool->watch = fd_close(pool->watch);
}

int pool_start(struct fwmarkd *fwmarkd)
{
    const struct sigaction nothing = {.sa_handler = nudged};
    struct pool *pool = &fwmarkd->pool;

    sigaction(NUDGE_SIGNAL, &nothing, NULL);
    pool->watch = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (pool->watch < 0)
        return -errno;
    pthread_mutex_lock(&fwmarkd->lock);
    int r = fill(fwmarkd);
    pthread_mutex_unlock(&fwmarkd->lock);
    return r;
}

bool pool_stop(struct fwmarkd *fwmarkd, uint64_t timeout_ns)
{
    uint64_t until = pool_now_ns() + timeout_ns;
    const struct timespec end = {until / NS_PER_SEC, until % NS_PER_SEC};
    struct pool *pool = &fwmarkd->pool;
    int r = 0;

    pthread_mutex_lock(&fwmarkd->lock);
    while (pool->threads > 0 && r == 0)
        r = pthread_cond_timedwait(&pool->ended, &fwmarkd->lock, &end);
    bool all = pool->threads == 0;
    pthread_mutex_unlock(&fwmarkd->lock);
    return all;
}

/* Under the lock. Is anybody busy? */
static bool replace_late(struct pool *pool, uint64_t now)
{
    bool busy = false;

    for (size_t i = 0; i < POOL_WORKERS; i++) {
        struct pool_worker *worker = &pool->workers[i];
        uint64_t since = atomic_load(&worker->busy_since_ns);
        if (!worker->fwmarkd || since == 0 || atomic_load(&worker->replaced))
            continue;
        busy = true;
        if (now > since + REPLACE_NS) {
            atomic_store(&worker->replaced, true);
            pool->serving--;
        }
    }
    return busy;
}

void pool_watch(struct fwmarkd *fwmarkd)
{
    struct pool *pool = &fwmarkd->pool;
    uint64_t now = pool_now_ns(), ticks;

    if (read(pool->watch, &ticks, sizeof(ticks)) < 0)
        return;
    atomic_store(&pool->watched, false);
    pthread_mutex_lock(&fwmarkd->lock);
    bool busy = replace_late(pool, now);
    fill(fwmarkd);
    serve_give_up(fwmarkd, now);
    /* Closers are at work, or a thread could not be had: look again. */
    busy = busy || pool->serving < POOL_SERVING || pool->threads > pool->serving;
    pthread_mutex_unlock(&fwmarkd->lock);
    if (busy && !atomic_exchange(&pool->watched, true))
        pool_set_timer(pool->watch, now + REPLACE_NS);
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
        *closer = (struct pool_closer){fwmarkd, fd, user};
        r = start_thread(fwmarkd, close_thread, closer);
        if (r < 0)
            closer->fwmarkd = NULL;
        break;
    }
    pthread_mutex_unlock(&fwmarkd->lock);
    return r == 0;
}
