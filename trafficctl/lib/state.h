/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* trafficctl/state: memory for who writes it, a copy for who only reads. A map, or a plain file where nothing is
 * pinned. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

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

/* The version of the layout that this kind of counters has. */
static inline uint32_t state_version(bool percpu)
{
    return percpu ? TCTL_ABI_VERSION_PERCPU : TCTL_ABI_VERSION;
}

/* Is it a plain file below place? Not where there is none, or where it cannot be seen. */
bool state_is_file(const char *place);

/* Make the file, mode 0640 and of this group, or take the one that is there; map it as above. Takes root. -errno. */
int state_make_file(const char *place, gid_t group, struct tctl_state **ret_state);

/* Give it to another group. -errno of lchown(2). */
int state_own_file(const char *place, gid_t group);

/*
 * The same of what is below place, map or file. -EPROTO: a file of another size, but -ENOENT where nothing is in it
 * yet; -errno of open(2) and read(2), errors of pins_open_map().
 */
int state_read_pinned(const char *place, struct tctl_state *ret_state);

/* Is what is pinned below bpffs of its kind's version? -EPROTO: no; errors as above. */
int state_check_version(const char *bpffs);
