/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Two network namespaces with two wires between them: one side has the table of the nft backend and an app, the other
 * answers. Needs root. Asserts with cmocka.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "users_table.h"

#define APP_UID 10001

enum wire {
    WIRE_LOOPBACK, /* leads back to this side */
    WIRE_A,
    WIRE_C,
    WIRES,
};
extern const char *const wire_names[WIRES]; /* of the interfaces on this side; their numbers count on from 1 */

struct sides {
    struct users *users;
    int here, there; /* network namespaces */
};

/* cmocka's setup and teardown. *state becomes a struct sides *; this process is here. No table yet. */
int sides_set_up(void **state);
int sides_tear_down(void **state);

/* An address at the other end of a wire, or at this one. */
struct sockaddr_storage sides_address(enum wire wire, bool there, bool ipv6, uint16_t port);

/* A socket of one side, of this UID, bound to an end of the wire; for the test to close. port 0: any. */
int sides_socket(const struct sides *sides, bool there, uint32_t uid, int type, enum wire wire, bool ipv6,
                 uint16_t port);
/* Returns 0 or errno. */
int sides_connect(int fd, enum wire wire, bool there, bool ipv6, uint16_t port);
uint16_t sides_port(int fd);
