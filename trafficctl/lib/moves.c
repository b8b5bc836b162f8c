/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "moves.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <time.h>

#include "locks.h"
#include "pins.h"

#define STEP_NS 1000000

int moves_open(const char *bpffs, int *ret_fd)
{
    int r = pins_open_map(bpffs, PIN_INTERFACES, false, ret_fd);
    return r == -ENOENT ? 0 : r;
}

int moves_read(int fd, uint64_t *ret_moves)
{
    const __u32 entry = 0;
    struct tctl_interfaces page = {0};
    int r = fd < 0 ? 0 : bpf_map_lookup_elem(fd, &entry, &page);
    *ret_moves = page.moves;
    return r;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int moves_wait(int fd, uint64_t *ret_moves)
{
    const struct timespec step = {.tv_nsec = STEP_NS};
    uint64_t begin_ms = 0;
    for (;;) {
        int r = moves_read(fd, ret_moves);
        if (r < 0 || *ret_moves % 2 == 0)
            return r;
        begin_ms = begin_ms ?: now_ms();
        if (now_ms() - begin_ms >= LOCKS_PATIENCE_MS)
            return -EBUSY;
        nanosleep(&step, NULL);
    }
}
