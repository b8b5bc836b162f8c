/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Do the programs run, where they were asked for, and over the maps that are pinned? */
#pragma once

#include "cgroup_tree.h"
#include "difference_list.h"

/*
 * wanted: 1 << enum tctl_program, what this kernel can have. tree: the control group as configured; tree_error: what
 * cgroup_tree_configured() returned. -ENOMEM, -errno of bpf(2).
 */
int differences_programs(const char *bpffs, uint32_t wanted, const struct cgroup_tree *tree, int tree_error,
                         struct difference_list *list);
