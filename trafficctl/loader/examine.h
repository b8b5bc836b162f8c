/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What is pinned already, and whether it fits. Touches nothing. */
#pragma once

#include "job.h"

struct bpf_link_info;

/*
 * Open every pin into job->found and compare it with what this start would make. -EEXIST: the first that does not fit;
 * a repair takes programs and links that do not fit for missing.
 */
int examine_pins(struct job *job);

/*
 * What the pinned link fd is. -EBADF: it is no link of a control group at this hook.
 * A link whose group is gone has cgroup_id 0.
 */
int examine_link(int fd, uint32_t attach_type, struct bpf_link_info *ret_info);
