/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The control group whose sockets are counted. */
#pragma once

#include <stdint.h>

#include "fault.h"
#include "undo.h"

/* Where cgroup2 is mounted when nobody else has mounted it. */
#define CGROUP_OWN_MOUNT "/run/trafficctl/cgroup2"

/*
 * Open dir, or when it is NULL the root of cgroup2, which is mounted if it must be (needs CAP_SYS_ADMIN). *ret_id is
 * the number that links name the group by. -EMEDIUMTYPE: not a cgroup2; -EPERM; -ENOTSUP: the kernel has none.
 */
int cgroup_open(const char *dir, struct undo *undo, int *ret_fd, uint64_t *ret_id, struct fault *fault);
