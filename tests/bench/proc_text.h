/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A file whose text the kernel prints while it is read, as those of /proc/net/xt_qtaguid were. */
#pragma once

#include <stdio.h>

struct proc_text;

/* Room for so many rows. NULL and a message when it cannot be. */
struct proc_text *proc_text_new(unsigned int rows);
struct proc_text *proc_text_free(struct proc_text *text);

/* Its map of the rows, shared counters: the text's owner's. */
int proc_text_map(const struct proc_text *text);

/* From its beginning; NULL: errno. */
FILE *proc_text_open(const struct proc_text *text);
