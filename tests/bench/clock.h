/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#pragma once

#include <stdint.h>

/* Of CLOCK_MONOTONIC. */
int64_t clock_now_ns(void);
