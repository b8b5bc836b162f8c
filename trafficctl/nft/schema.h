/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the table of the nft backend is made of: names, keys and places, each once. Knows no kernel and no policy. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <traffic_abi.h>

/* Family inet. Not NFT_TABLE of netfilter, whose reader would take it for its own. */
#define NFT_USERS "trafficctl_users"

/* As long as any name of a chain. */
#define NFT_NAME_LEN 32

enum nft_set {
    NFT_SET_APP_UIDS, /* whom the firewall may judge; ranges */
    NFT_SET_LISTED,   /* and on: a chain's UIDs at its number, by enum tctl_reason */
    NFT_SET_LOCKDOWN = TCTL_CHAINS,
    NFT_SET_IIF_RULED, /* UIDs with an interface of their own, also those with any */
    NFT_SET_IIF_ANY,   /* those with any */
    NFT_SET_IIF_OK,    /* UID and the name of its interface */
    NFT_SET_METERED,
    NFT_SET_SWITCHED, /* enum tctl_reason of the chains that are on, and TCTL_CLOSED */
    NFT_SET_SENT,     /* from here on counters, which the kernel adds rows to */
    NFT_SET_RECEIVED,
    NFT_SET_IFACE_OUT,
    NFT_SET_IFACE_IN,
    NFT_SET_DROPPED_OUT,
    NFT_SET_DROPPED_IN,
    NFT_SET_REFUSED, /* connects; only their packets mean something */
    NFT_SETS,
    NFT_SET_COUNTING = NFT_SET_SENT,
};

/* What a key is made of, in this order, without gaps. */
enum nft_key {
    NFT_KEY_UID,
    NFT_KEY_REASON,
    NFT_KEY_IFACE,
    NFT_KEY_UID_REASON,
    NFT_KEY_UID_IFACE,
    NFT_KEYS,
};

struct nft_uid_reason {
    uint32_t uid;
    uint32_t reason; /* enum tctl_reason */
};
_Static_assert(sizeof(struct nft_uid_reason) == 8, "a key");

struct nft_uid_iface {
    uint32_t uid;
    char iface[TCTL_IFNAME_LEN]; /* zeroes behind its end */
};
_Static_assert(sizeof(struct nft_uid_iface) == 20, "a key");

struct nft_key_shape {
    uint32_t type; /* as nft numbers them */
    uint32_t size; /* bytes */
};
extern const struct nft_key_shape nft_keys[NFT_KEYS];

struct nft_set_shape {
    const char *name;
    enum nft_key key;
    uint32_t flags; /* NFT_SET_* */
};
struct nft_set_shape nft_set_shape(enum nft_set set);

/* Named counters. */
enum nft_count {
    NFT_COUNT_LOST_OUT, /* packets without a row, since the set is full */
    NFT_COUNT_LOST_IN,
    NFT_COUNT_LOST_IFACE,
    NFT_COUNT_LOST_DROPS,
    NFT_COUNT_UNOWNED_OUT, /* packets of which the kernel does not say whose they are */
    NFT_COUNT_UNOWNED_IN,
    NFT_COUNTS,
};
extern const char *const nft_counts[NFT_COUNTS];

enum nft_chain {
    NFT_CHAIN_DROP_OUT, /* these three: and enum tctl_reason */
    NFT_CHAIN_DROP_IN = NFT_CHAIN_DROP_OUT + TCTL_REASONS,
    NFT_CHAIN_REFUSE = NFT_CHAIN_DROP_IN + TCTL_REASONS,
    NFT_CHAIN_RULES_OUT = NFT_CHAIN_REFUSE + TCTL_REASONS, /* these three: a change of the policy rewrites them */
    NFT_CHAIN_RULES_IN,
    NFT_CHAIN_RULES_CONNECT,
    NFT_CHAIN_BARE_OUT, /* resets and ends that carry nothing */
    NFT_CHAIN_BARE_IN,
    NFT_CHAIN_JUDGE_OUT,
    NFT_CHAIN_JUDGE_IN,
    NFT_CHAIN_ANSWER, /* of a listener, judged as what it answers to */
    NFT_CHAIN_COUNT_OUT,
    NFT_CHAIN_COUNT_IN,
    NFT_CHAIN_COUNT_IFACE_OUT,
    NFT_CHAIN_COUNT_IFACE_IN,
    NFT_CHAIN_OUTPUT, /* from here on at hooks */
    NFT_CHAIN_POSTROUTING,
    NFT_CHAIN_PREROUTING,
    NFT_CHAIN_INPUT,
    NFT_CHAINS,
    NFT_CHAIN_HOOKED = NFT_CHAIN_OUTPUT,
};

/* Is there such a chain? Some reasons do not occur everywhere. */
bool nft_chain_exists(enum nft_chain chain);

struct nft_chain_name {
    char text[NFT_NAME_LEN];
};
struct nft_chain_name nft_chain_name(enum nft_chain chain);

/* Of the chains at hooks. */
struct nft_hook {
    uint32_t number; /* NF_INET_* */
    int32_t priority;
};
struct nft_hook nft_chain_hook(enum nft_chain chain);
