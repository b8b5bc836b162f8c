/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "gather.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "read.h"

#define FIRST_ROOM 256

struct gathering {
    struct gather *gather;
    gather_fn wanted;
    void *context;
};

static int append(struct gather *gather, const void *key)
{
    if (gather->count == gather->room) {
        size_t room = gather->room ? gather->room * 2 : FIRST_ROOM;
        unsigned char *keys = reallocarray(gather->keys, room, gather->key_size);
        if (!keys)
            return -ENOMEM;
        gather->keys = keys;
        gather->room = room;
    }
    memcpy(gather->keys + gather->count++ * gather->key_size, key, gather->key_size);
    return 0;
}

static int take(void *context, const void *key, const void *value)
{
    const struct gathering *gathering = context;
    int r = gathering->wanted ? gathering->wanted(gathering->context, key, value) : 1;
    return r > 0 ? append(gathering->gather, key) : r;
}

int gather_keys(int map_fd, gather_fn wanted, void *context, struct gather *gather)
{
    struct gathering gathering = {.gather = gather, .wanted = wanted, .context = context};
    struct read_shape shape;
    *gather = (struct gather){0};
    int r = read_shape_of(map_fd, &shape);
    if (r < 0)
        return r;
    gather->key_size = shape.key_size;
    return read_map(&read_kernel, map_fd, &shape, take, &gathering);
}

void gather_done(struct gather *gather)
{
    free(gather->keys);
}
