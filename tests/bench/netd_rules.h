/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/* Rows of Android 15's maps, as netd_like.bpf.c reads and netd_candidate.c writes them. */
#ifndef NETD_RULES_H
#define NETD_RULES_H

#include <linux/types.h>

struct netd_owner {
    __u32 iface;
    __u32 rules;
};

struct netd_discard {
    __u32 iface[2];
};

#define NETD_DOZABLE (1u << 2)
#define NETD_STANDBY (1u << 3)
#define NETD_POWERSAVE (1u << 4)
#define NETD_RESTRICTED (1u << 5)
#define NETD_LOW_POWER_STANDBY (1u << 6)
#define NETD_IIF (1u << 7)
#define NETD_LOCKDOWN (1u << 8)
#define NETD_OEM_DENY (7u << 9)
#define NETD_BACKGROUND (1u << 12)

#define NETD_DENY_LISTS (NETD_STANDBY | NETD_OEM_DENY)
#define NETD_ALLOW_LISTS (NETD_DOZABLE | NETD_POWERSAVE | NETD_RESTRICTED | NETD_LOW_POWER_STANDBY | NETD_BACKGROUND)

#endif
