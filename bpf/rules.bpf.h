/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Maps to rules: what they hold about one UID.
 */
#pragma once

#include "firewall.bpf.h"
#include "settled.bpf.h"

union uid_word {
    __u64 word;
    struct tctl_uid_rules rules;
    struct tctl_uid_iface iface;
};

enum found {
    FOUND,
    NOT_FOUND,
    REUSED, /* another UID's by the time it was read */
};

/* Copy the word of a UID in a map of such. Both kinds begin with the UID. */
#define READ_WORD(map, uid_, to)                                                                                       \
    ({                                                                                                                 \
        const volatile __u64 *row_ = bpf_map_lookup_elem(&(map), &(uid_));                                             \
        (to)->word = row_ ? *row_ : 0;                                                                                 \
        !row_ ? NOT_FOUND : (to)->rules.uid == (uid_) ? FOUND : REUSED;                                                \
    })

/* A chain of netd's: its bit in *switched if it is on, and then in *rules if the UID is listed. */
#define READ_CHAIN(map, chain, uid, to)                                                                                \
    do {                                                                                                               \
        __u32 switch_ = TCTL_CHAIN_SWITCH | zero_after(uid);                                                           \
        const volatile __u8 *row_ = bpf_map_lookup_elem(&(map), &switch_);                                             \
        if (row_ && *row_ == 1) {                                                                                      \
            __u8 entry_;                                                                                               \
            (to)->switched |= TCTL_BIT(chain);                                                                         \
            row_ = bpf_map_lookup_elem(&(map), &(uid));                                                                \
            entry_ = row_ ? *row_ : 0;                                                                                 \
            if (is_listed(chain, row_ ? &entry_ : NULL))                                                               \
                (to)->rules |= TCTL_BIT(chain);                                                                        \
        }                                                                                                              \
    } while (0)

/* False: another UID's rows were read. */
static __always_inline bool read_own(__u32 uid, struct rules *rules)
{
    union uid_word row;
    enum found found = READ_WORD(uid_rules_map, uid, &row);

    if (found != FOUND)
        return found == NOT_FOUND;
    rules->rules |= row.rules.rules & ~TCTL_NETD_CHAINS;
    if (!(row.rules.rules & TCTL_BIT(TCTL_IFACE_RULE)))
        return true;
    found = READ_WORD(uid_iface_map, uid, &row);
    rules->iface = found == FOUND ? row.iface.iface : TCTL_NO_IFACE;
    return found != REUSED;
}

/* False: what was read is another UID's. Nobody restricts a system UID. */
static __always_inline bool read_restriction(__u32 uid, struct restriction *ret)
{
    __u32 zero = zero_after(uid); /* as uid itself: known when the generation was read */
    const struct tctl_config *config = bpf_map_lookup_elem(&config_map, &zero);
    struct rules rules = {};

    if (!config || !may_judge(config, uid))
        return true;
    rules.switched = config->chains & ~TCTL_NETD_CHAINS;
    rules.closed = config->closed;
    READ_CHAIN(dozable_uid_map, TCTL_DOZABLE, uid, &rules);
    READ_CHAIN(standby_uid_map, TCTL_STANDBY, uid, &rules);
    READ_CHAIN(powersave_uid_map, TCTL_POWERSAVE, uid, &rules);
    if (!read_own(uid, &rules))
        return false;
    *ret = restriction_of(&rules);
    return true;
}

/* What the maps hold about a UID, in one number: its restriction and its counter set. */
#define UID_DROPS(number) ((__u16)(number))
#define UID_SET(number) ((__u8)((number) >> 16))
#define UID_IFACE(number) ((__u32)((number) >> 32))

/*
 * One reading of it; or UNREADABLE. Global, and with nothing but numbers, as before Linux 5.12: the verifier looks at
 * it once and not for every way that leads to it.
 */
__noinline __u64 read_uid(__u32 uid)
{
    const volatile __u8 *set = bpf_map_lookup_elem(&uid_counter_set_map, &uid);
    struct restriction restriction = {};

    if (!read_restriction(uid, &restriction))
        return UNREADABLE;
    return restriction.drops | (__u64)(set ? *set : 0) << 16 | (__u64)restriction.iface << 32;
}

/* What cannot be read is no reason to let anything pass. */
__noinline __u64 settle_uid(__u32 uid)
{
    return SETTLED(read_uid, uid, TCTL_BIT(TCTL_CLOSED));
}
