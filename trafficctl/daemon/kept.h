/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Connections that were answered and shut down, but not closed: their users hold up threads already, and might hold up
 * another one with these. They are closed when that has turned out otherwise, or by the end of the process.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "waiting.h"

#define KEPT_MAX 512

/* Zeroes: none. No lock of its own. */
struct kept {
    struct kept_one {
        int fd, descriptor;
        uid_t user;
    } all[KEPT_MAX];
    unsigned int count;
};

/* False: there is no room. */
bool kept_add(struct kept *kept, const struct connection *connection);
/* One of the user's, to be closed. False: there is none. */
bool kept_take(struct kept *kept, uid_t user, struct connection *ret_connection);
