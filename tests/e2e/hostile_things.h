/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Descriptors that hurt who closes them, or are at least no socket one can tag. For actors: nothing asserts. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * A TCP socket whose last close waits for a minute: it lingers over bytes that nobody will read. listener is one of
 * lingering_listener(), in the same namespace; when that is closed the waiting ends. -errno.
 */
int lingering_socket(int listener);
/* Room for count lingering sockets. -errno. */
int lingering_listener(int count);
/* A connection to the listener on which nothing was sent, to be closed like any other. -errno. */
int connected_socket(int listener);
/* As many lingering ones as fds has room for; on failure what was made is closed. */
int lingering_sockets(int listener, int *fds, size_t count);

/* From here on a signal each millisecond ends what lingering makes this process wait for; other calls go on. */
void waiting_cut_short(bool on);
/* Close one's own, without the waiting where trafficd has closed its own before. */
void close_lingering(int *fds, size_t count);

/* One end of an AF_UNIX pair that has been sent to the other end, and the other to it: a ring of descriptors. -errno.
 */
int unix_ring(void);
/* An AF_UNIX socket with a full queue, in which count descriptors are. They stay the caller's. -errno. */
int unix_full(const int *fds, size_t count);

/* Everything else: the name of one and how it is made. Returns -errno where the kernel lacks it. */
struct thing {
    const char *name;
    int (*make)(void);
    int reply; /* to TAG of it */
};
extern const struct thing things[];
extern const size_t things_count;
