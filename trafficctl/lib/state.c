/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "state.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

#include "fd.h"
#include "pins.h"

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

int state_read_pinned(const char *bpffs, struct tctl_state *ret_state)
{
    _cleanup_fd_ int fd = -1;
    int r = pins_open_map(bpffs, PIN_STATE, false, &fd);
    return r < 0 ? r : state_read(fd, ret_state);
}

int state_check_version(const char *bpffs)
{
    struct tctl_state state = {0};
    int r = state_read_pinned(bpffs, &state);
    if (r < 0)
        return r;
    return state.abi_version == state_version(state.percpu) ? 0 : -EPROTO;
}
