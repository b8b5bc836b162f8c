/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Deleting what was counted for a tag, or everything of a UID. */
#pragma once

#include "tags.h"

/*
 * Delete what netd's DELETE_TAGDATA does: with a tag, the rows of the cookie map that charge uid under it and its rows
 * of tag_stats; with tag 0 every such row of the UID, its rows of uid_stats, its total, its counter set and what was
 * dropped by its rules. Nothing of
 * it is left when this returns, and nothing else is touched, whatever is sent and tagged meanwhile. Takes a few dozen
 * ms, in which nobody else can tag. Success when there is nothing to delete. -EINVAL: UID 0xFFFFFFFF; -ENOMEM; -errno
 * of bpf(2): a part may be deleted, and doing it again deletes the rest.
 */
int deletion_run(const char *bpffs, struct tags *tags, uint32_t uid, uint32_t tag);
