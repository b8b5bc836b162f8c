/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The programs at BPF netfilter links (kernel 6.4), pinned: no rule in any ruleset, so nobody can flush them. */
#pragma once

#include "netfilter.h"

/*
 * As netfilter_put(), _look() and _remove(). -EBUSY: other links have all our priorities at a place. After a failed
 * link_put() what this call made is taken back.
 */
int link_put(const char *bpffs, struct fault *fault);
int link_look(const char *bpffs, uint32_t *ret_there, struct fault *fault);
int link_remove(const char *bpffs, struct fault *fault);
