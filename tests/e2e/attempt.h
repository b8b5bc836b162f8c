/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A way round the firewall, tried by who is blocked and, to see that it would be one, by who no longer is. */
#pragma once

#include "barrier.h"

struct attempt {
    struct wire_filter filter; /* what would be on the wire */
    union address to;
    int number; /* whatever the actor needs */
};

/* An attempt at B: UDP to a port where nobody listens, or TCP to a listener that is returned, to be closed. */
struct attempt attempt_udp(int family);
int attempt_tcp(int family, struct attempt *ret_attempt);

/*
 * As the blocked user: fn fails with -EPERM and nothing is on the wire. Then nobody is blocked any more, and fn returns
 * 0 and something is.
 */
void attempt_fails(actor_fn fn, struct attempt *attempt);
/* The same of an actor that is root first and becomes the user himself. */
void attempt_fails_from_root(actor_fn fn, struct attempt *attempt);
/* The same of one in a user namespace of the user's, started by userns_start(). */
void attempt_fails_inside(actor_fn fn, struct attempt *attempt);

/* What actors do. Each returns 0 or -errno. */
int attempt_send(int fd, const union address *to);
/* Wait at most 3 s. The connection ends with a reset when it is closed: no packet comes later. */
int attempt_connect(int fd, const union address *to);
/* The blocked user, with CAP_NET_RAW, out of root. */
int attempt_become_raw(void);
