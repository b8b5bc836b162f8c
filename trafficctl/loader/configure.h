/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What user space decides for the programs: trafficctl/config. */
#pragma once

#include "job.h"

/* All that options say of it; the chains of *config and whether nobody passes stay. -errno of stat(2). */
int configure_fill(const struct load_options *options, struct tctl_config *config);

/*
 * Write the configuration that options ask for into the pinned map, then raise the generation. What was there is noted
 * in undo. ranges_only: change nothing but what SIGHUP may change. Needs no capability, only the pins.
 */
int configure_write(const struct load_options *options, bool ranges_only, struct undo *undo, struct fault *fault);
