/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The socket of BPF_PROG_TEST_RUN is root's of the network namespace it runs in: a process that holds one in which root
 * is UID 10001. Asserts with cmocka.
 */
#pragma once

#include <sys/types.h>

#define HOLDER_UID 10001

/* Kill and wait for it with holder_end(). */
pid_t holder_start(void);
void holder_end(pid_t holder);
/* The calling process into the holder's network namespace; for a child of the test: -errno. */
int holder_enter(pid_t holder);
