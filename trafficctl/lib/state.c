/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "state.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

int state_map(int map_fd, struct tctl_state **ret_state)
{
    struct tctl_state *state = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
    if (state == MAP_FAILED)
        return -errno;
    *ret_state = state;
    return 0;
}

struct tctl_state *state_unmap(struct tctl_state *state)
{
    if (state)
        munmap(state, sizeof(*state));
    return NULL;
}

int state_read(int map_fd, struct tctl_state *ret_state)
{
    __u32 entry = 0;
    return bpf_map_lookup_elem(map_fd, &entry, ret_state);
}
