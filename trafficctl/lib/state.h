/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* trafficctl/state as memory. */
#pragma once

#include <stdbool.h>

#include <traffic_abi.h>

/* Map the state; end with state_unmap(). map_fd: the map PIN_STATE; it may be closed then. -errno of mmap. */
int state_map(int map_fd, bool writable, struct tctl_state **ret_state);

/* NULL is fine. Always returns NULL. */
struct tctl_state *state_unmap(struct tctl_state *state);
