/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "hot_change.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

#include "cleanup.h"
#include "fd.h"
#include "pins.h"
#include "read.h"

int hot_map(const char *bpffs, struct hot_pages *ret_pages)
{
    _cleanup_fd_ int fd = -1;
    struct read_shape shape;
    *ret_pages = (struct hot_pages){0};
    int r = pins_open_map(bpffs, PIN_HOT, true, &fd);
    if (r == 0)
        r = read_shape_of(fd, &shape);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    void *pages = mmap(NULL, shape.max_entries * sizeof(struct tctl_hot), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (pages == MAP_FAILED)
        return -errno;
    *ret_pages = (struct hot_pages){.cpu = pages, .cpus = shape.max_entries};
    return 0;
}

void hot_unmap(struct hot_pages *pages)
{
    if (pages->cpu)
        munmap(pages->cpu, pages->cpus * sizeof(*pages->cpu));
    *pages = (struct hot_pages){0};
}

static bool counts(const struct tctl_hot_row *row)
{
    const uint64_t used = __atomic_load_n(&row->used, __ATOMIC_ACQUIRE);
    return used == TCTL_HOT_ONCE || used == TCTL_HOT_AGAIN;
}

int hot_change(const struct hot_pages *pages, hot_change_fn fn, void *context)
{
    int r = 0;
    for (uint32_t cpu = 0; cpu < pages->cpus; cpu++)
        for (size_t i = 0; i < TCTL_HOT_ROWS && r >= 0; i++)
            if (counts(&pages->cpu[cpu].row[i]))
                r = fn(context, &pages->cpu[cpu].row[i]);
    return r < 0 ? r : 0;
}

void hot_end(struct tctl_hot_row *row)
{
    __atomic_store_n(&row->used, TCTL_HOT_ENDED, __ATOMIC_RELEASE);
}

void hot_untag(struct tctl_hot_row *row)
{
    __atomic_store_n(&row->key.tag, 0, __ATOMIC_RELEASE);
}

/* The place may become another key's at this moment, but none of the interface that is gone. */
void hot_rename(struct tctl_hot_row *row, uint32_t from, uint32_t to)
{
    __atomic_compare_exchange_n(&row->key.iface_index, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}
