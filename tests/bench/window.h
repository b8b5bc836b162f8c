/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* How fast one thread on one CPU does something, again and again. */
#pragma once

#include <stdint.h>

/*
 * Things per second, for 30 ms after some to warm up. Each pass does so many things and is timed;
 * the median of the passes says it, so that what the CPU did for somebody else meanwhile is not in it. Negative errno
 * of a pass that failed.
 */
int64_t window_rate(int (*pass)(void *arg), void *arg, unsigned things);
