/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "read.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

/* The kernel's own number for "this map type cannot"; it never became a name in errno.h. */
#define KERNEL_ENOTSUPP 524

/*
 * A call costs more than hundreds of rows, so all rows are asked for at once where they fit here. The kernel wants room
 * for its fullest bucket at least, which is small.
 */
#define BATCH_BYTES (8u << 20)
#define LEAST_BATCH 512u

#define FIRST_KEYS 512

/* A key listed this often on average means that deletions keep sending the listing back to its start. */
#define MAX_LISTINGS 16

bool read_has_no_batches(int err)
{
    return err == -KERNEL_ENOTSUPP || err == -EINVAL;
}

const struct read_calls read_kernel = {
    .look_up_batch = bpf_map_lookup_batch,
    .next_key = bpf_map_get_next_key,
    .look_up = bpf_map_lookup_elem,
};

static bool is_percpu(uint32_t type)
{
    return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_LRU_PERCPU_HASH ||
           type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

int read_shape_of(int fd, struct read_shape *ret_shape)
{
    struct bpf_map_info info = {0};
    uint32_t length = sizeof(info);
    int r = bpf_obj_get_info_by_fd(fd, &info, &length);
    if (r < 0)
        return r;

    int cpus = is_percpu(info.type) ? libbpf_num_possible_cpus() : 1;
    if (cpus < 0)
        return cpus;
    /* The kernel pads the value of each CPU to eight bytes. */
    uint32_t value_size = is_percpu(info.type) ? (info.value_size + 7) / 8 * 8 * (uint32_t)cpus : info.value_size;
    *ret_shape = (struct read_shape){
        .key_size = info.key_size,
        .value_size = value_size,
        .cpus = (uint32_t)cpus,
        .max_entries = info.max_entries,
    };
    return 0;
}

void read_memory_done(struct read_memory *memory)
{
    free(memory->bytes);
}

/* In the memory of somebody else. */
struct batch {
    unsigned char *keys;
    unsigned char *values;
    uint32_t room; /* rows */
};

/* What was in the batch is lost. */
static int batch_make(struct batch *batch, struct read_memory *memory, const struct read_shape *shape, uint32_t room)
{
    size_t keys_size = ((size_t)room * shape->key_size + 7) / 8 * 8; /* values are words */
    size_t size = keys_size + (size_t)room * shape->value_size;
    if (size > memory->size) {
        free(memory->bytes);
        memory->bytes = malloc(size);
        memory->size = memory->bytes ? size : 0;
    }
    if (!memory->bytes)
        return -ENOMEM;
    *batch = (struct batch){.keys = memory->bytes, .values = (unsigned char *)memory->bytes + keys_size, .room = room};
    return 0;
}

static uint32_t first_room(const struct read_shape *shape)
{
    uint32_t room = BATCH_BYTES / (shape->key_size + shape->value_size);
    room = room > LEAST_BATCH ? room : LEAST_BATCH;
    return room < shape->max_entries ? room : shape->max_entries;
}

/* -EOPNOTSUPP: no batches here; nothing was given to rows(). */
static int read_in_batches(const struct read_calls *calls, int fd, const struct read_shape *shape,
                           struct read_memory *memory, read_rows_fn rows, void *context)
{
    struct batch batch;
    int r = batch_make(&batch, memory, shape, first_room(shape));
    if (r < 0)
        return r;

    uint32_t at = 0, next = 0;
    for (bool first = true;;) {
        uint32_t count = batch.room;
        int end = calls->look_up_batch(fd, first ? NULL : &at, &next, batch.keys, batch.values, &count, NULL);
        if (end == -ENOSPC) {
            r = batch_make(&batch, memory, shape, batch.room * 2);
            if (r < 0)
                return r;
            continue;
        }
        if (first && read_has_no_batches(end))
            return -EOPNOTSUPP;
        if (end < 0 && end != -ENOENT)
            return end;

        r = rows(context, batch.keys, batch.values, count);
        if (r < 0 || end == -ENOENT)
            return r;
        at = next;
        first = false;
    }
}

struct keys {
    unsigned char *bytes;
    size_t count;
    size_t room;
};

static void keys_done(struct keys *keys)
{
    free(keys->bytes);
}

static int keys_reserve_one(struct keys *keys, uint32_t key_size)
{
    if (keys->count < keys->room)
        return 0;
    size_t room = keys->room ? keys->room * 2 : FIRST_KEYS;
    unsigned char *bytes = reallocarray(keys->bytes, room, key_size);
    if (!bytes)
        return -ENOMEM;
    keys->bytes = bytes;
    keys->room = room;
    return 0;
}

static int compare_keys(const void *a, const void *b, void *key_size)
{
    return memcmp(a, b, *(const uint32_t *)key_size);
}

/* List the keys. One that is deleted while it is the current key sends the kernel back to its first, so keys repeat. */
static int list_keys(const struct read_calls *calls, int fd, const struct read_shape *shape, struct keys *keys)
{
    for (;;) {
        int r = keys_reserve_one(keys, shape->key_size);
        if (r < 0)
            return r;
        unsigned char *next = keys->bytes + keys->count * shape->key_size;
        r = calls->next_key(fd, keys->count ? next - shape->key_size : NULL, next);
        if (r == -ENOENT)
            return 0;
        if (r < 0)
            return r;
        keys->count++;
        if (keys->count / MAX_LISTINGS > shape->max_entries)
            return -EAGAIN;
    }
}

static int read_by_key(const struct read_calls *calls, int fd, const struct read_shape *shape, read_rows_fn rows,
                       void *context)
{
    _cleanup_(keys_done) struct keys keys = {0};
    _cleanup_free_ void *value = calloc(1, shape->value_size);
    if (!value)
        return -ENOMEM;
    int r = list_keys(calls, fd, shape, &keys);
    if (r < 0)
        return r;

    uint32_t size = shape->key_size;
    qsort_r(keys.bytes, keys.count, size, compare_keys, &size);
    for (size_t i = 0; i < keys.count; i++) {
        const unsigned char *key = keys.bytes + i * size;
        if (i > 0 && memcmp(key - size, key, size) == 0)
            continue;
        r = calls->look_up(fd, key, value);
        if (r == -ENOENT)
            continue; /* deleted since it was listed */
        if (r == 0)
            r = rows(context, key, value, 1);
        if (r < 0)
            return r;
    }
    return 0;
}

int read_map_rows(const struct read_calls *calls, int fd, const struct read_shape *shape, struct read_memory *memory,
                  read_rows_fn rows, void *context)
{
    int r = read_in_batches(calls, fd, shape, memory, rows, context);
    return r == -EOPNOTSUPP ? read_by_key(calls, fd, shape, rows, context) : r;
}

struct one_by_one {
    const struct read_shape *shape;
    read_row_fn row;
    void *context;
};

static int give_one_by_one(void *context, const void *keys, const void *values, uint32_t count)
{
    const struct one_by_one *to = context;
    const struct read_shape *shape = to->shape;
    int r = 0;
    for (size_t i = 0; i < count && r >= 0; i++)
        r = to->row(to->context, (const char *)keys + i * shape->key_size,
                    (const char *)values + i * shape->value_size);
    return r < 0 ? r : 0;
}

int read_map(const struct read_calls *calls, int fd, const struct read_shape *shape, read_row_fn row, void *context)
{
    _cleanup_(read_memory_done) struct read_memory memory = {0};
    struct one_by_one to = {.shape = shape, .row = row, .context = context};
    return read_map_rows(calls, fd, shape, &memory, give_one_by_one, &to);
}
