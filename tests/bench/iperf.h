/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* iperf3 from one place of a world to another. */
#pragma once

#include <stdint.h>

#include "world.h"

/*
 * Bits per second of so many TCP connections at a time from A, where uid is their owner, to the address in B, as B
 * received them; each end stays on a CPU. Some tenths of a second. Negative errno; -ENOMSG: iperf3 says something else
 * than a rate, which is repeated.
 */
int64_t iperf_rate(struct world *world, uid_t uid, const char *address, unsigned streams);
