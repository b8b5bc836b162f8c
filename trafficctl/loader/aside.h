/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* New pins next to the old: made in a folder of their own, moved over the old in one step each. */
#pragma once

#include "job.h"

/* Make the folder, empty of what a killed start left. */
int aside_open(struct job *job);
/* Pin fd there, owned by root alone, until aside_move(). */
int aside_pin(struct job *job, enum pin_id id, int fd);
/* Everything there to its place. */
int aside_move(struct job *job);

/* Remove the folder and what is in it, if it is there. */
void aside_clear(const char *bpffs);
