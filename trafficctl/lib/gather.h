/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Keys of a map's rows, listed before anything is done with them: what changes a map while it is read disturbs reading.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct gather {
    unsigned char *keys; /* owned; free by gather_done() */
    size_t count;
    size_t room;
    uint32_t key_size;
};

/* 1: list this row, 0: do not. A negative return ends it. */
typedef int (*gather_fn)(void *context, const void *key, const void *value);

/* List the keys of a hash map that wanted() wants; NULL: all. End with gather_done(), also after a failure. -ENOMEM,
 * -errno of bpf(2), what wanted() returned. */
int gather_keys(int map_fd, gather_fn wanted, void *context, struct gather *gather);
void gather_done(struct gather *gather);

static inline const void *gather_key(const struct gather *gather, size_t i)
{
    return gather->keys + i * gather->key_size;
}
