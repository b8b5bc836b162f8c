/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What an app of two_sides.h sends and receives. Asserts with cmocka. */
#pragma once

#include "two_sides.h"

/* UDP over every wire. Markers are root's, who is never judged: what was sent before a marker came before it. */
struct sides_udp {
    const struct sides *sides;
    bool ipv6;
    int app[WIRES], marker[WIRES], other[WIRES];
};

struct sides_udp sides_udp_open(const struct sides *sides, bool ipv6);
void sides_udp_close(const struct sides_udp *udp);

/* Does the app's datagram leave? Sending it fails with EPERM else. */
bool sides_udp_out(const struct sides_udp *udp, enum wire wire);
/* Does a datagram reach the app? */
bool sides_udp_in(const struct sides_udp *udp, enum wire wire);

/* A connection over wire A, for the test to close. */
struct sides_tcp {
    int app, other;
};
struct sides_tcp sides_tcp_connect(const struct sides *sides, bool ipv6);
