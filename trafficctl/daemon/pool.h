/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The threads of fwmarkd: those that serve, those that close what may take for ever, and one that watches over them: it
 * sends a signal to who waits on what a peer prepared, and starts another thread for who cannot be woken.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* What a worker waits for: a new connection, or a word from one that waits. */
enum pool_task {
    POOL_ACCEPT,
    POOL_WAITING,
    POOL_TASKS,
};

/* Those that work, and those they replace. */
#define POOL_WORKERS 128
#define POOL_CLOSERS 64

struct server;

/* What the watching thread knows of another one. */
struct pool_watched {
    atomic_int thread;         /* its number; 0: it is not there yet, or no more */
    _Atomic uint64_t since_ns; /* it is at one thing since then; 0: it waits for events */
    uint64_t asked_ns;         /* since_ns of what it was asked about last ... */
    unsigned long sleeps;      /* ... and how often it had slept then */
};

struct pool_worker {
    struct server *server; /* NULL: a free place */
    enum pool_task task;
    struct pool_watched watched;
    atomic_bool accepts;  /* it is one of those who accept at this time */
    atomic_bool replaced; /* another one does its work: it ends when it can */
};

struct pool_closer {
    struct server *server; /* NULL: a free place */
    struct pool_watched watched;
    int fd;
    uid_t user; /* whose turn it takes */
};

/* Under the lock of struct server, but for what is atomic. */
struct pool {
    struct pool_worker workers[POOL_WORKERS];
    struct pool_closer closers[POOL_CLOSERS];
    unsigned int workers_at[POOL_TASKS]; /* but for those that are replaced */
    atomic_uint accepting;               /* workers that accept at this time */
    atomic_uint may_accept;              /* how many of them should */
    pthread_cond_t relief;               /* there is room for another one */
    atomic_uint threads;                 /* all that run */
    pthread_cond_t ended;                /* of one of them */
    int wake;                            /* eventfd: there is something to watch, or the end */
    atomic_bool is_watched;              /* nobody has to say so */
};

/* CLOCK_MONOTONIC. */
uint64_t pool_now_ns(void);
/* Any such time, as system calls want it. */
struct timespec pool_timespec(uint64_t ns);

/* A condition whose timeouts are moments of that clock. */
void pool_init_cond(pthread_cond_t *condition);

void pool_init(struct pool *pool);

/* -EAGAIN, -ENOMEM: no thread; those that run go on until pool_stop(). */
int pool_start(struct server *server);
/* No thread waits in accept() any more, if none is held up. Those who wait are served. */
void pool_stop_accepting(struct server *server);
/* Those threads that are not held up have ended. */
void pool_stop(struct server *server);

/* The worker, if it accepts, is held up: another one accepts in its place, and it waits for its turn when it is done.
 */
void pool_relieve(struct pool_worker *worker);
/*
 * How many accept at a time: one in calm, since more would only keep each other from the lock of tags; all while peers
 * hold them up.
 */
void pool_set_alarm(struct server *server, bool alarm);

/*
 * Start a thread for each worker that is at one thing since before that moment, and let nobody wait for a turn of a
 * user whose turns do not end. False: not all workers are there, for want of memory.
 */
bool pool_replace(struct server *server, uint64_t before_ns);

/*
 * Close what nobody knows how long it takes, in a thread of its own. The turn that the caller has for user becomes its
 * turn. False: no thread can be had, nothing was done.
 */
bool pool_close_apart(struct server *server, int fd, uid_t user);
