/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the programs have to know about the running kernel before they are loaded. */
#pragma once

#include <stdbool.h>

#include <traffic_abi.h>

struct btf;

/* Fill in every member's place by the kernel's types; those that btf does not know, or all if it is NULL,
 * TCTL_NO_OFFSET. */
void kernel_offsets(const struct btf *btf, struct tctl_kernel *kernel);

/* Everything: offsets by /sys/kernel/btf/vmlinux if it is there, features by trying. Needs CAP_BPF to try. */
void kernel_find_out(bool percpu, struct tctl_kernel *kernel);

/* Is there a /sys/kernel/btf/vmlinux, and may programs read by it? */
bool kernel_has_types(void);
/* Can sockets store answers? */
bool kernel_has_socket_storage(void);
/* Can a program hang on the last close of a socket? */
bool kernel_has_release_hook(void);
/* Can a program find the MPTCP socket behind a subflow? */
bool kernel_has_mptcp_helper(void);
