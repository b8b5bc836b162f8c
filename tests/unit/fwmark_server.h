/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * A server of netd's fwmarkd protocol that does to its clients what a script says, in a thread of the test. Nothing is
 * asserted in that thread: it notes what came, and the test looks when the server has ended.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "fwmark.h"

struct server;

/* What is done with one connection; it is closed afterwards. */
typedef void (*server_script_fn)(struct server *server, int peer);

struct server {
    server_script_fn script;
    int32_t reply; /* for the scripts that answer */
    char folder[32];
    char path[48];
    int listener;
    int stop; /* eventfd */
    pthread_t thread;
    bool running;
    /* what came last */
    unsigned connections;
    ssize_t length; /* bytes of the first message */
    size_t descriptors;
    ino_t inode; /* of the one descriptor that came in it */
    struct fwmark_command command;
};

/* A listening socket, and if there is a script a thread that runs it for each connection. Asserts. */
void server_start(struct server *server, server_script_fn script, int32_t reply);
/* Removes everything. May be called twice. */
void server_end(struct server *server);

/* Read one message and note it. */
void server_take(struct server *server, int peer);
/* Wait until the client has gone, at most so many ms (-1: for ever). False: it is still there. */
bool server_client_gone(int peer, int ms);

/* Take a request, send server->reply. */
void server_answers(struct server *server, int peer);
