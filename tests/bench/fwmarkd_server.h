/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The least that a server of fwmarkd's protocol can do, in one thread: ask who connects, take a message with its
 * descriptor, answer 0, close.
 */
#pragma once

#include <sys/types.h>

struct fwmarkd_server {
    pid_t pid; /* 0: none */
    char path[96];
};

/* Listening when this returns; anybody may connect. Negative errno. */
int fwmarkd_server_start(struct fwmarkd_server *server, const char *folder);
void fwmarkd_server_end(struct fwmarkd_server *server);
