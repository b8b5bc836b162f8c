/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The thread of the pool that watches over the others. */
#pragma once

#include "server.h"

/* Signals are sent by it to threads that have asked for them. */
void watch_prepare(void);
/* The calling thread may be woken from now on. */
void watch_accept_nudges(struct pool_watched *watched);

void watch_nudge(const struct pool_watched *watched);

/* The calling thread has something to do since now_ns. */
void watch_begin(struct pool *pool, struct pool_watched *watched, uint64_t now_ns);
void watch_end(struct pool_watched *watched);

/* Until the stop. */
void watch_all(struct server *server);
