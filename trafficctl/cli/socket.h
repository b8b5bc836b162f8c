/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Sockets of other processes. */
#pragma once

#include "cli.h"

/* How help and the errors call it: "descriptor 3 of process 17". */
struct socket_name {
    uint32_t pid;
    uint32_t fd;
};

/*
 * A descriptor of our own for a process's socket; the caller's. Takes what ptrace(2) takes. CLI_FAILED: said why and
 * what to do, also when it is no socket.
 */
enum cli_status socket_take(const struct socket_name *name, int *ret_fd, uint32_t *ret_owner);
