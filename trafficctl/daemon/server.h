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

/* Events: these, and the keys of waiting connections, which are larger. */
enum server_event {
    SERVER_ACCEPT,
    SERVER_DEADLINE,
    SERVER_STOP,
};

struct fwmarkd {
    struct listener listener;
    int epoll;
    int deadline; /* timer: somebody has waited too long, or accepting goes on */
    int stop;     /* eventfd */
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
    bool paused; /* nobody is accepted: descriptors or memory are short */
    struct pool pool;
};
