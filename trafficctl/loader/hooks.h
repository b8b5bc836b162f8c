/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The programs: where they are pinned, and where they are attached. */
#pragma once

#include <pins.h>
#include <traffic_abi.h>

#include "job.h"

struct bpf_program;

struct hook {
    enum pin_id link;
    enum pin_id prog;
    enum tctl_program program;
    uint32_t attach_type;
};

/*
 * In the order in which they are attached: first who cleans up, so that no tagged socket that is counted dies unseen.
 */
extern const struct hook hooks[TCTL_PROGRAMS];

/* The program of a pin; NULL for maps and links. */
struct bpf_program *hooks_program(const struct job *job, enum pin_id id);

/* Is this program loaded on this kernel? */
bool hooks_wanted(const struct job *job, enum pin_id id);
