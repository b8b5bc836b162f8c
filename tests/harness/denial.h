/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A kernel that lacks a part of bpf(2), for processes that a test gives up: nothing takes it back. */
#pragma once

#include <stdint.h>

#define DENIAL_ALL UINT64_MAX
#define DENIAL_OF(command) (UINT64_C(1) << (command))

/*
 * From now on bpf(2) with one of these commands fails with that errno, in this process and in its children.
 * 0 or -errno of prctl(2).
 */
int denial_of_bpf(uint64_t commands, int error);

/* From now on this system call does nothing but raise SIGSYS, and succeeds if that is handled. Errors as above. */
int denial_with_signal(uint32_t call);

/* From now on this system call fails with that errno where one of its arguments (0 is the first) has this value. */
int denial_of_argument(uint32_t call, unsigned int argument, uint32_t value, int error);
