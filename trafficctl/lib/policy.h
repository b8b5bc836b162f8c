/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A whole policy of the firewall in memory: what was asked for, or what the maps hold. Knows no file and no map. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <traffic_abi.h>

/* UIDs, ascending, none twice. */
struct policy_uids {
    uint32_t *uids;
    size_t count, room;
};

struct policy_iface {
    uint32_t uid;
    char iface[TCTL_IFNAME_LEN]; /* "": any */
};

/* A zeroed one is the empty policy: every chain off, nobody listed. Owns what it points to. */
struct policy {
    uint32_t switched;                      /* TCTL_BIT() of the chains that are on */
    struct policy_uids listed[TCTL_CHAINS]; /* by enum tctl_reason; an allow list holds whom it allows */
    struct policy_uids lockdown;
    struct policy_iface *ifaces; /* ascending by UID */
    size_t iface_count;
    char (*metered)[TCTL_IFNAME_LEN]; /* ascending */
    size_t metered_count;
};

void policy_done(struct policy *policy);

/* -ENOMEM. *ret_copy is owned by the caller. */
int policy_copy(const struct policy *policy, struct policy *ret_copy);

void policy_uids_done(struct policy_uids *list);
bool policy_uids_has(const struct policy_uids *list, uint32_t uid);
/* Put it in or take it out; what holds already is fine. -ENOMEM. */
int policy_uids_set(struct policy_uids *list, uint32_t uid, bool listed);
/* Make the list these; any order, doubles are fine. -ENOMEM: as it was. */
int policy_uids_replace(struct policy_uids *list, const uint32_t *uids, size_t count);

/* iface NULL: none; "": any. -ENOMEM; -EINVAL: no interface has so long a name. */
int policy_set_iface(struct policy *policy, uint32_t uid, const char *iface);
/* NULL: no rule. */
const struct policy_iface *policy_find_iface(const struct policy *policy, uint32_t uid);
/* Mark an interface or take its mark away; what holds already is fine. Errors as policy_set_iface(). */
int policy_set_metered(struct policy *policy, const char *iface, bool on);
