/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * UDP on the loopback of a world's A, and programs that are attached to the world's cgroup for as long as they are
 * measured. Functions return 0 or a negative errno.
 */
#pragma once

#include <stdint.h>

#include "candidates.h"
#include "world.h"

#define LO_BURST 64

/* So many sockets of A and of the cgroup, one each of UIDs from first on, in fds; -1 where there is none yet. */
int lo_open(struct world *world, uint32_t first, unsigned count, int *fds);
void lo_close(int *fds, unsigned count);

/* What from sends goes to to; to gets an address if it has none. */
int lo_connect(int from, int to);

/* Each is charged to its own UID, from first on, by a tag. */
int lo_tag(const struct competitor *competitor, const int *fds, unsigned count, uint32_t first);

/* Send so many small packets, LO_BURST at most; take so many; one after the other. */
int lo_send(int from, unsigned packets);
int lo_take(int to, unsigned packets);
int lo_pass(int from, int to, unsigned packets);

/* NULL attaches nothing. */
int lo_attach(struct world *world, const struct competitor *competitor);
void lo_detach(struct world *world, const struct competitor *competitor);
