/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The saved policy at a start: into what is new, while what was there already stays. */
#pragma once

#include <stdbool.h>

#include "loader.h"

/*
 * What is_new gets what options->policy asks for, before anything is judged by it; what was there already stays as it
 * is, so that a start neither opens nor corrects. A policy that cannot be read or made to hold is a warning, and
 * options->on_bad_policy says what holds then. For options->bpffs, with the lock of its folder; needs no capability
 * where there are pins. -errno of bpf(2), of nf_tables: not even that could be made to hold.
 */
int restore_policy(const struct load_options *options, bool is_new, load_warn_fn warn, struct fault *fault);

/* Warn of rules in the saved policy that do not hold, since app_uids does not contain their UIDs. */
void restore_warn(const struct load_options *options, load_warn_fn warn);
