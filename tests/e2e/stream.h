/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Traffic that runs on while a test does something else. Asserts with cmocka. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "flow.h"

/* Small datagrams and segments both ways between A, its first IPv4 address, and B. */
struct stream {
    struct udp udp;
    struct tcp tcp;
    int burst;
    atomic_bool stop;
    pthread_t thread;
};

/* So many packets, then a pause of a millisecond, and again: a load that a slow machine carries too. */
void stream_start(struct stream *stream, uid_t uid, int burst);
/* Nothing more is sent; the sockets stay open. */
void stream_stop(struct stream *stream);
/* Stop it if it runs, and close its sockets: nothing is on its way any more. */
void stream_end(struct stream *stream);
