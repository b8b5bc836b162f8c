/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* trafficd in a world, as a user has it. */
#pragma once

#include <stddef.h>

#include "world.h"

/*
 * Started, with the sockets tagged. users: all chains are on, with so many on each list; APP passes and
 * TRAFFIC_DENIED does not. 0: none is. Negative errno.
 */
int traffic_daemon_start(struct world *world, unsigned users, const int *sockets, size_t count);

/* At least so many packets each way under the tag; with netfilter at the interface too. -ENODATA: they are not there.
 */
int traffic_daemon_check(struct world *world, unsigned packets);
