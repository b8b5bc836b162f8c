/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The threads of fwmarkd: those that serve, and those that close what may take for ever. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* Threads that serve. */
#define POOL_SERVING 8
/* The same and those they replace. */
#define POOL_WORKERS 64
#define POOL_CLOSERS 64

struct fwmarkd;

/* A timer that ends what a thread waits for, as far as a signal can. */
struct pool_nudge {
    timer_t timer;
    bool is_there, runs;
};

struct pool_worker {
    struct fwmarkd *fwmarkd; /* NULL: a free place */
    struct pool_nudge nudge;
    _Atomic uint64_t busy_since_ns; /* 0: it waits for events */
    atomic_bool replaced;           /* another one does its work: it ends when it can */
};

struct pool_closer {
    struct fwmarkd *fwmarkd; /* NULL: a free place */
    int fd;
    uid_t user; /* whose turn it takes */
};

/* Under the lock of struct fwmarkd. */
struct pool {
    struct pool_worker workers[POOL_WORKERS];
    struct pool_closer closers[POOL_CLOSERS];
    unsigned int serving; /* workers that are not replaced */
    unsigned int threads; /* all that run */
    pthread_cond_t ended; /* of one of them */
    int watch;            /* timer: look after those that are busy */
    atomic_bool watched;  /* it runs */
};

/* CLOCK_MONOTONIC. */
uint64_t pool_now_ns(void);
/* Set a timer to one moment of it. */
void pool_set_timer(int timer, uint64_t when_ns);

void pool_init(struct pool *pool);
/* After the last thread's end. */
void pool_done(struct pool *pool);

/* -EAGAIN, -ENOMEM: no thread, or no timer; those that run go on until pool_stop(). */
int pool_start(struct fwmarkd *fwmarkd);
/* The threads were told. False: not all have ended in time. */
bool pool_stop(struct fwmarkd *fwmarkd, uint64_t timeout_ns);
/* Replace those that are busy for too long, and let nobody wait for a turn of a user whose turns do not end. */
void pool_watch(struct fwmarkd *fwmarkd);

/* The next call may wait on what a peer prepared: a signal ends that after a moment. */
void pool_expect_delay(struct pool_worker *worker);

/*
 * Close what nobody knows how long it takes, in a thread of its own. The turn that the caller has for user becomes its
 * turn. False: no thread can be had, nothing was done.
 */
bool pool_close_apart(struct fwmarkd *fwmarkd, int fd, uid_t user);
