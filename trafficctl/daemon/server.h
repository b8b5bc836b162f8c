/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The process that serves fwmarkd's clients, and what its threads share. It is a process of its own since a descriptor
 * that a peer sent may hold up a thread for ever: trafficd stops all the same, and puts another one in the place of one
 * that is full of such threads.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <tags.h>

#include "kept.h"
#include "peer.h"
#include "pool.h"
#include "turns.h"
#include "waiting.h"

/* What trafficd tells it, over a socket that keeps messages apart. The socket's end means SERVER_STOP. */
struct server_order {
    enum server_order_kind {
        SERVER_RIGHTS, /* who may account from now on */
        SERVER_STOP,   /* whoever waits is answered -ESHUTDOWN */
        SERVER_RETIRE, /* another one accepts: this one ends when nobody waits any more */
    } kind;
    struct peer_rights rights;
};

/* What it tells trafficd. */
struct server_word {
    enum server_word_kind {
        SERVER_READY,
        SERVER_FAILED, /* with a fault; it ends */
        SERVER_OBEYS,  /* the rights hold */
        SERVER_FULL,   /* another one should take over */
        SERVER_DONE,   /* it serves no more */
    } kind;
    int error;
    struct fault fault;
};

/*
 * The process, after a fork: listener and control are its only descriptors, but for the standard ones. has_tags: there
 * are maps to tag sockets in; else whatever would write there is answered -EOPNOTSUPP.
 */
__attribute__((noreturn)) void server_main(const struct settings *settings, bool has_tags, int listener, int control);

/* The event of the timer; others are keys of waiting connections, which are larger. */
#define SERVER_DEADLINE 0

struct server {
    int listener, control, epoll;
    int deadline; /* timer: somebody has waited too long */
    atomic_bool accepts_no_more, stopping;
    char bpffs[SETTINGS_STRING_LEN];
    bool has_tags; /* else tags and folding, which are maps, are not there */
    struct tags tags;
    struct tags_limit limit;
    struct peer_folding folding;

    pthread_mutex_t lock; /* of all below */
    struct waiting waiting;
    struct turns turns;
    struct peer_rights rights;
    bool deadline_runs;
    unsigned int short_of_room; /* threads that cannot accept for want of descriptors or memory */
    pthread_cond_t room;        /* a connection has ended */
    struct kept kept;
    struct pool pool;
};

/* May be called by any thread. */
void server_say(const struct server *server, enum server_word_kind kind);
