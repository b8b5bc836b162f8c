/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * traffic_iface_index_name_map as its one writer sees it: interfaces under their own numbers; those that were removed
 * and have rows, under numbers that the kernel gives to none. The writers' lock is the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <traffic_abi.h>

#include "iface_rows.h"

#define IFACE_NAMES_REMOVED "removed" /* name of TCTL_REMOVED_ALL */

struct iface_name {
    uint32_t index;
    char name[TCTL_IFNAME_LEN];
};

struct iface_names {
    int map; /* the descriptor */
    uint32_t max_entries;
    struct iface_rows rows;
    struct iface_name *known; /* what the map holds, by number */
    size_t count, room;
    uint64_t folded; /* interfaces that went into "removed" since it was opened */
    bool full;       /* a name found no room: readers ask the kernel for it */
};

/* Read the map; end with iface_names_done(), also after a failure. Errors of pins_open_map() and read_map(). */
int iface_names_open(const char *bpffs, struct iface_names *names);
void iface_names_done(struct iface_names *names);

/* NULL: the number has no name. Valid until something is changed. */
const char *iface_names_get(const struct iface_names *names, uint32_t index);

/*
 * An interface is there under this name: a new one, or one that was renamed, whose rows follow. No room is no failure:
 * see full. -ENOMEM, errno of bpf(2).
 */
int iface_names_set(struct iface_names *names, uint32_t index, const char *name);

/*
 * Interfaces that are gone, each number once, with their last names, all in one look at the maps. Their rows go to
 * numbers of their own, with those of interfaces of the same names that were removed before; who has no rows is
 * forgotten. The name comes first and the old number goes last: who is killed in between does it again.
 * Errors of iface_rows_find() and iface_rows_move(), after which it can be done again.
 */
int iface_names_remove(struct iface_names *names, const struct iface_name *gone, size_t count);

/*
 * Hold the map against the interfaces that the kernel has now, in this process's network namespace: what was missed is
 * made good. A number with another name is taken for renamed; rows of numbers that nobody knows go to "removed".
 * Errors as above and of link_list_read().
 */
int iface_names_compare(struct iface_names *names);

/*
 * While names fill more than half of their map, or rows of removed interfaces more than half of theirs, or of one UID's
 * share, those removed longest ago become "removed". Errors as above.
 */
int iface_names_fold(struct iface_names *names);

/* For the parts of this: move those to TCTL_REMOVED_ALL. moves come sorted by from; their to is written. */
int iface_names_to_removed(struct iface_names *names, struct iface_move *moves, size_t count);
