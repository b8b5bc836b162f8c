/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The saved policy at a start: into maps that are new, while what was pinned already stays. */
#pragma once

#include "job.h"

/*
 * Maps that this start made get what options->policy asks for, before any program is attached; maps that were pinned
 * already stay as they are, so that a start neither opens nor corrects. A policy that cannot be read or put into the
 * maps is a warning, and options->on_bad_policy says what holds then. To be called after configure_write(), with the
 * lock of the folder; needs no capability. -errno of bpf(2): not even that could be made to hold.
 */
int restore_policy(const struct job *job);

/* Warn of rules in the saved policy that do not hold, since app_uids does not contain their UIDs. */
void restore_warn(const struct load_options *options, load_warn_fn warn);
