/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "hot_change.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "cleanup.h"
#include "fd.h"
#include "pins.h"
#include "read.h"

int hot_map(const char *bpffs, struct hot_pages *ret_pages)
{
    _cleanup_fd_ int fd = -1;
    struct read_shape shape = {0};
    *ret_pages = (struct hot_pages){0};
    int r = pins_open_map(bpffs, PIN_HOT, true, &fd);
    if (r == 0)
        r = read_shape_of(fd, &shape);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    void *pages = mmap(NULL, shape.max_entries * sizeof(struct tctl_hot), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (pages == MAP_FAILED)
        return -errno;
    *ret_pages = (struct hot_pages){.entry = pages, .entries = shape.max_entries};
    return 0;
}

void hot_unmap(struct hot_pages *pages)
{
    if (pages->entry)
        munmap(pages->entry, pages->entries * sizeof(*pages->entry));
    *pages = (struct hot_pages){0};
}

static struct hot_seen look_at(struct tctl_hot_row *row)
{
    struct hot_seen seen = {.row = row, .used = __atomic_load_n(&row->used, __ATOMIC_ACQUIRE)};
    seen.key = row->key;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return seen;
}

static int change_entry(struct tctl_hot *entry, hot_change_fn fn, void *context)
{
    int r = 0;
    for (size_t i = 0; i < TCTL_HOT_CHUNK && r >= 0; i++) {
        const struct hot_seen seen = look_at(&entry->row[i]);
        if (seen.used & TCTL_HOT_COUNTS)
            r = fn(context, &seen);
    }
    return r;
}

int hot_change(const struct hot_pages *pages, hot_change_fn fn, void *context)
{
    int r = 0;
    for (uint32_t i = 0; i < pages->entries && r >= 0; i++)
        r = change_entry(&pages->entry[i], fn, context);
    return r < 0 ? r : 0;
}

void hot_end(const struct hot_seen *seen)
{
    __u64 used = seen->used, ended = (used & ~(uint64_t)TCTL_HOT_USE) | TCTL_HOT_ENDED;
    __atomic_compare_exchange_n(&seen->row->used, &used, ended, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

_Static_assert(offsetof(struct tctl_stats_key, uid) == 0 && offsetof(struct tctl_stats_key, tag) == 4, "one word");

void hot_untag(const struct hot_seen *seen)
{
    const struct tctl_tag whole = {.uid = seen->key.uid, .tag = seen->key.tag}, none = {.uid = seen->key.uid};
    uint64_t from, to;
    memcpy(&from, &whole, sizeof(from));
    memcpy(&to, &none, sizeof(to));
    __atomic_compare_exchange_n((uint64_t *)(void *)&seen->row->key, &from, to, false, __ATOMIC_SEQ_CST,
                                __ATOMIC_SEQ_CST);
}

void hot_rename(const struct hot_seen *seen, uint32_t iface_index)
{
    uint32_t from = seen->key.iface_index;
    __atomic_compare_exchange_n(&seen->row->key.iface_index, &from, iface_index, false, __ATOMIC_SEQ_CST,
                                __ATOMIC_SEQ_CST);
}
