/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Tags of sockets, counter sets of UIDs, and the end of both, written at the pinned maps by any peer that may write
 * there (root). What is written holds from the next packet on. Every function takes the writers' lock for its time, so
 * one handle may be used by several threads, and several processes may have one each. From any of them -EBUSY: another
 * process has had that lock for 5 seconds; -ESTALE: everything was unloaded since tags_open(), or
 * maps were replaced by larger ones.
 *
 * A row of the cookie map may also be written raw by somebody else; nothing here minds.
 */
#pragma once

#include <stdint.h>

#include <traffic_abi.h>

#include "writer.h"

/* Rows of the cookie map that may charge one UID; 0: no limit of its own. */
struct tags_limit {
    uint32_t sockets;
};

struct tags {
    struct writer writer;
    int cookie_tag, tag_count, tags_ended, counter_set, generation;
    int storage; /* -1: this kernel has no socket storage */
};

/*
 * End with tags_done(), also after a failure. -ENOENT: nothing is pinned; -EACCES, -EPERM: not root; -EPROTO: the pins
 * are of another version; -EOPNOTSUPP: nf_tables counts there, which knows no tags; -ENOMEM, -errno.
 */
int tags_open(const char *bpffs, struct tags *tags);
void tags_done(struct tags *tags);

/*
 * Charge tag->uid under tag->tag for what a socket sends and receives from now on; tag 0 charges without a tag.
 * -EBADF, -ENOTSOCK; -EAFNOSUPPORT: neither AF_INET nor AF_INET6; -EINVAL: UID 0xFFFFFFFF; -EMFILE: the UID is charged
 * under TCTL_TAGS_PER_UID other tags already; -E2BIG: the cookie map is full, or the UID is at its limit; -ENOMEM.
 */
int tags_set(struct tags *tags, int socket, const struct tctl_tag *tag, const struct tags_limit *limit);

/* -ENOENT: not tagged; else as tags_set(). */
int tags_remove(struct tags *tags, int socket);

/* The socket's tag now. -ENOENT: not tagged; else as tags_set(). */
int tags_get(struct tags *tags, int socket, struct tctl_tag *ret_tag);

/* The sockets of these cookies are gone: so are their rows, where they still have one. A failure leaves the rest;
 * -errno of bpf(2). */
int tags_end(struct tags *tags, const uint64_t *cookies, size_t count);

/*
 * Rebuild tag_count by what is in the maps: once at trafficd's start. Some ms. -ENOMEM, -errno of bpf(2): a part is
 * as it was.
 */
int tags_recount(const char *bpffs, struct tags *tags);

/* The same when a map that counts is three quarters full: what is no longer in use makes room. Errors as
 * tags_recount(). */
int tags_make_room(const char *bpffs, struct tags *tags);

/* 0 or 1. -EINVAL: another number, or UID 0xFFFFFFFF; -E2BIG: the map is full. Set 0 is "no entry". */
int tags_set_counter_set(struct tags *tags, uint32_t uid, uint32_t set);
