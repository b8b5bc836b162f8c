/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "bpf_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "fd.h"
#include "ifaces.h"
#include "moves.h"
#include "pins.h"
#include "state.h"

static void no_maps(struct reader *reader)
{
    for (size_t i = 0; i < TCTL_STATS_MAPS; i++)
        reader->stats[i].fd = -1;
    reader->beside = (struct stats_beside)STATS_BESIDE_NONE;
    reader->drops.fd = reader->names = -1;
}

static void close_maps(struct reader *reader)
{
    for (size_t i = 0; i < TCTL_STATS_MAPS; i++)
        stats_map_close(&reader->stats[i]);
    stats_beside_close(&reader->beside);
    stats_map_close(&reader->drops);
    reader->names = fd_close(reader->names);
}

void bpf_reader_close(struct reader *reader)
{
    if (!reader)
        return;
    close_maps(reader);
    fd_close(reader->state);
    fd_close(reader->moves);
    fd_close(reader->folder);
    free(reader->bpffs);
    free(reader);
}

static struct reader *reader_new(const char *bpffs)
{
    _cleanup_(bpf_reader_closep) struct reader *reader = malloc(sizeof(*reader));
    if (!reader)
        return NULL;
    *reader = (struct reader){.state = -1, .moves = -1, .folder = -1, .bpffs = strdup(bpffs)};
    no_maps(reader);
    return reader->bpffs ? TAKE_PTR(reader) : NULL;
}

static int open_state(struct reader *reader)
{
    struct tctl_state state = {0};
    if (state_is_file(reader->bpffs))
        return -EOPNOTSUPP;
    int r = pins_open_map(reader->bpffs, PIN_STATE, false, &reader->state);
    if (r == 0)
        r = state_read(reader->state, &state);
    if (r < 0)
        return r;
    if (state.abi_version != state_version(state.percpu))
        return -EPROTO;
    reader->percpu = state.percpu;
    return 0;
}

static int open_maps(struct reader *reader)
{
    for (size_t i = 0; i < TCTL_STATS_MAPS; i++) {
        int r = stats_map_open(reader->bpffs, pins_stats[i], &reader->stats[i]);
        if (r < 0)
            return r;
    }
    if (reader->percpu) {
        int r = stats_beside_open(reader->bpffs, &reader->beside);
        if (r < 0)
            return r;
    }
    return pins_open_map(reader->bpffs, PIN_IFACE_INDEX_NAME, false, &reader->names);
}

int bpf_reader_open_bare(const char *bpffs, struct reader **ret_reader)
{
    _cleanup_(bpf_reader_closep) struct reader *reader = reader_new(bpffs);
    if (!reader)
        return -ENOMEM;
    int r = pins_open_folder(reader->bpffs, O_PATH, &reader->folder);
    if (r == 0)
        r = open_state(reader);
    if (r == 0)
        r = moves_open(reader->bpffs, &reader->moves);
    if (r == 0)
        r = moves_read(reader->moves, &reader->moved); /* before the maps: they may be replaced now */
    if (r < 0)
        return r;
    *ret_reader = TAKE_PTR(reader);
    return 0;
}

int bpf_reader_open(const char *bpffs, struct reader **ret_reader)
{
    _cleanup_(bpf_reader_closep) struct reader *reader = NULL;
    int r = bpf_reader_open_bare(bpffs, &reader);
    if (r == 0)
        r = open_maps(reader);
    if (r < 0)
        return r;
    *ret_reader = TAKE_PTR(reader);
    return 0;
}

int bpf_reader_of(const struct tctl *traffic, struct reader **ret_reader)
{
    if (traffic->backend != &backend_bpf)
        return -EOPNOTSUPP;
    *ret_reader = traffic->reader;
    return 0;
}

/* In another network namespace than trafficd's the kernel would name other interfaces. */
static bool in_counted_namespace(const struct reader *reader)
{
    struct tctl_state state;
    bool here = false;
    return state_read(reader->state, &state) == 0 && ifaces_are_of(state.netns_inum, &here) == 0 && here;
}

struct names bpf_reader_names(const struct reader *reader)
{
    return (struct names){.map_fd = reader->names, .ask_kernel = in_counted_namespace(reader)};
}

int bpf_reader_has_moved(const struct reader *reader)
{
    uint64_t moves = 0;
    int r = pins_check_loaded(reader->folder);
    if (r == 0)
        r = moves_read(reader->moves, &moves);
    return r < 0 ? r : moves != reader->moved || moves % 2 == 1;
}

/* After a failure the old maps are there still, and known to be old. */
static int open_anew(struct reader *reader, uint64_t moves)
{
    struct reader anew = *reader;
    no_maps(&anew);
    anew.moved = moves;
    int r = open_maps(&anew);
    if (r < 0) {
        close_maps(&anew);
        return r;
    }
    close_maps(reader);
    *reader = anew;
    return 1;
}

int bpf_reader_again(struct reader *reader)
{
    uint64_t moves;
    int r = bpf_reader_has_moved(reader);
    if (r <= 0)
        return r;
    r = moves_wait(reader->moves, &moves);
    return r < 0 ? r : open_anew(reader, moves);
}
