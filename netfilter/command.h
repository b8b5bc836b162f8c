/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Run another program and wait for it, never longer than promised. It gets no shell, an environment of its own, no
 * descriptor of ours but a pipe to read from and one to write to, and no signal that we ignore or block.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Milliseconds of the clock that deadlines are on. */
uint64_t command_now_ms(void);

/*
 * argv[0] is the absolute path of the program, NULL ends it. input (at most what a pipe holds: a few KiB) is what it
 * reads. said becomes the beginning of what it wrote to either output: one line, control characters become ' '.
 *
 * Its exit status (127 too when it could not be executed), or -ETIMEDOUT: it had not ended at the deadline, and was
 * killed with its children; -EINTR: it died of a signal; -E2BIG: too much input; -errno of pipe, fork or waitpid.
 */
int command_run(const char *const argv[], const char *input, uint64_t deadline_ms, char *said, size_t size);
