/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The lock of those who write tags and policy: among the threads of a process a mutex, among processes an flock on
 * <bpffs>/trafficctl, which ends with its holder.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <traffic_abi.h>

struct writer {
    pthread_mutex_t mutex;
    int folder_fd;
    struct tctl_interfaces *page; /* of moves; NULL: this layout has none */
    uint64_t moved;               /* when the writer was opened */
    bool stuck;                   /* the last one waited in vain: until somebody has had it, nobody waits */
};

/* End with writer_done(), also after a failure. -ENOENT: nothing is pinned; -EACCES: not root; -ENOMEM, -errno. */
int writer_open(const char *bpffs, struct writer *writer);
void writer_done(struct writer *writer);

/*
 * Wait for the lock; given back by writer_unlock(). -EBUSY: another process has had it for LOCKS_PATIENCE_MS, so it may
 * be stopped, or a start that made maps larger was killed and waits for the next; -ESTALE: everything was unloaded, or
 * maps were replaced by larger ones, since writer_open(): what is open is in no kernel program's sight any more. -errno
 * of flock(2).
 */
int writer_lock(struct writer *writer);
void writer_unlock(struct writer *writer);

/* -ESTALE as above, where nothing is to be written. */
int writer_check(const struct writer *writer);
