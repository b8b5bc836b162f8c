/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* trafficctl/state: memory for who writes it, a copy for who only reads. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <traffic_abi.h>

/*
 * Map the state; end with state_unmap(). map_fd: the map PIN_STATE, opened writable (the kernel maps it shared only,
 * which it refuses for a read-only descriptor); it may be closed then. -errno of mmap.
 */
int state_map(int map_fd, struct tctl_state **ret_state);

/* NULL is fine. Always returns NULL. */
struct tctl_state *state_unmap(struct tctl_state *state);

/* The state now. map_fd: the map PIN_STATE. Errno of bpf(2). */
int state_read(int map_fd, struct tctl_state *ret_state);

/* The same of what is pinned below bpffs. Errors of pins_open_map() too. */
int state_read_pinned(const char *bpffs, struct tctl_state *ret_state);

/* The version of the layout that this kind of counters has. */
static inline uint32_t state_version(bool percpu)
{
    return percpu ? TCTL_ABI_VERSION_PERCPU : TCTL_ABI_VERSION;
}

/* Is what is pinned below bpffs of its kind's version? -EPROTO: no; errors as above. */
int state_check_version(const char *bpffs);
