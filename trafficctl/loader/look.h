/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What hangs on the control group and what is pinned, against what the start left. Changes nothing of it. */
#pragma once

#include "loaded.h"

/* Remember what is pinned now. -errno of bpf(2). */
int look_remember(struct loaded *loaded);

/* -errno: nothing can be said. */
int look(struct loaded *loaded, struct load_seen *ret_seen);
