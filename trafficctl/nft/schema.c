/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "schema.h"

#include <limits.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>

#include "chains.h"

/* nft's numbers of types, which are for whoever lists the table: of a key with two parts, the first above the last. */
#define TYPE_MARK 19
#define TYPE_UID 24
#define TYPE_IFNAME 41
#define TYPES(a, b) ((a) << 6 | (b))

/* As the last, so that what others drop is not counted; the very last is conntrack's. */
#define LAST (INT_MAX - 1)
/* Before defragmentation (-400), as the device sees packets. */
#define FIRST (-450)
/* Behind everybody's filters, and behind whatever sends packets another way. */
#define BEHIND 310

const struct nft_key_shape nft_keys[NFT_KEYS] = {
    [NFT_KEY_UID] = {TYPE_UID, sizeof(uint32_t)},
    [NFT_KEY_REASON] = {TYPE_MARK, sizeof(uint32_t)},
    [NFT_KEY_IFACE] = {TYPE_IFNAME, TCTL_IFNAME_LEN},
    [NFT_KEY_UID_REASON] = {TYPES(TYPE_UID, TYPE_MARK), sizeof(struct nft_uid_reason)},
    [NFT_KEY_UID_IFACE] = {TYPES(TYPE_UID, TYPE_IFNAME), sizeof(struct nft_uid_iface)},
};

static const struct nft_set_shape shapes[NFT_SETS] = {
    [NFT_SET_APP_UIDS] = {"app_uids", NFT_KEY_UID, NFT_SET_INTERVAL},
    [NFT_SET_LOCKDOWN] = {"lockdown", NFT_KEY_UID},
    [NFT_SET_IIF_RULED] = {"iif_ruled", NFT_KEY_UID},
    [NFT_SET_IIF_ANY] = {"iif_any", NFT_KEY_UID},
    [NFT_SET_IIF_OK] = {"iif_ok", NFT_KEY_UID_IFACE},
    [NFT_SET_METERED] = {"metered", NFT_KEY_IFACE},
    [NFT_SET_SWITCHED] = {"switched", NFT_KEY_REASON},
    [NFT_SET_SENT] = {"sent", NFT_KEY_UID_IFACE, NFT_SET_EVAL},
    [NFT_SET_RECEIVED] = {"received", NFT_KEY_UID_IFACE, NFT_SET_EVAL},
    [NFT_SET_IFACE_OUT] = {"iface_out", NFT_KEY_IFACE, NFT_SET_EVAL},
    [NFT_SET_IFACE_IN] = {"iface_in", NFT_KEY_IFACE, NFT_SET_EVAL},
    [NFT_SET_DROPPED_OUT] = {"dropped_out", NFT_KEY_UID_REASON, NFT_SET_EVAL},
    [NFT_SET_DROPPED_IN] = {"dropped_in", NFT_KEY_UID_REASON, NFT_SET_EVAL},
    [NFT_SET_REFUSED] = {"refused", NFT_KEY_UID_REASON, NFT_SET_EVAL},
};

struct nft_set_shape nft_set_shape(enum nft_set set)
{
    struct nft_set_shape shape = shapes[set];
    if (!shape.name)
        shape.name = chains_names[set];
    return shape;
}

const char *const nft_counts[NFT_COUNTS] = {
    [NFT_COUNT_LOST_OUT] = "lost_out",       [NFT_COUNT_LOST_IN] = "lost_in",
    [NFT_COUNT_LOST_IFACE] = "lost_iface",   [NFT_COUNT_LOST_DROPS] = "lost_drops",
    [NFT_COUNT_UNOWNED_OUT] = "unowned_out", [NFT_COUNT_UNOWNED_IN] = "unowned_in",
};

/* NULL: of reasons. */
static const char *const names[NFT_CHAINS] = {
    [NFT_CHAIN_RULES_OUT] = "rules_out",
    [NFT_CHAIN_RULES_IN] = "rules_in",
    [NFT_CHAIN_RULES_CONNECT] = "rules_connect",
    [NFT_CHAIN_BARE_OUT] = "bare_out",
    [NFT_CHAIN_BARE_IN] = "bare_in",
    [NFT_CHAIN_JUDGE_OUT] = "judge_out",
    [NFT_CHAIN_JUDGE_IN] = "judge_in",
    [NFT_CHAIN_ANSWER] = "answer",
    [NFT_CHAIN_COUNT_OUT] = "count_out",
    [NFT_CHAIN_COUNT_IN] = "count_in",
    [NFT_CHAIN_COUNT_IFACE_OUT] = "count_iface_out",
    [NFT_CHAIN_COUNT_IFACE_IN] = "count_iface_in",
    [NFT_CHAIN_OUTPUT] = "output",
    [NFT_CHAIN_POSTROUTING] = "postrouting",
    [NFT_CHAIN_PREROUTING] = "prerouting",
    [NFT_CHAIN_INPUT] = "input",
};

/* Where a UID may receive from is asked of what comes in alone. */
bool nft_chain_exists(enum nft_chain chain)
{
    uint32_t reason = chain % TCTL_REASONS;
    bool incoming = chain >= NFT_CHAIN_DROP_IN && chain < NFT_CHAIN_REFUSE;
    if (names[chain])
        return true;
    return reason != 0 && (incoming || (reason != TCTL_IFACE_RULE && reason != TCTL_LOCKDOWN));
}

struct nft_chain_name nft_chain_name(enum nft_chain chain)
{
    static const char *const prefixes[] = {"drop_out_", "drop_in_", "refuse_"};
    struct nft_chain_name name;
    if (names[chain])
        snprintf(name.text, sizeof(name.text), "%s", names[chain]);
    else
        snprintf(name.text, sizeof(name.text), "%s%s", prefixes[chain / TCTL_REASONS],
                 chains_names[chain % TCTL_REASONS]);
    return name;
}

struct nft_hook nft_chain_hook(enum nft_chain chain)
{
    switch (chain) {
    case NFT_CHAIN_OUTPUT:
        return (struct nft_hook){NF_INET_LOCAL_OUT, BEHIND};
    case NFT_CHAIN_POSTROUTING:
        return (struct nft_hook){NF_INET_POST_ROUTING, LAST};
    case NFT_CHAIN_PREROUTING:
        return (struct nft_hook){NF_INET_PRE_ROUTING, FIRST};
    default:
        return (struct nft_hook){NF_INET_LOCAL_IN, LAST};
    }
}
