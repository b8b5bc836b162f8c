/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "generation.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

int generation_raise(int map_fd)
{
    uint64_t *generation = mmap(NULL, sizeof(*generation), PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
    if (generation == MAP_FAILED)
        return -errno;
    /* Look-up, add one, update goes backwards when two writers do it. */
    __atomic_fetch_add(generation, 1, __ATOMIC_SEQ_CST);
    munmap(generation, sizeof(*generation));
    return 0;
}
