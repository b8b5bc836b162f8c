/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "state.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

int state_map(int map_fd, bool writable, struct tctl_state **ret_state)
{
    int access = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    struct tctl_state *state = mmap(NULL, sizeof(*state), access, MAP_SHARED, map_fd, 0);
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
