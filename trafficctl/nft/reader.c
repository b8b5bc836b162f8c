/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaces.h>
#include <pins.h>
#include <state.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "fd.h"

static void nft_reader_closep(struct reader **reader)
{
    nft_reader_close(*reader);
}

void nft_reader_close(struct reader *reader)
{
    if (!reader)
        return;
    nft_snapshot_done(&reader->now);
    nft_totals_done(&reader->totals);
    nft_talk_free(reader->talk);
    fd_close(reader->folder);
    free(reader->place);
    free(reader);
}

static struct reader *reader_new(const char *place)
{
    struct reader *reader = malloc(sizeof(*reader));
    if (!reader)
        return NULL;
    *reader = (struct reader){.folder = -1, .place = strdup(place)};
    if (reader->place)
        return reader;
    nft_reader_close(reader);
    return NULL;
}

/* Whoever else may ask the table would lack what was saved, which is root's alone. */
static int open_talk(struct reader *reader)
{
    struct fault unheard = {0};
    bool here = false;
    uint32_t generation;
    int r = geteuid() == 0 ? ifaces_are_of(reader->now.state.netns_inum, &here) : 0;
    if (r < 0 || !here)
        return r;
    r = nft_talk_open(&reader->talk, &unheard);
    if (r == 0)
        r = nft_talk_generation(reader->talk, &generation);
    if (r == -EPERM) {
        reader->talk = nft_talk_free(reader->talk);
        return 0;
    }
    return r;
}

int nft_reader_open(const char *place, struct reader **ret_reader)
{
    _cleanup_(nft_reader_closep) struct reader *reader = reader_new(place);
    if (!reader)
        return -ENOMEM;
    int r = pins_open_folder(place, O_PATH, &reader->folder);
    if (r == 0)
        r = state_read_pinned(place, &reader->now.state);
    if (r == 0 && reader->now.state.abi_version != TCTL_ABI_VERSION)
        r = -EPROTO;
    if (r == 0)
        r = open_talk(reader);
    if (r < 0)
        return r;
    *ret_reader = TAKE_PTR(reader);
    return 0;
}

/* What cannot be read of it does not count: whoever writes it says so. */
static int read_base(struct reader *reader)
{
    _cleanup_free_ char *path = nft_base_path(reader->place);
    struct nft_base base = {0};
    struct fault unheard = {0};
    if (!path)
        return -ENOMEM;
    int r = nft_base_read(path, reader->now.state.boot_id, &base, &unheard);
    if (r == 0)
        reader->totals.base = base;
    else
        nft_base_done(&base);
    reader->based = r != -ENOMEM;
    return r == -ENOMEM ? r : 0;
}

static void forget_totals(struct reader *reader)
{
    nft_totals_done(&reader->totals);
    reader->totals = (struct nft_totals){0};
    reader->based = false;
}

/* Has somebody saved since that another table is ours? */
static bool is_behind(const struct reader *reader)
{
    _cleanup_free_ char *path = nft_base_path(reader->place);
    _cleanup_(nft_base_done) struct nft_base base = {0};
    struct fault unheard = {0};
    if (!path)
        return false;
    return nft_base_read(path, reader->now.state.boot_id, &base, &unheard) == 0 &&
           base.table.handle != reader->totals.base.table.handle;
}

static int read_once(struct reader *reader, struct nft_counts *counts, bool *ret_there)
{
    struct nft_base_table where = {.netns_inum = reader->now.state.netns_inum};
    memcpy(where.boot_id, reader->now.state.boot_id, sizeof(where.boot_id));
    int r = reader->based ? 0 : read_base(reader);
    if (reader->totals.base.table.netns_inum == where.netns_inum)
        where.handle = reader->totals.base.table.handle;
    if (r == 0)
        r = nft_totals_read(&reader->totals, &nft_dump_kernel, reader->talk, &where, ret_there, counts);
    if (r == -ENOMEM)
        forget_totals(reader);
    return r;
}

static int read_table(struct reader *reader, struct nft_counts *counts)
{
    bool there = false;
    int r = read_once(reader, counts, &there);
    if (r < 0 || there || !is_behind(reader))
        return r;
    forget_totals(reader);
    nft_counts_done(counts);
    *counts = (struct nft_counts){0};
    return read_once(reader, counts, &there);
}

/* What trafficd has told it carries over when the table is taken away; what anybody else has seen it does not. */
static int read_all(struct reader *reader, struct nft_snapshot *snapshot)
{
    int r = nft_ask(reader->place, snapshot);
    if (r == 0)
        forget_totals(reader);
    if (r == 0 || !reader->talk)
        return r;
    nft_snapshot_done(snapshot);
    *snapshot = (struct nft_snapshot){0};
    r = state_read_pinned(reader->place, &snapshot->state);
    return r < 0 ? r : read_table(reader, &snapshot->counts);
}

int nft_reader_read(struct reader *reader)
{
    struct nft_snapshot snapshot = {0};
    int r = pins_check_loaded(reader->folder);
    if (r == 0)
        r = read_all(reader, &snapshot);
    if (r < 0) {
        nft_snapshot_done(&snapshot);
        return r;
    }
    nft_snapshot_done(&reader->now);
    reader->now = snapshot;
    return 0;
}
