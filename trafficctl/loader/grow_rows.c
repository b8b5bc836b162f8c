/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "grow_rows.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <gather.h>
#include <read.h>

#include "cleanup.h"

static int copy_row(void *context, const void *key, const void *value)
{
    const int *to = context;
    return bpf_map_update_elem(*to, key, value, BPF_ANY);
}

int grow_copy_rows(int from, int to)
{
    struct read_shape shape;
    int r = read_shape_of(from, &shape);
    return r < 0 ? r : read_map(&read_kernel, from, &shape, copy_row, &to);
}

struct other {
    int kept;
    void *value; /* of that map's size */
};

static int is_other(void *context, const void *key, const void *value)
{
    const struct other *other = context;
    (void)value;
    int r = bpf_map_lookup_elem(other->kept, key, other->value);
    return r == -ENOENT ? 1 : r;
}

int grow_delete_others(int map, int kept)
{
    _cleanup_(gather_done) struct gather gather = {0};
    struct read_shape shape;
    int r = read_shape_of(kept, &shape);
    if (r < 0)
        return r;
    _cleanup_free_ void *value = malloc(shape.value_size);
    if (!value)
        return -ENOMEM;
    struct other other = {.kept = kept, .value = value};
    r = gather_keys(map, is_other, &other, &gather);
    for (size_t i = 0; i < gather.count && r == 0; i++) {
        r = bpf_map_delete_elem(map, gather_key(&gather, i));
        if (r == -ENOENT) /* its socket closed just now */
            r = 0;
    }
    return r;
}
