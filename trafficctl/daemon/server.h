/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the threads of fwmarkd share. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "fwmarkd.h"
#include "listener.h"
#include "pool.h"
#include "turns.h"
#include "waiting.h"

/* The event of the timer; others are keys of waiting connections, which are larger. */
#define SERVER_DEADLINE 0

struct fwmarkd {
    struct listener listener;
    int epoll;
    int deadline; /* timer: somebody has waited too long */
    atomic_bool stopping;
    char bpffs[SETTINGS_STRING_LEN];
    struct tags *tags;
    struct tags_limit limit;
    struct peer_folding folding;

    pthread_mutex_t lock; /* of all below */
    struct waiting waiting;
    struct turns turns;
    struct peer_rights rights;
    bool deadline_runs;
    unsigned int short_of_room; /* threads that cannot accept for want of descriptors or memory */
    pthread_cond_t room;        /* a connection has ended */
    struct pool pool;
};
