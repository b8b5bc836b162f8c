/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * From a program's context to the kernel's own sk_buff: bpf_cast_to_kern_ctx() (Linux 6.2), which the verifier replaces
 * by a move, so that a socket's UID is read without a call. The object does not name it as others are named: it shall
 * be loaded where the kernel has no types, too.
 */
#pragma once

#include <stdint.h>

#include <traffic_abi.h>

struct bpf_program;
struct btf;

/* Its number in the kernel's types, if a program may read a socket's UID by it; 0. kernel: with its offsets. */
uint32_t cast_find(const struct btf *btf, const struct tctl_kernel *kernel);

/* Put it in the place of each TCTL_CAST_CALL in a program that is not loaded yet. number 0: nothing is done. -ENOMEM,
 * errno of libbpf. */
int cast_put(struct bpf_program *program, uint32_t number);
