/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A socket in A after its last close, that still has much to send to a peer who reads nothing. Asserts with cmocka. */
#pragma once

#include "flow.h"
#include "meter.h"

struct lingering {
    struct tcp tcp; /* a is -1 once it is closed */
    size_t unsent;
};

/* Not connected yet: the time to tag tcp.a. */
struct lingering lingering_new(uid_t uid);
/* Connect, send all that fits into the socket's buffers, close. */
void lingering_close(struct lingering *lingering);
/* Until the socket has sent a packet that no stored answer can still be fresh for. */
void lingering_wait(const struct meter *meter);
/* The peer reads everything to its end, and closes. Its FIN and the answer to it are TIME_WAIT's. */
void lingering_end(struct lingering *lingering);
