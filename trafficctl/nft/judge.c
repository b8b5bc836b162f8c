/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "judge.h"

#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>

#include "match.h"

/* A TCP header has so many words of 4 bytes. */
#define LEAST_WORDS 5
#define MOST_WORDS 15

/* One of the ways that packets go. */
struct direction {
    enum nft_chain rules;
    enum nft_chain ends;  /* and a reason: where what is dropped goes */
    uint32_t index, name; /* NFT_META_* of the interface */
};
static const struct direction outgoing = {NFT_CHAIN_RULES_OUT, NFT_CHAIN_DROP_OUT, NFT_META_OIF, NFT_META_OIFNAME};
static const struct direction incoming = {NFT_CHAIN_RULES_IN, NFT_CHAIN_DROP_IN, NFT_META_IIF, NFT_META_IIFNAME};
/* Before there is a packet on its way: who connects is told at once. */
static const struct direction connecting = {NFT_CHAIN_RULES_CONNECT, NFT_CHAIN_REFUSE, NFT_META_OIF, NFT_META_OIFNAME};
/* To whoever was let in by mistake: who sent a packet to a listener is not known yet when it comes. */
static const struct direction answering = {NFT_CHAIN_ANSWER, NFT_CHAIN_DROP_IN, NFT_META_OIF, NFT_META_OIFNAME};

static bool add_end(struct nft_rules *rules, enum nft_chain chain, int32_t verdict, enum nft_chain to)
{
    struct nftnl_rule *rule = nft_rules_add(rules, chain);
    return rule && nft_expr_go(rule, verdict, to);
}

static bool match_metered(struct nftnl_rule *rule, const struct direction *direction)
{
    return nft_expr_meta(rule, direction->name, NFT_REGISTER_FIRST) && nft_expr_lookup(rule, NFT_SET_METERED, false);
}

static bool add_chain(struct nft_rules *rules, const struct direction *direction, enum tctl_reason chain)
{
    struct nftnl_rule *rule = nft_rules_add(rules, direction->rules);
    bool metered = TCTL_METERED_CHAINS & TCTL_BIT(chain);
    return rule && (chain != TCTL_BACKGROUND || nft_match_loopback(rule, direction->index, false)) &&
           (!metered || match_metered(rule, direction)) &&
           nft_match_uid(rule, (enum nft_set)chain, TCTL_ALLOW_LISTS & TCTL_BIT(chain)) &&
           nft_expr_go(rule, NFT_GOTO, direction->ends + chain);
}

static bool add_chains(struct nft_rules *rules, const struct direction *direction, uint32_t switched)
{
    bool added = true;
    for (uint32_t chain = TCTL_DOZABLE; chain < TCTL_CHAINS && added; chain++)
        if (switched & TCTL_BIT(chain))
            added = add_chain(rules, direction, chain);
    return added;
}

/* The owner has an interface of his own, and this is another. */
static bool add_interface(struct nft_rules *rules, const struct direction *direction)
{
    struct nftnl_rule *rule = nft_rules_add(rules, direction->rules);
    return rule && nft_match_loopback(rule, direction->index, false) && nft_match_uid(rule, NFT_SET_IIF_RULED, false) &&
           nft_match_uid(rule, NFT_SET_IIF_ANY, true) && nft_expr_meta(rule, NFT_META_SKUID, NFT_REGISTER_FIRST) &&
           nft_expr_meta(rule, direction->name, NFT_REGISTER_SECOND) && nft_expr_lookup(rule, NFT_SET_IIF_OK, true) &&
           nft_expr_go(rule, NFT_GOTO, direction->ends + TCTL_IFACE_RULE);
}

/* An interface of one's own lifts it. */
static bool add_lockdown(struct nft_rules *rules, const struct direction *direction)
{
    struct nftnl_rule *rule = nft_rules_add(rules, direction->rules);
    return rule && nft_match_loopback(rule, direction->index, false) && nft_match_uid(rule, NFT_SET_LOCKDOWN, false) &&
           nft_match_uid(rule, NFT_SET_IIF_RULED, true) && nft_expr_go(rule, NFT_GOTO, direction->ends + TCTL_LOCKDOWN);
}

