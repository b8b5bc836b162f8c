/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Tags whose socket is gone and of which nobody was told. A socket is live while it has our storage (all that a tagger
 * of ours tagged, or that sent a packet) or is open in some task.
 */
#pragma once

#include <stddef.h>

#include "tags.h"

/*
 * Remove the rows of the cookie map that no live socket has; never a live one's. *ret_removed is how many. Of sweeps at
 * the same time some remove less than there is. -ENOENT: this kernel has no BTF, hence no iterators to find sockets by.
 * Nothing was removed, later it may work: -EAGAIN: more than a million sockets have our storage; -E2BIG: others look
 * for too many sockets; -ENOMEM. -EPROTO: the programs are of another version; -errno.
 */
int sweep_run(const char *bpffs, struct tags *tags, size_t *ret_removed);
