/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * What a connection sent so far, and what is to be done about it. Knows the protocol (netd's, see fwmark.h), and no
 * descriptor, map or clock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fwmark.h>

/* One byte more than the longest message: enough to tell one that is too long. */
#define REQUEST_ROOM (FWMARK_LONG + 1)

/* How a connection's sending ended, if it did. */
enum request_end {
    REQUEST_OPEN,   /* there may be more */
    REQUEST_CLOSED, /* end of file */
    REQUEST_LATE,   /* time is over */
};

struct request_received {
    uint8_t bytes[REQUEST_ROOM];
    size_t length;
    unsigned int descriptors; /* how many came */
    bool truncated;           /* the kernel had to drop some (MSG_CTRUNC) */
};

enum request_kind {
    REQUEST_WAIT,   /* for the rest */
    REQUEST_ANSWER, /* error, and nothing else */
    REQUEST_TAG,    /* uid, info: the tag */
    REQUEST_UNTAG,
    REQUEST_COUNTER_SET, /* uid, info: the set */
    REQUEST_DELETE,      /* uid, info: the tag */
};

struct request {
    enum request_kind kind;
    bool needs_socket; /* the descriptor has to be an AF_INET or AF_INET6 socket: that is checked before all else */
    int error;         /* REQUEST_ANSWER: 0 or a negative errno */
    uint32_t uid;
    uint32_t info;
};

struct request request_judge(const struct request_received *received, enum request_end end);