/* In the order of reasons: the first that drops a packet is the one that is told. */
static bool add_switched(struct nft_rules *rules, const struct direction *direction, uint32_t switched)
{
    bool closed = switched & TCTL_BIT(TCTL_CLOSED);
    return add_chains(rules, direction, switched) &&
           (direction != &incoming || (add_interface(rules, direction) && add_lockdown(rules, direction))) &&
           (!closed || add_end(rules, direction->rules, NFT_GOTO, direction->ends + TCTL_CLOSED));
}

static bool add_loopback(struct nft_rules *rules, enum nft_chain chain, uint32_t index)
{
    struct nftnl_rule *rule = nft_rules_add(rules, chain);
    return rule && nft_match_loopback(rule, index, true) && nft_expr_verdict(rule, NFT_RETURN);
}

bool nft_judge_switched(struct nft_rules *rules, const struct nft_judging *judging)
{
    return add_switched(rules, &outgoing, judging->switched) && add_switched(rules, &incoming, judging->switched) &&
           (!judging->exempt_loopback || add_loopback(rules, connecting.rules, connecting.index)) &&
           add_switched(rules, &connecting, judging->switched);
}

static bool add_esp(struct nft_rules *rules, enum nft_chain chain)
{
    struct nftnl_rule *rule = nft_rules_add(rules, chain);
    return rule && nft_match_protocol(rule, IPPROTO_ESP) && nft_expr_verdict(rule, NFT_RETURN);
}

static bool add_bare(struct nft_rules *rules, enum nft_chain chain, bool ipv6)
{
    bool added = true;
    for (uint8_t words = LEAST_WORDS; words <= MOST_WORDS && added; words++) {
        struct nftnl_rule *rule = nft_rules_add(rules, chain);
        added = rule && nft_match_bare(rule, ipv6, words) && nft_expr_verdict(rule, NFT_RETURN);
    }
    return added;
}

static bool add_bare_chain(struct nft_rules *rules, enum nft_chain chain, enum nft_chain then)
{
    return add_bare(rules, chain, false) && add_bare(rules, chain, true) && add_end(rules, chain, NFT_GOTO, then);
}

static bool add_judging(struct nft_rules *rules, const struct nft_judging *judging, enum nft_chain chain,
                        uint32_t index)
{
    return (!judging->exempt_loopback || add_loopback(rules, chain, index)) &&
           (!judging->exempt_esp || add_esp(rules, chain));
}

/* Resets and ends are let out, and in, to be looked at. */
static bool add_judge_out(struct nft_rules *rules, const struct nft_judging *judging)
{
    if (!add_judging(rules, judging, NFT_CHAIN_JUDGE_OUT, outgoing.index))
        return false;
    struct nftnl_rule *rule = nft_rules_add(rules, NFT_CHAIN_JUDGE_OUT);
    return rule && nft_match_tcp_flags(rule, NFT_TCP_RST, NFT_TCP_RST) &&
           nft_expr_go(rule, NFT_GOTO, NFT_CHAIN_BARE_OUT) &&
           add_end(rules, NFT_CHAIN_JUDGE_OUT, NFT_GOTO, NFT_CHAIN_RULES_OUT);
}

static bool add_judge_in(struct nft_rules *rules, const struct nft_judging *judging)
{
    if (!add_judging(rules, judging, NFT_CHAIN_JUDGE_IN, incoming.index))
        return false;
    struct nftnl_rule *rule = nft_rules_add(rules, NFT_CHAIN_JUDGE_IN);
    return rule && nft_match_any_tcp_flag(rule, NFT_TCP_FIN | NFT_TCP_RST) &&
           nft_expr_go(rule, NFT_GOTO, NFT_CHAIN_BARE_IN) &&
           add_end(rules, NFT_CHAIN_JUDGE_IN, NFT_GOTO, NFT_CHAIN_RULES_IN);
}

bool nft_judge_fixed(struct nft_rules *rules, const struct nft_judging *judging)
{
    return add_bare_chain(rules, NFT_CHAIN_BARE_OUT, NFT_CHAIN_RULES_OUT) &&
           add_bare_chain(rules, NFT_CHAIN_BARE_IN, NFT_CHAIN_RULES_IN) && add_judge_out(rules, judging) &&
           add_judge_in(rules, judging) && add_interface(rules, &answering) && add_lockdown(rules, &answering);
}
