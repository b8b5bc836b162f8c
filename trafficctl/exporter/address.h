/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Where to serve: "127.0.0.1:9617", "[::1]:9617", "unix:/run/x". */
#pragma once

#include <sys/socket.h>

#include "socket_file.h"

#define ADDRESS_DEFAULT "127.0.0.1:9617"

struct address {
    const char *path; /* of a Unix socket, in the text that was parsed; NULL: it is inet */
    struct sockaddr_storage inet;
    socklen_t length;
};

/* Addresses are numbers, names are not looked up. -EINVAL. */
int address_parse(const char *text, struct address *ret_address);

/* A listener that does not block. End with socket_file_done(). -errno, and fault says what it means. */
int address_listen(const struct address *address, struct socket_file *ret_listener, struct fault *fault);
