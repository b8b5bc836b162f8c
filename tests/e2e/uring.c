/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "uring.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fd.h"

#define RING_BYTES 4096

/* Both rings are one mapping (IORING_FEAT_SINGLE_MMAP, Linux 5.4); the operation is the first of its array. */
static int submit(int fd, const struct io_uring_params *params, uint8_t *rings, struct io_uring_sqe *first,
                  const struct io_uring_sqe *operation)
{
    uint32_t *tail = (uint32_t *)(rings + params->sq_off.tail), *array = (uint32_t *)(rings + params->sq_off.array);
    const struct io_uring_cqe *done = (struct io_uring_cqe *)(rings + params->cq_off.cqes);

    *first = *operation;
    array[0] = 0;
    __atomic_store_n(tail, 1, __ATOMIC_RELEASE);
    if (syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
        return -errno;
    return __atomic_load_n(&done->res, __ATOMIC_ACQUIRE);
}

int uring_do(const struct io_uring_sqe *operation)
{
    struct io_uring_params params = {0};
    _cleanup_fd_ int fd = (int)syscall(SYS_io_uring_setup, 1, &params);
    const int protection = PROT_READ | PROT_WRITE, flags = MAP_SHARED | MAP_POPULATE;
    void *rings, *entries;
    int r;

    if (fd < 0)
        return -errno;
    rings = mmap(NULL, RING_BYTES, protection, flags, fd, IORING_OFF_SQ_RING);
    if (rings == MAP_FAILED)
        return -errno;
    entries = mmap(NULL, sizeof(*operation), protection, flags, fd, IORING_OFF_SQES);
    r = entries == MAP_FAILED ? -errno : submit(fd, &params, rings, entries, operation);
    if (entries != MAP_FAILED)
        munmap(entries, sizeof(*operation));
    munmap(rings, RING_BYTES);
    return r;
}
