/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Maps to rules: what they hold about one UID.
 */
#pragma once

#include "firewall.bpf.h"
#include "maps.bpf.h"

/*
 * A row that was replaced since it was looked up may be another UID's already; each time takes a change of the policy
 * within two instructions.
 */
#define MAX_REUSED 4

union uid_word {
    __u64 word;
    struct tctl_uid_rules rules;
    struct tctl_uid_iface iface;
};

enum found {
    FOUND,
    NOT_FOUND,
    REUSED, /* so often that nothing can be said of the UID */
};

/* Copy the word of a UID in a map of such. Both kinds begin with the UID. */
#define FIND_WORD(map, key, to)                                                                                        \
    ({                                                                                                                 \
        enum found found_ = REUSED;                                                                                    \
        for (int i_ = 0; i_ < MAX_REUSED && found_ == REUSED; i_++) {                                                  \
            const volatile __u64 *row_ = bpf_map_lookup_elem(&(map), &(key));                                          \
            (to)->word = row_ ? *row_ : 0;                                                                             \
            if (!row_)                                                                                                 \
                found_ = NOT_FOUND;                                                                                    \
            else if ((to)->rules.uid == (key))                                                                         \
                found_ = FOUND;                                                                                        \
        }                                                                                                              \
        found_;                                                                                                        \
    })

/*
 * Is the UID on the list of a chain of netd's? Rows there do not name it: what was read is its own if the row still is
 * afterwards.
 */
#define LISTED(map, chain, uid)                                                                                        \
    ({                                                                                                                 \
        bool listed_ = false;                                                                                          \
        for (int i_ = 0; i_ < MAX_REUSED; i_++) {                                                                      \
            const volatile __u8 *row_ = bpf_map_lookup_elem(&(map), &(uid));                                           \
            __u8 value_ = row_ ? *row_ : 0;                                                                            \
            listed_ = is_listed(chain, row_ ? &value_ : NULL);                                                         \
            if (bpf_map_lookup_elem(&(map), &(uid)) == row_)                                                           \
                break;                                                                                                 \
        }                                                                                                              \
        listed_;                                                                                                       \
    })

/* A chain of netd's: its bit in *switched if it is on, and then in *rules if the UID is listed. */
#define ASK_CHAIN(map, chain, uid, to)                                                                                 \
    do {                                                                                                               \
        __u32 switch_ = TCTL_CHAIN_SWITCH;                                                                             \
        const __u8 *on_ = bpf_map_lookup_elem(&(map), &switch_);                                                       \
        if (on_ && *on_ == 1) {                                                                                        \
            (to)->switched |= TCTL_BIT(chain);                                                                         \
            if (LISTED(map, chain, uid))                                                                               \
                (to)->rules |= TCTL_BIT(chain);                                                                        \
        }                                                                                                              \
    } while (0)

/* What cannot be read is no reason to let anything pass. */
static __always_inline void ask_own(__u32 uid, struct rules *rules)
{
    union uid_word row;
    enum found found = FIND_WORD(uid_rules_map, uid, &row);

    if (found == REUSED)
        rules->closed = true;
    if (found != FOUND)
        return;
    rules->rules |= row.rules.rules & ~TCTL_NETD_CHAINS;
    if (!(row.rules.rules & TCTL_BIT(TCTL_IFACE_RULE)))
        return;
    rules->iface = FIND_WORD(uid_iface_map, uid, &row) == FOUND ? row.iface.iface : TCTL_NO_IFACE;
}

/*
 * The restriction of one UID, its interface in the high half. Nobody restricts a system UID. Global, and with nothing
 * but numbers, as before Linux 5.12: the verifier looks at it once and not for every way that leads to it.
 */
__noinline __u64 ask_rules(__u32 uid)
{
    __u32 zero = 0;
    const struct tctl_config *config = bpf_map_lookup_elem(&config_map, &zero);
    struct rules rules = {};
    struct restriction restriction;

    if (!config || !may_judge(config, uid))
        return 0;
    rules.switched = config->chains & ~TCTL_NETD_CHAINS;
    rules.closed = config->closed;
    ASK_CHAIN(dozable_uid_map, TCTL_DOZABLE, uid, &rules);
    ASK_CHAIN(standby_uid_map, TCTL_STANDBY, uid, &rules);
    ASK_CHAIN(powersave_uid_map, TCTL_POWERSAVE, uid, &rules);
    ask_own(uid, &rules);
    restriction = restriction_of(&rules);
    return restriction.drops | (__u64)restriction.iface << 32;
}
