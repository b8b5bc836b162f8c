/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Every row of a hash map, while others write it: no row that stays is missed or doubled. Only reads.
 */
#pragma once

#include <bpf/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the kernel is asked; a test gives a map of its own. Signatures and errors are libbpf's. */
struct read_calls {
    int (*look_up_batch)(int fd, void *in_batch, void *out_batch, void *keys, void *values, __u32 *count,
                         const struct bpf_map_batch_opts *options);
    int (*next_key)(int fd, const void *key, void *next_key);
    int (*look_up)(int fd, const void *key, void *value);
};
extern const struct read_calls read_kernel;

struct read_shape {
    uint32_t key_size;
    uint32_t value_size; /* as look-ups return it: the values of all possible CPUs in a per-CPU map */
    uint32_t cpus;       /* values in one value: 1 unless the map is per-CPU */
    uint32_t max_entries;
};

/* What the kernel says of a map. -EINVAL: not a map; errno of bpf(2) or of reading the possible CPUs. */
int read_shape_of(int fd, struct read_shape *ret_shape);

/* Is this error of a batch command of bpf(2) one of a kernel, or a kind of map, that has no batches? */
bool read_has_no_batches(int err);

/* Takes a row; key and value are valid during the call only. A negative return ends the reading. */
typedef int (*read_row_fn)(void *context, const void *key, const void *value);

/* Room for rows as the kernel gives them. Who reads again keeps it: fresh pages cost more than the rows in them. */
struct read_memory {
    void *bytes; /* owned; free by read_memory_done() */
    size_t size;
};

void read_memory_done(struct read_memory *memory);

/* Takes many rows: keys one after the other, and values. As read_row_fn. */
typedef int (*read_rows_fn)(void *context, const void *keys, const void *values, uint32_t count);

/*
 * Give every row to rows(), in no order; in batches, or key by key where the kernel has none. -EAGAIN: keys were
 * deleted faster than they could be listed (key by key only); -ENOMEM; errno of bpf(2); what rows() returned.
 */
int read_map_rows(const struct read_calls *calls, int fd, const struct read_shape *shape, struct read_memory *memory,
                  read_rows_fn rows, void *context);

/* The same row by row, in memory of its own. */
int read_map(const struct read_calls *calls, int fd, const struct read_shape *shape, read_row_fn row, void *context);
