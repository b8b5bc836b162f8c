/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * What a reader gets: the state and all counts at one moment, in one block of bytes. trafficd hands it to members of
 * read_group as a memfd that nobody can change or shorten any more.
 */
#pragma once

#include "counts.h"

/* A zeroed one is empty; end it with nft_snapshot_done(). */
struct nft_snapshot {
    struct tctl_state state;
    struct nft_counts counts;
};

void nft_snapshot_done(struct nft_snapshot *snapshot);

/* A sealed memfd with it, the caller's. Whoever gets it reads by offset: the place in the file is everybody's. -errno
 * of memfd_create(2), ftruncate(2), mmap(2), fcntl(2). */
int nft_snapshot_seal(const struct tctl_state *state, const struct nft_counts *counts, int *ret_fd);

/*
 * Read such a descriptor of somebody else's into an empty *ret_snapshot, which the caller ends also after a failure.
 * -EPROTO: of another version; -EBADMSG: no sealed memfd, or not what nft_snapshot_seal() writes; -ENOMEM, -errno of
 * mmap(2).
 */
int nft_snapshot_open(int fd, struct nft_snapshot *ret_snapshot);

/* The same of bytes, aligned to 8. */
int nft_snapshot_parse(const void *bytes, size_t size, struct nft_snapshot *ret_snapshot);
