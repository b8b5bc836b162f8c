/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Once a second. */
#pragma once

#include <stdbool.h>

/* A descriptor that becomes readable a second from now, and each second after; the caller's. -errno. */
int ticks_open(void);

/* Count the second from now on. */
int ticks_restart(int ticks);

/* Is there one? It is taken. */
bool ticks_take(int ticks);
