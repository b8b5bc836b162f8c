/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The programs that count interfaces, at their places in netfilter: put there, looked at, put back, taken away. */
#pragma once

#include "loaded.h"

/* Load what this way needs beside the skeleton, which is loaded: what takes time, before anything is replaced. */
void interfaces_load(struct job *job, enum load_netfilter way);

/*
 * Are rules of an earlier start where this process can take them away? -EXDEV: they count in another network namespace
 * (fault names it), into rows of this one's interfaces.
 */
int interfaces_check_home(struct job *job);

/*
 * As job->options ask, and note it in the page. The way of an earlier start, if it was another one, ends after this
 * one has begun. With nothing to be put, success. -ENOTSUP: the way asked for does not work here; -EBUSY: a trafficd
 * that runs holds the earlier one (LOAD_NETFILTER_AUTO: a warning).
 */
int interfaces_start(struct job *job, struct loaded *loaded);

/* The start fails later: the earlier way again. Before undo_all(), which takes away what it runs. */
void interfaces_take_back(struct job *job, struct loaded *loaded);

/*
 * Where what was put is not any more: *ret_missing has bits 1 << enum tctl_iface_hook. -EPERM, -EACCES: who has no
 * privilege cannot tell; -errno.
 */
int interfaces_look(const struct loaded *loaded, uint32_t *ret_missing);

/* Where interfaces are counted now. missing: what interfaces_look() said. */
uint32_t interfaces_hooked(const struct loaded *loaded, uint32_t missing);

/* The way that they are counted by, as loaded_netfilter(). */
const char *interfaces_way(const struct loaded *loaded);

/* Put back what is missing, by the way that was taken. renewed: job has loaded programs and pinned them anew. */
int interfaces_repair(struct job *job, struct loaded *loaded, bool renewed);

/*
 * Take away what a start put there. Before the pins go. -EXDEV: rules are in another network namespace than this
 * process is (fault names it); they count nothing once the pins are gone.
 */
int interfaces_remove(const char *bpffs, struct fault *fault);
