/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The programs for BPF netfilter links: bpf/link.bpf.c, an object of its own, because most kernels lack what it needs.
 */
#pragma once

#include "job.h"

/*
 * Load them over the maps that are pinned already, pin those for the links unless they are (they are never replaced),
 * and put those that count into the slots that these call. Afterwards the process holds none of it. Steps are noted in
 * the job's undo; after a failure nothing of it is left. why: the reason, in one line. -ENOTSUP: this kernel cannot run
 * them; -EEXIST: a pin is somebody else's (a repair replaces it); -errno.
 */
int link_object_load(struct job *job, struct fault *why);
