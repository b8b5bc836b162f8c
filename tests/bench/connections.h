/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Short TCP connections over A's loopback: accept, one byte, close. */
#pragma once

#include <stdint.h>

#include "world.h"

/* A never waits for the last packets of a connection again: so many would use up its ports. Negative errno. */
int connections_prepare(struct world *world);

/* Connections per second; uid's are both ends. Negative errno. */
int64_t connections_rate(struct world *world, uid_t uid);
