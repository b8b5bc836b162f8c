/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Sockets that wait for others in the control group but were made outside it, as those of socket activation are. */
#pragma once

#include "cgroup_tree.h"
#include "difference_list.h"

/*
 * Each TCP listener and unconnected UDP socket of this network namespace that a process in tree holds and that was made
 * outside: neither it nor what it accepts is counted or filtered. Sockets that were made in a group which is gone are
 * not found. Success with nothing found where everybody is inside, or this kernel (before 5.8) or this process (without
 * CAP_DAC_READ_SEARCH) cannot tell. -ENOMEM, -errno of netlink.
 */
int listeners_find(struct cgroup_tree *tree, struct difference_list *list);
