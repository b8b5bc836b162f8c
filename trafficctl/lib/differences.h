/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What was asked for and does not hold. */
#pragma once

#include <stddef.h>

#include <trafficctl/firewall.h>

#include "enforce.h"

/*
 * tctl_firewall_differences() of what is pinned below bpffs; enforce: its maps. policy: the path of the saved policy.
 * Only reads. Without the writers' lock a change under way may be seen half done; -errno as there.
 */
int differences_find(const char *bpffs, const struct enforce *enforce, const char *policy,
                     struct tctl_difference *differences, size_t max, size_t *ret_count);
