/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "hot.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "fd.h"
#include "pins.h"
#include "read.h"

void hot_close(struct hot *hot)
{
    hot->fd = fd_close(hot->fd);
    hot->moves = fd_close(hot->moves);
    free(hot->copy);
    hot->copy = NULL;
}

int hot_open(const char *bpffs, struct hot *ret_hot)
{
    struct hot hot = HOT_NONE;
    struct read_shape shape;
    int r = pins_open_map(bpffs, PIN_HOT, false, &hot.fd);
    if (r == 0)
        r = read_shape_of(hot.fd, &shape);
    if (r == 0)
        r = pins_open_map(bpffs, PIN_HOT_MOVES, false, &hot.moves);
    if (r == 0) {
        hot.cpus = shape.max_entries;
        hot.copy = malloc(sizeof(*hot.copy));
        r = hot.copy ? 0 : -ENOMEM;
    }
    if (r < 0) {
        hot_close(&hot);
        return r;
    }
    *ret_hot = hot;
    return 0;
}

static int read_moves(const struct hot *hot, struct tctl_hot_moves *ret_moves)
{
    const uint32_t zero = 0;
    return bpf_map_lookup_elem(hot->moves, &zero, ret_moves);
}

/* Who began has not much to do. */
int hot_begin(const struct hot *hot, uint64_t *ret_begun)
{
    struct tctl_hot_moves moves = {0};
    int r = hot->moves < 0 ? 0 : read_moves(hot, &moves);
    while (r == 0 && moves.begun != moves.ended) {
        sched_yield();
        r = read_moves(hot, &moves);
    }
    *ret_begun = moves.begun;
    return r;
}

int hot_has_moved(const struct hot *hot, uint64_t begun)
{
    struct tctl_hot_moves moves = {.begun = begun};
    int r = hot->moves < 0 ? 0 : read_moves(hot, &moves);
    return r < 0 ? r : moves.begun != begun;
}

static int each_of_cpu(const struct tctl_hot *cpu, hot_row_fn fn, void *context)
{
    int r = 0;
    for (size_t i = 0; i < TCTL_HOT_ROWS && r >= 0; i++) {
        const struct tctl_hot_row *row = &cpu->row[i];
        if (row->used == TCTL_HOT_ONCE || row->used == TCTL_HOT_AGAIN)
            r = fn(context, row);
    }
    return r < 0 ? r : 0;
}

int hot_each(const struct hot *hot, hot_row_fn fn, void *context)
{
    int r = 0;
    for (uint32_t cpu = 0; hot->fd >= 0 && cpu < hot->cpus && r == 0; cpu++) {
        r = bpf_map_lookup_elem(hot->fd, &cpu, hot->copy);
        if (r == 0)
            r = each_of_cpu(hot->copy, fn, context);
    }
    return r;
}
