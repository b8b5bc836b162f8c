/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "hot.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "fd.h"
#include "pins.h"
#include "read.h"

/* Who moves a row is seldom interrupted, and then perhaps by us. */
#define YIELDS 16
#define PAUSE_NS 100000

void hot_close(struct hot *hot)
{
    hot->fd = fd_close(hot->fd);
    hot->moves = fd_close(hot->moves);
}

int hot_open(const char *bpffs, struct hot *ret_hot)
{
    struct hot hot = HOT_NONE;
    struct read_shape shape = {0};
    int r = pins_open_map(bpffs, PIN_HOT, false, &hot.fd);
    if (r == 0)
        r = read_shape_of(hot.fd, &shape);
    if (r == 0)
        r = pins_open_map(bpffs, PIN_HOT_MOVES, false, &hot.moves);
    if (r < 0) {
        hot_close(&hot);
        return r;
    }
    hot.entries = shape.max_entries;
    *ret_hot = hot;
    return 0;
}

void hot_rows_done(struct hot_rows *rows)
{
    free(rows->rows);
}

/* No look at a map before it or after it may pass it. */
static int read_moves(const struct hot *hot, struct tctl_hot_moves *ret_moves)
{
    const uint32_t zero = 0;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    int r = bpf_map_lookup_elem(hot->moves, &zero, ret_moves);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return r;
}

static void pause_for(int round)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    if (round < YIELDS)
        sched_yield();
    else
        nanosleep(&pause, NULL);
}

int hot_begin(const struct hot *hot, uint64_t *ret_begun)
{
    struct tctl_hot_moves moves = {0};
    int r = hot->moves < 0 ? 0 : read_moves(hot, &moves);
    for (int round = 0; r == 0 && moves.begun != moves.ended; round += round < YIELDS) {
        pause_for(round);
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

static int add_row(struct hot_rows *rows, const struct tctl_hot_row *row, uint32_t place)
{
    if (rows->count == rows->room) {
        const size_t room = rows->room ? 2 * rows->room : TCTL_HOT_CHUNK;
        struct hot_row *grown = reallocarray(rows->rows, room, sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        rows->rows = grown;
        rows->room = room;
    }
    rows->rows[rows->count++] =
        (struct hot_row){.key = row->key, .value = row->value, .place = place, .turn = row->used / TCTL_HOT_TURN};
    return 0;
}

/* Again where a place went to another key while it was copied: only then are rows not whole. */
static int copy_entry(const struct hot *hot, uint32_t entry, uint64_t *begun, struct tctl_hot *ret_copy)
{
    int r;
    do {
        r = bpf_map_lookup_elem(hot->fd, &entry, ret_copy);
        if (r == 0)
            r = hot_has_moved(hot, *begun);
        if (r > 0)
            r = hot_begin(hot, begun) ?: 1;
    } while (r > 0);
    return r;
}

int hot_read(const struct hot *hot, struct hot_rows *rows, uint64_t *ret_begun)
{
    struct tctl_hot copy;
    rows->count = 0;
    int r = hot_begin(hot, ret_begun);
    uint64_t begun = *ret_begun;
    for (uint32_t entry = 0; hot->fd >= 0 && entry < hot->entries && r == 0; entry++) {
        r = copy_entry(hot, entry, &begun, &copy);
        for (uint32_t i = 0; i < TCTL_HOT_CHUNK && r == 0; i++)
            if (copy.row[i].used & TCTL_HOT_COUNTS)
                r = add_row(rows, &copy.row[i], entry * TCTL_HOT_CHUNK + i);
    }
    return r;
}

bool hot_is_still(const struct hot_row *row, const struct hot_rows *after, size_t *at)
{
    while (*at < after->count && after->rows[*at].place < row->place)
        ++*at;
    return *at < after->count && after->rows[*at].place == row->place && after->rows[*at].turn == row->turn;
}
