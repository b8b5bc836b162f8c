/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Whether the maps are still those that were opened: a start may replace them by larger ones. */
#pragma once

#include <stdint.h>

/* trafficctl/interfaces for the calls below; *ret_fd -1 where there is none. Errors of pins_open_map(). */
int moves_open(const char *bpffs, int *ret_fd);

/* How often counters have begun or ended to move; odd: they are on their way. 0 for fd -1. errno of bpf(2). */
int moves_read(int fd, uint64_t *ret_moves);

/*
 * The same once they are not on their way. -EBUSY: they still are after 5 seconds; the start that moves them was killed
 * or is stopped.
 */
int moves_wait(int fd, uint64_t *ret_moves);
