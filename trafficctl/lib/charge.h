/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * What a UID is charged with, for its limits: distinct tags, and rows of the cookie map. Kept as a count, since a scan
 * per tag would let anybody slow everybody. The writers' lock is the caller's in every function.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <traffic_abi.h>

#include "tags.h"

/* What charge_raise() raised. */
struct charge {
    struct tctl_tag tag;
    bool tag_is_new;
    bool row_is_new;
    bool uid_is_new;
    struct tctl_tag_count before; /* of the UID */
};

/*
 * Count a tag of a UID, and with new_row a row of the cookie map. -EMFILE, -E2BIG: a limit is reached, or there is no
 * room to count; -ENOMEM, -errno of bpf(2). On failure nothing is counted.
 */
int charge_raise(const struct tags *tags, const struct tctl_tag *tag, bool new_row, const struct tags_limit *limit,
                 struct charge *ret_charge);

/* Nothing came of it. */
void charge_undo(const struct tags *tags, const struct charge *charge);

/* User space took rows away from a UID. -errno of bpf(2): they stay counted until charges are counted anew. */
int charge_drop_rows(const struct tags *tags, uint32_t uid, uint64_t rows);

/* Take away the row of a cookie and count that. -ENOENT: there is none. */
int charge_end_row(const struct tags *tags, uint64_t cookie);

/* The tag's data are gone; tag 0: those of all tags of the UID. */
int charge_forget(const struct tags *tags, const struct tctl_tag *tag);
