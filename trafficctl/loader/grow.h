/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Pinned maps that are smaller than this start's are replaced by larger ones with all that is in them.
 *
 * tctl_interfaces.moves is raised to an odd number: readers wait, and writers are refused. What only user space writes
 * is copied and pinned in the place of the old at once. Maps of counters are pinned in trafficctl/grown; the links are
 * given the new programs, which count there, and then grow_end() adds what the old maps have and renames the pins.
 * Killed anywhere, the next start finds the maps in trafficctl/grown and does the rest.
 */
#pragma once

#include "job.h"

/* Can this map be replaced by a larger one? */
bool grow_can(enum pin_id id);

/*
 * After examine_pins(): take the maps in trafficctl/grown over. -EEXIST: they are larger than asked for, or no such
 * maps; -EBUSY: maps are to grow and a trafficd runs, which has the old ones open.
 */
int grow_examine(struct job *job);

/* The new maps are made and the old programs run: copy and pin. */
int grow_begin(struct job *job);

/* No hook has an old program any more: counters follow, and readers and writers go on. */
int grow_end(struct job *job);

/*
 * After undo_all(): what was counted in the new maps goes back to the old ones, unless an earlier start was killed and
 * they were in use already; then all stays as it is for the next start.
 */
void grow_undo(struct job *job);

/* Pins of maps are renamed, so that nothing can be taken back. */
bool grow_is_final(const struct job *job);

/* Remove the folder and what is in it, if it is there. */
void grow_clear(const char *bpffs);
