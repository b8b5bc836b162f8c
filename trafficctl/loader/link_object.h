/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The programs for BPF netfilter links: bpf/link.bpf.c, an object of its own, because most kernels lack what it needs.
 */
#pragma once

#include "job.h"

/*
 * Load them into job->links, over the maps of job's skeleton: the part that takes time, and does nothing yet. why: the
 * reason of a failure, in one line. -ENOTSUP: this kernel cannot run them; -EEXIST: the pin of their calls is somebody
 * else's (a repair replaces it); -errno.
 */
int link_object_load(struct job *job, struct fault *why);

/*
 * After that: pin those for the links unless they are (they are never replaced), and put those that count into the
 * slots that these call. Steps are noted in the job's undo; after a failure nothing of it is left. -EEXIST as above;
 * -errno.
 */
int link_object_put(struct job *job, struct fault *why);

/* NULL is fine. */
void link_object_free(struct link_object *object);
