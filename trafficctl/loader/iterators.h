/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The programs that list sockets. They hang on nothing that happens: whoever opens the pin of such a link and reads
 * runs its program.
 */
#pragma once

#include "job.h"

/* Can this kernel run them all, by what it was found out about it? Finds out by trying; needs CAP_BPF. */
bool iterators_work(const struct tctl_kernel *kernel);

/* Leave them out of what is loaded if they do not work here. */
int iterators_choose(struct job *job);

/* Link those that are loaded to what they list and pin the links aside; see aside_move(). */
int iterators_pin(struct job *job);

/* What the link of this pin lists, as the kernel names it; NULL: it is no iterator's. Static. */
const char *iterators_target(enum pin_id id);

/* -EBADF: the link fd does not list that. */
int iterators_examine(int fd, const char *target);
