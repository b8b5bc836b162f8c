/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What a request does, if its peer may. */
#pragma once

#include "server.h"

/* The answer: 0 or a negative errno. The request is one that acts; where it needs a socket, connection has one. */
int act(struct fwmarkd *fwmarkd, const struct connection *connection, const struct request *request);
