/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The life of a connection: accepted, served or put aside, answered, closed. */
#pragma once

#include "server.h"

/* For a whole message, from when the connection was accepted. */
#define SERVE_PATIENCE_NS UINT64_C(5000000000)

/* Wait for a connection. -1: there is none, for want of room, or since a signal came. */
int serve_accept(struct server *server);
/* Serve one that was accepted just now. */
void serve_new(struct server *server, int connection, uint64_t now_ns);
/* What epoll told one thread. */
void serve_event(struct server *server, uint64_t event);

/* A turn of the user ends; whoever waited for one is looked at. */
void serve_end_turn(struct server *server, uid_t user);

/* Under the lock: who waits for a turn of a user whose turns do not end is answered. */
void serve_give_up(struct server *server, uint64_t now_ns);
