/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * A client of trafficd's fwmarkd socket that keeps no rule of the protocol: any bytes, any length, any descriptors, in
 * any parts. Numbers and layout are written down here once more, from netd's, so that a slip in ours is seen. Asserts
 * with cmocka.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum fwmark_number {
    FWMARK_ON_ACCEPT,
    FWMARK_ON_CONNECT,
    FWMARK_SELECT_NETWORK,
    FWMARK_PROTECT_FROM_VPN,
    FWMARK_SELECT_FOR_USER,
    FWMARK_QUERY_USER_ACCESS,
    FWMARK_ON_CONNECT_COMPLETE,
    FWMARK_TAG,
    FWMARK_UNTAG,
    FWMARK_COUNTER_SET,
    FWMARK_DELETE,
};
#define FWMARK_CALLER 0xFFFFFFFFu

/* Who connects, as the kernel will say it: effective IDs, and a supplementary group (0: none) after made-up ones. */
struct fwmark_caller {
    uid_t uid;
    gid_t gid, group;
    size_t made_up;
};
#define FWMARK_USER(id) (&(struct fwmark_caller){.uid = (id), .gid = (id)})
#define FWMARK_ROOT (&(struct fwmark_caller){0})

/* A reply is an int32 of which none is that large: what may happen instead. */
enum fwmark_outcome {
    FWMARK_NOTHING = 0x10000, /* within the time */
    FWMARK_END,               /* without a reply */
    FWMARK_SHORT,             /* fewer than 4 bytes */
    FWMARK_MORE,              /* than 4 bytes */
    FWMARK_STILL_OPEN,        /* a reply, but no end of file */
};

/* For what has no deadline of its own; a test that waits longer has failed. */
#define FWMARK_PATIENCE_MS 10000

/* The first size bytes of {id, made-up network, uid, info, made-up rest}, in one message. */
struct fwmark_request {
    uint32_t id, uid, info;
    size_t size;
    const int *fd;
    size_t count;
};
#define FWMARK_LONGEST 4096

/* Netd's two lengths of a request, in bytes; is one right for a command, by our own reckoning? */
#define FWMARK_REQUEST_SHORT 16
#define FWMARK_REQUEST_LONG 52
bool fwmark_length_is_right(uint32_t id, size_t size);

/* A connection to trafficd of the current world, or to another path, the caller's own. */
int fwmark_connect(const struct fwmark_caller *caller);
int fwmark_connect_at(const char *path, const struct fwmark_caller *caller);
/* One sendmsg() of size bytes and count descriptors (at most 253). */
void fwmark_send(int connection, const void *bytes, size_t size, const int *fd, size_t count);
/* The reply and then the end of file, or what happened instead. The connection stays the caller's. */
int fwmark_reply(int connection, int timeout_ms);
/* All of it. Sending ends after a message of fewer than 16 bytes. */
int fwmark_ask(const struct fwmark_caller *caller, const struct fwmark_request *request);
/* The same by an actor, as whom it is: asserts nothing. FWMARK_END also when nobody listens. */
int fwmark_ask_as_actor(const char *path, const struct fwmark_request *request);

/* The four commands as Android 9 sends them. */
int fwmark_tag(const struct fwmark_caller *caller, int fd, uint32_t uid, uint32_t tag);
int fwmark_untag(const struct fwmark_caller *caller, int fd);
int fwmark_counter_set(const struct fwmark_caller *caller, uint32_t uid, uint32_t set);
int fwmark_delete(const struct fwmark_caller *caller, uint32_t uid, uint32_t tag);

/* The process of trafficd's that serves the socket. */
pid_t fwmark_server(void);
/* Descriptors that trafficd and this process have open. */
size_t fwmark_descriptors(void);
/* It has no more of them than that, or soon will: it may be closing some yet. */
void fwmark_no_more_than(size_t descriptors);
