/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The programs at BPF netfilter links (kernel 6.4), pinned: no rule in any ruleset, so nobody can flush them. */
#pragma once

#include "netfilter.h"

/* include/uapi/linux/bpf.h of 6.4, where these came; older headers do not know them */
#define LINK_PROG_TYPE 32   /* BPF_PROG_TYPE_NETFILTER */
#define LINK_ATTACH_TYPE 45 /* BPF_NETFILTER */

/* The links themselves: one whose pin somebody removes goes on counting, and is pinned again as it is. */
struct link_held {
    int fds[TCTL_IFACE_HOOKS]; /* -1: none */
};
#define LINK_HELD_NONE ((struct link_held){{-1, -1, -1, -1}})
void link_held_done(struct link_held *held);

/*
 * As netfilter_put(), _look() and _remove(). -EBUSY: other links have all our priorities at a place. After a failed
 * link_put() what this call made is taken back. held: those of an earlier call, and then those that are there.
 */
int link_put(const char *bpffs, struct link_held *held, struct fault *fault);
int link_look(const char *bpffs, uint32_t *ret_there, struct fault *fault);
int link_remove(const char *bpffs, struct fault *fault);
