/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What no start with BPF can do without, and no user can add. */
#pragma once

#include <stdbool.h>

#include "loader.h"

/*
 * Is such a part lacking: the system call or the right to it, programs of control groups, links, cgroup2, a bpffs? *why
 * says which. Not where pins, memory or options are in the way: a start complains of them. To be asked with what
 * privilege_check_nft() asks for. Costs a few system calls.
 */
bool missing_bpf(const struct load_options *options, char why[static LOAD_WHY_LEN]);
