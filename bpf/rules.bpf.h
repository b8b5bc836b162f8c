/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Maps to rules: what they hold about one UID.
 */
#pragma once

#include "firewall.bpf.h"
#include "maps.bpf.h"

/*
 * A row that is replaced, and its element reused, between two instructions may be another UID's when it is read; and a
 * look-up on its way through a bucket may miss a row whose old element was taken for another one. So a row that does
 * not name its UID, or that is not there, is believed when it was found so twice in a row.
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
        bool missed_ = false;                                                                                          \
        for (int i_ = 0; i_ < MAX_REUSED && found_ == REUSED; i_++) {                                                  \
            const volatile __u64 *row_ = bpf_map_lookup_elem(&(map), &(key));                                          \
            (to)->word = row_ ? *row_ : 0;                                                                             \
            if (!row_ && missed_)                                                                                      \
                found_ = NOT_FOUND;                                                                                    \
            else if (row_ && (to)->rules.uid == (key))                                                                 \
                found_ = FOUND;                                                                                        \
            missed_ = !row_;                                                                                           \
        }                                                                                                              \
        found_;                                                                                                        \
    })

/*
 * Is the byte of a key, in a map whose rows do not name it, as netd's, so ("== 1")? 1, 0, or NO_BYTE: there is none.
 * What it means is compared, not the byte: one that is written anew each time and means the same is believed at once.
 */
#define NO_BYTE (-1)
#define FIND_BYTE(map, key, so)                                                                                        \
    ({                                                                                                                 \
        __s32 byte_ = NO_BYTE;                                                                                         \
        for (int i_ = 0; i_ < MAX_REUSED; i_++) {                                                                      \
            const volatile __u8 *row_ = bpf_map_lookup_elem(&(map), &(key));                                           \
            __s32 before_ = byte_;                                                                                     \
            byte_ = row_ ? *row_ so : NO_BYTE;                                                                         \
            if (i_ > 0 && byte_ == before_)                                                                            \
                break;                                                                                                 \
        }                                                                                                              \
        byte_;                                                                                                         \
    })

/* A chain of netd's: its bit in *switched if it is on, and then in *rules if the UID is listed. */
#define ASK_CHAIN(map, chain, uid, to)                                                                                 \
    do {                                                                                                               \
        __u32 switch_ = TCTL_CHAIN_SWITCH;                                                                             \
        if (FIND_BYTE(map, switch_, == 1) == 1) {                                                                      \
            __s32 found_ = FIND_BYTE(map, uid, != 0);                                                                  \
            __u8 entry_ = found_;                                                                                      \
            (to)->switched |= TCTL_BIT(chain);                                                                         \
            if (is_listed(chain, found_ == NO_BYTE ? NULL : &entry_))                                                  \
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

/* netd's chains: those that are on, and in the high half those of them that list the UID. Global, as ask_rules(). */
__noinline __u64 ask_netd(__u32 uid)
{
    struct rules rules = {};

    ASK_CHAIN(dozable_uid_map, TCTL_DOZABLE, uid, &rules);
    ASK_CHAIN(standby_uid_map, TCTL_STANDBY, uid, &rules);
    ASK_CHAIN(powersave_uid_map, TCTL_POWERSAVE, uid, &rules);
    return rules.switched | (__u64)rules.rules << 32;
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
    __u64 netd;

    if (!config || !may_judge(config, uid))
        return 0;
    netd = ask_netd(uid);
    rules.switched = (config->chains & ~TCTL_NETD_CHAINS) | (__u32)netd;
    rules.rules = netd >> 32;
    rules.closed = config->closed;
    ask_own(uid, &rules);
    restriction = restriction_of(&rules);
    return restriction.drops | (__u64)restriction.iface << 32;
}
