/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Chains to verdict: no map, no packet, so that a unit test compiles it natively.
 */
#pragma once

#include <stdbool.h>

#include <linux/types.h>

#include "traffic_abi.h"

/* What a chain's map says: its switch, and its entry for the UID (NULL: not listed). */
struct chain_facts {
    const __u8 *switched;
    const __u8 *entry;
};

/* An allow list drops who is not listed; both kinds drop who is listed with 0. */
static inline bool chain_drops(bool allow_list, struct chain_facts facts)
{
    if (!facts.switched || *facts.switched != 1)
        return false;
    if (!facts.entry)
        return allow_list;
    return *facts.entry == 0;
}

/* May the firewall judge this UID, or is it a system UID? */
static inline bool may_judge(const struct tctl_config *config, __u32 uid)
{
    if (config->per_user_range)
        uid %= config->per_user_range;
    for (__u32 i = 0; i < TCTL_MAX_UID_RANGES; i++) {
        if (i >= config->range_count)
            break;
        if (uid >= config->app_uids[i].first && uid <= config->app_uids[i].last)
            return true;
    }
    return false;
}
