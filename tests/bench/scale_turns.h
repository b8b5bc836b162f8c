/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Sockets of many UIDs that send in turn. */
#pragma once

#include "candidates.h"
#include "world.h"

#define TURNS_UIDS 10000

struct turns {
    int fds[TURNS_UIDS]; /* number i is of UID APP + i */
    int sink;            /* what all of them send to */
};

/* None is open; for turns_close(). */
void turns_init(struct turns *turns);
/* 0 or negative errno; end it in any case. */
int turns_open(struct world *world, struct turns *turns);
void turns_close(struct turns *turns);

/*
 * ns per run of the outgoing program while the first uids of them send so many packets each, then again ..., for the
 * time that a stored answer lives. -1 and a message: it was not so, or not all is counted.
 */
double turns_run(struct world *world, const struct turns *turns, const struct competitor *competitor, unsigned uids,
                 unsigned packets);

/* The same without a look at any program: CPU time of all that the kernel does for a packet, sent and taken. */
double turns_time(const struct turns *turns, unsigned uids);
