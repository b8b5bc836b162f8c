/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* iperf3 from one place of a world to another. */
#pragma once

#include <stdint.h>

#include "world.h"

#define IPERF_SECONDS 1 /* of one run */

/*
 * Bits per second of one TCP connection from A, where uid is its owner, to the address in B, as B received it; each end
 * stays on a CPU. Negative errno; -ENOMSG: iperf3 says something else than a rate, which is repeated.
 */
int64_t iperf_rate(struct world *world, uid_t uid, const char *address);
