/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Who may open which pin. */
#pragma once

#include "job.h"

/* Who may read the counters; a group that does not exist is root, with a warning. */
gid_t owner_readers(const struct load_options *options, load_warn_fn warn);

/*
 * Give every pinned map the owner and mode of the table of pins. A group that does not exist is root, with a warning.
 * -EPERM: CAP_CHOWN is missing.
 */
int owner_set_all(const struct load_options *options, load_warn_fn warn, struct undo *undo, struct fault *fault);
