/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What a request does, if its peer may. */
#pragma once

#include "server.h"

/* 0: the descriptor is a socket of AF_INET or AF_INET6. -EAFNOSUPPORT, -ENOTSOCK, -EBADF. */
int act_check_socket(int descriptor);

/* The answer: 0 or a negative errno. */
int act(struct server *server, const struct connection *connection, const struct request *request);
