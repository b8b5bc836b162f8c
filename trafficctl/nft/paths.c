/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "paths.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "match.h"

static bool add_count(struct nft_rules *rules, enum nft_chain chain, enum nft_count count)
{
    struct nftnl_rule *rule = nft_rules_add(rules, chain);
    return rule && nft_expr_count(rule, count);
}

static bool load_uid_reason(struct nftnl_rule *rule, uint32_t reason)
{
    return nft_expr_meta(rule, NFT_META_SKUID, NFT_REGISTER_FIRST) &&
           nft_expr_number(rule, reason, NFT_REGISTER_SECOND);
}

/* Whether it is counted or not, it is dropped. */
static bool add_drop(struct nft_rules *rules, enum nft_chain chain, enum nft_set set)
{
    struct nftnl_rule *rule = nft_rules_add(rules, chain);
    if (!rule || !load_uid_reason(rule, chain % TCTL_REASONS) || !nft_expr_count_at(rule, set) ||
        !nft_expr_verdict(rule, NF_DROP))
        return false;
    rule = nft_rules_add(rules, chain);
    return rule && nft_expr_count(rule, NFT_COUNT_LOST_DROPS) && nft_expr_verdict(rule, NF_DROP);
}

/* A drop would have the caller wait. */
static bool add_refusal(struct nft_rules *rules, enum nft_chain chain)
{
    struct nftnl_rule *rule = nft_rules_add(rules, chain);
    if (!rule || !load_uid_reason(rule, chain % TCTL_REASONS) || !nft_expr_count_at(rule, NFT_SET_REFUSED) ||
        !nft_expr_reset(rule))
        return false;
    rule = nft_rules_add(rules, chain);
    return rule && nft_expr_count(rule, NFT_COUNT_LOST_DROPS) && nft_expr_reset(rule);
}

static bool add_ends(struct nft_rules *rules)
{
    bool added = true;
    for (uint32_t reason = 1; reason < TCTL_REASONS && added; reason++) {
        if (nft_chain_exists(NFT_CHAIN_DROP_OUT + reason))
            added = add_drop(rules, NFT_CHAIN_DROP_OUT + reason, NFT_SET_DROPPED_OUT) &&
                    add_refusal(rules, NFT_CHAIN_REFUSE + reason);
        added = added && add_drop(rules, NFT_CHAIN_DROP_IN + reason, NFT_SET_DROPPED_IN);
    }
    return added;
}

/* What has a row of its owner's, what has an owner and found no room, and the rest. */
static bool add_counting(struct nft_rules *rules, enum nft_chain chain, uint32_t name, enum nft_set set,
                         enum nft_count lost, enum nft_count unowned)
{
    struct nftnl_rule *rule = nft_rules_add(rules, chain);
    if (!rule || !nft_expr_meta(rule, NFT_META_SKUID, NFT_REGISTER_FIRST) ||
        !nft_expr_meta(rule, name, NFT_REGISTER_SECOND) || !nft_expr_count_at(rule, set) ||
        !nft_expr_verdict(rule, NFT_RETURN))
        return false;
    rule = nft_rules_add(rules, chain);
    return rule && nft_match_owned(rule) && nft_expr_count(rule, lost) && nft_expr_verdict(rule, NFT_RETURN) &&
           add_count(rules, chain, unowned);
}

static bool add_interfaces(struct nft_rules *rules, enum nft_chain chain, uint32_t name, enum nft_set set)
{
    struct nftnl_rule *rule = nft_rules_add(rules, chain);
    return rule && nft_expr_meta(rule, name, NFT_REGISTER_FIRST) && nft_expr_count_at(rule, set) &&
           nft_expr_verdict(rule, NFT_RETURN) && add_count(rules, chain, NFT_COUNT_LOST_IFACE);
}

static bool add_jump(struct nft_rules *rules, enum nft_chain chain, enum nft_chain to)
{
    struct nftnl_rule *rule = nft_rules_add(rules, chain);
    return rule && nft_expr_go(rule, NFT_JUMP, to);
}

/* Flags first: few packets have them. */
static bool add_tcp_jump(struct nft_rules *rules, enum nft_chain chain, uint8_t flags, enum nft_chain to)
{
    struct nftnl_rule *rule = nft_rules_add(rules, chain);
    return rule && nft_match_tcp_flags(rule, NFT_TCP_SYN | NFT_TCP_ACK, flags) && nft_match_app_uid(rule) &&
           nft_expr_go(rule, NFT_JUMP, to);
}

static bool add_judged_jump(struct nft_rules *rules, enum nft_chain chain, enum nft_chain to)
{
    struct nftnl_rule *rule = nft_rules_add(rules, chain);
    return rule && nft_match_app_uid(rule) && nft_expr_go(rule, NFT_JUMP, to);
}

/* What is sent is counted when it is let out, what comes in whether it is let in or not: as the programs do. */
static bool add_hooks(struct nft_rules *rules)
{
    return add_tcp_jump(rules, NFT_CHAIN_OUTPUT, NFT_TCP_SYN, NFT_CHAIN_RULES_CONNECT) &&
           add_tcp_jump(rules, NFT_CHAIN_POSTROUTING, NFT_TCP_SYN | NFT_TCP_ACK, NFT_CHAIN_ANSWER) &&
           add_judged_jump(rules, NFT_CHAIN_POSTROUTING, NFT_CHAIN_JUDGE_OUT) &&
           add_jump(rules, NFT_CHAIN_POSTROUTING, NFT_CHAIN_COUNT_IFACE_OUT) &&
           add_jump(rules, NFT_CHAIN_POSTROUTING, NFT_CHAIN_COUNT_OUT) &&
           add_jump(rules, NFT_CHAIN_PREROUTING, NFT_CHAIN_COUNT_IFACE_IN) &&
           add_jump(rules, NFT_CHAIN_INPUT, NFT_CHAIN_COUNT_IN) &&
           add_judged_jump(rules, NFT_CHAIN_INPUT, NFT_CHAIN_JUDGE_IN);
}

bool nft_paths(struct nft_rules *rules)
{
    return add_ends(rules) &&
           add_counting(rules, NFT_CHAIN_COUNT_OUT, NFT_META_OIFNAME, NFT_SET_SENT, NFT_COUNT_LOST_OUT,
                        NFT_COUNT_UNOWNED_OUT) &&
           add_counting(rules, NFT_CHAIN_COUNT_IN, NFT_META_IIFNAME, NFT_SET_RECEIVED, NFT_COUNT_LOST_IN,
                        NFT_COUNT_UNOWNED_IN) &&
           add_interfaces(rules, NFT_CHAIN_COUNT_IFACE_OUT, NFT_META_OIFNAME, NFT_SET_IFACE_OUT) &&
           add_interfaces(rules, NFT_CHAIN_COUNT_IFACE_IN, NFT_META_IIFNAME, NFT_SET_IFACE_IN) && add_hooks(rules);
}
