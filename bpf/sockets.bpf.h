/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Sockets that are gone over when somebody reads a pinned iterator: those that have storage and those that are open in
 * some task, to find the ones that are looked for; and who is at the other end of those that were asked about. No
 * packet comes by here.
 */
#pragma once

#include "owner.bpf.h"

#include <linux/stat.h>

/*
 * What the kernel hands to iterators: include/linux/bpf.h, net/core/bpf_sk_storage.c, kernel/bpf/task_iter.c. Not
 * taken from the running kernel's types, which would be a relocation, and this an object for kernels with types alone.
 */
struct iteration {
    struct seq_file *seq;
};

/* A socket in a map of socket storage. After the last one there is a call without any. */
struct stored_socket {
    const struct iteration *meta;
    const void *map;
    const void *sk;
    const __u64 *value;
};

/* A descriptor of a task. After the last one there is a call without any. */
struct open_file {
    const struct iteration *meta;
    const void *task;
    __u64 fd;
    const void *file;
};

/*
 * Nothing is written for the reader, so that one read goes over all: between two the kernel remembers its place in the
 * list of storages by counting, and when sockets that were counted go meanwhile, as many others are left out.
 * Whoever asks has made the row, so that nothing can fail here. It is raised, not set: deleted meanwhile it may be
 * another cookie's, whom one too many only lets live a little longer.
 */
static __always_inline void find(const void *sk)
{
    __u64 cookie = 0;
    struct tctl_live *live;

    /* Who has no cookie was never asked for one, and has no tag. */
    if (!sk || !PEEK(&cookie, sk, sk_cookie) || !cookie)
        return;
    live = bpf_map_lookup_elem(&live_map, &cookie);
    if (live)
        __sync_fetch_and_add(&live->seen, 1);
}

/* A descriptor of O_PATH has the inode of a socket and is none. */
static __always_inline const void *socket_of(const void *file)
{
    const void *inode = NULL, *socket = NULL, *sk = NULL;
    __u16 mode = 0;

    if (!PEEK(&inode, file, file_inode) || !PEEK(&mode, inode, inode_mode) || !S_ISSOCK(mode))
        return NULL;
    if (!PEEK(&socket, file, file_private) || !socket || !PEEK(&sk, socket, socket_sk))
        return NULL;
    return sk;
}

/* Credentials as they were when the other end connected. */
static __always_inline void write_peer(const struct stored_socket *stored)
{
    const __u64 *asked = stored->value;
    const void *cred = NULL, *ns = NULL;
    struct tctl_peer peer = {};

    if (!asked || !stored->sk)
        return;
    peer.asked = *asked;
    if (PEEK(&cred, stored->sk, sk_peer_cred) && cred && PEEK(&ns, cred, cred_user_ns) &&
        outermost_owner(ns, &peer.user))
        bpf_seq_write(stored->meta->seq, &peer, sizeof(peer));
}
