/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Which program of the skeleton belongs to which pin. */
#pragma once

#include <attached.h>
#include <pins.h>

#include "job.h"

struct bpf_program;

/* The program of a pin; NULL for maps and links. */
struct bpf_program *hooks_program(const struct job *job, enum pin_id id);

/* Is this program loaded on this kernel? */
bool hooks_wanted(const struct job *job, enum pin_id id);

/*
 * Does the program that was found stay? Those that rules hold do, if they call what trafficctl/xt_calls says: what they
 * call is replaced.
 */
bool hooks_kept(const struct job *job, enum pin_id id);

/* Pinned for links alone, and looked at when they are made. */
bool hooks_is_of_links(enum pin_id id);
