/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "whole.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "parts.h"
#include "paths.h"

#define ATTEMPTS 20
#define REQUEST_SIZE 256

bool nft_whole_rules(const struct tctl_config *config, uint32_t switched, struct nft_rules *rules)
{
    const struct nft_judging judging = {switched, config->exempt_loopback != 0, config->exempt_esp != 0};
    return nft_paths(rules) && nft_judge_fixed(rules, &judging) && nft_judge_switched(rules, &judging);
}

static int malformed(void)
{
    errno = EBADMSG;
    return MNL_CB_ERROR;
}

/* Of our table, when an old kernel gives all there are. table: the attribute that names it. */
static bool is_about(const struct nlmsghdr *message, uint16_t type, uint16_t table)
{
    return message->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | type) &&
           nft_parts_text(nft_parts_of(message, table), NFT_USERS);
}

static int hear_table(const struct nlmsghdr *message, void *into)
{
    struct nft_whole *whole = into;
    uint32_t flags = 0;
    if (!is_about(message, NFT_MSG_NEWTABLE, NFTA_TABLE_NAME))
        return malformed();
    whole->exists = true;
    nft_parts_u32(nft_parts_of(message, NFTA_TABLE_FLAGS), &flags);
    whole->dormant = flags & NFT_TABLE_F_DORMANT;
    nft_parts_u64(nft_parts_of(message, NFTA_TABLE_HANDLE), &whole->handle);
    return MNL_CB_OK;
}

static int hear_set(const struct nlmsghdr *message, void *into)
{
    struct nft_whole *whole = into;
    const struct nlattr *name = nft_parts_of(message, NFTA_SET_NAME);
    if (!is_about(message, NFT_MSG_NEWSET, NFTA_SET_TABLE))
        return MNL_CB_OK;
    whole->ours |= nft_sets_is_ours(message);
    for (enum nft_set set = 0; set < NFT_SETS; set++)
        if (nft_parts_text(name, nft_set_shape(set).name))
            whole->sets[set] = nft_sets_is_right(message, set) ? NFT_RIGHT : NFT_WRONG;
    return MNL_CB_OK;
}

static int hear_count(const struct nlmsghdr *message, void *into)
{
    struct nft_whole *whole = into;
    uint32_t type = 0;
    if (!is_about(message, NFT_MSG_NEWOBJ, NFTA_OBJ_TABLE) ||
        !nft_parts_u32(nft_parts_of(message, NFTA_OBJ_TYPE), &type) || type != NFT_OBJECT_COUNTER)
        return MNL_CB_OK;
    for (enum nft_count count = 0; count < NFT_COUNTS; count++)
        if (nft_parts_text(nft_parts_of(message, NFTA_OBJ_NAME), nft_counts[count]))
            whole->counts[count] = NFT_RIGHT;
    return MNL_CB_OK;
}

/* At its hook, where it lets pass what it does not decide about. */
static bool is_hooked_right(const struct nlmsghdr *message, enum nft_chain chain)
{
    const struct nlattr *hook = nft_parts_of(message, NFTA_CHAIN_HOOK);
    const struct nft_hook wanted = nft_chain_hook(chain);
    uint32_t number = 0, priority = 0, policy = 0;
    return nft_parts_u32(nft_parts_in(hook, NFTA_HOOK_HOOKNUM), &number) && number == wanted.number &&
           nft_parts_u32(nft_parts_in(hook, NFTA_HOOK_PRIORITY), &priority) && (int32_t)priority == wanted.priority &&
           nft_parts_u32(nft_parts_of(message, NFTA_CHAIN_POLICY), &policy) && policy == NF_ACCEPT &&
           nft_parts_text(nft_parts_of(message, NFTA_CHAIN_TYPE), "filter");
}

/* NFT_CHAINS: none of ours. */
static enum nft_chain find_chain(const struct nlattr *name)
{
    enum nft_chain chain = 0;
    while (chain < NFT_CHAINS && (!nft_chain_exists(chain) || !nft_parts_text(name, nft_chain_name(chain).text)))
        chain++;
    return chain;
}

static int hear_chain(const struct nlmsghdr *message, void *into)
{
    struct nft_whole *whole = into;
    if (!is_about(message, NFT_MSG_NEWCHAIN, NFTA_CHAIN_TABLE))
        return MNL_CB_OK;
    enum nft_chain chain = find_chain(nft_parts_of(message, NFTA_CHAIN_NAME));
    if (chain == NFT_CHAINS)
        return MNL_CB_OK;
    bool right = chain >= NFT_CHAIN_HOOKED ? is_hooked_right(message, chain) : !nft_parts_of(message, NFTA_CHAIN_HOOK);
    whole->chains[chain] = right ? NFT_RIGHT : NFT_WRONG;
    return MNL_CB_OK;
}

/* Rules come chain by chain, in their order there. */
struct comparing {
    struct nft_whole *whole;
    const struct nft_rules *wanted;
    size_t next[NFT_CHAINS]; /* where to look for the chain's next */
};

/* NULL: there are no more. */
static const struct nftnl_rule *next_rule(struct comparing *comparing, enum nft_chain chain)
{
    const struct nft_rules *wanted = comparing->wanted;
    size_t *next = &comparing->next[chain];
    while (*next < wanted->count && wanted->rules[*next].chain != chain)
        (*next)++;
    return *next < wanted->count ? wanted->rules[(*next)++].rule : NULL;
}

static bool is_same(const struct nftnl_rule *rule, const struct nlmsghdr *message)
{
    char buffer[NFT_PART_SIZE];
    struct nlmsghdr *ours = nft_talk_head(buffer, NFT_MSG_NEWRULE, 0);
    nftnl_rule_nlmsg_build_payload(ours, (struct nftnl_rule *)rule);
    return nft_parts_equal(nft_parts_of(ours, NFTA_RULE_EXPRESSIONS), nft_parts_of(message, NFTA_RULE_EXPRESSIONS));
}

static int hear_rule(const struct nlmsghdr *message, void *into)
{
    struct comparing *comparing = into;
    if (!is_about(message, NFT_MSG_NEWRULE, NFTA_RULE_TABLE))
        return MNL_CB_OK;
    enum nft_chain chain = find_chain(nft_parts_of(message, NFTA_RULE_CHAIN));
    if (chain == NFT_CHAINS)
        return MNL_CB_OK;
    const struct nftnl_rule *rule = next_rule(comparing, chain);
    if (!rule || !is_same(rule, message))
        comparing->whole->rules[chain] = false;
    return MNL_CB_OK;
}

/* table: 0, or the attribute by which the kernel leaves out other tables, if it can. */
static int ask_about(struct nft_talk *talk, uint16_t type, uint16_t flags, uint16_t table, mnl_cb_t heard, void *into)
{
    char buffer[REQUEST_SIZE];
    struct nlmsghdr *request = nft_talk_head(buffer, type, flags);
    if (table)
        mnl_attr_put_strz(request, table, NFT_USERS);
    return nft_talk_ask(talk, request, heard, into);
}

static int look_at_rules(struct nft_talk *talk, const struct tctl_config *config, struct nft_whole *whole)
{
    struct nft_rules wanted = {0};
    struct comparing comparing = {whole, &wanted};
    int r = nft_whole_rules(config, whole->switched, &wanted) ? 0 : -ENOMEM;
    for (enum nft_chain chain = 0; chain < NFT_CHAINS; chain++)
        whole->rules[chain] = whole->chains[chain] != NFT_MISSING;
    if (r == 0)
        r = ask_about(talk, NFT_MSG_GETRULE, NLM_F_DUMP, NFTA_RULE_TABLE, hear_rule, &comparing);
    for (enum nft_chain chain = 0; chain < NFT_CHAINS; chain++)
        if (next_rule(&comparing, chain))
            whole->rules[chain] = false;
    nft_rules_done(&wanted);
    return r;
}

static int read_switched(struct nft_talk *talk, struct nft_whole *whole)
{
    struct nft_elements elements = {0};
    if (whole->sets[NFT_SET_SWITCHED] != NFT_RIGHT)
        return 0;
    int r = nft_sets_read(talk, NFT_SET_SWITCHED, &elements);
    for (size_t i = 0; i < elements.count && r == 0; i++) {
        uint32_t reason = ((const uint32_t *)(const void *)elements.keys)[i];
        if (reason < TCTL_REASONS)
            whole->switched |= TCTL_BIT(reason);
    }
    nft_elements_done(&elements);
    return r;
}

static int look_at_judged(struct nft_talk *talk, const struct tctl_config *config, struct nft_whole *whole)
{
    struct nft_elements there = {0}, wanted = {0}, missing = {0};
    if (whole->sets[NFT_SET_APP_UIDS] != NFT_RIGHT)
        return 0;
    int r = nft_elements_judged(config, &wanted);
    if (r == 0)
        r = nft_sets_read(talk, NFT_SET_APP_UIDS, &there);
    if (r == 0)
        r = nft_elements_without(&wanted, &there, NFT_SET_APP_UIDS, &missing);
    whole->judged = r == 0 && there.count == wanted.count && missing.count == 0;
    nft_elements_done(&there);
    nft_elements_done(&wanted);
    nft_elements_done(&missing);
    return r;
}

static int look_inside(struct nft_talk *talk, const struct tctl_config *config, struct nft_whole *whole)
{
    int r = ask_about(talk, NFT_MSG_GETOBJ, NLM_F_DUMP, NFTA_OBJ_TABLE, hear_count, whole);
    if (r == 0)
        r = ask_about(talk, NFT_MSG_GETCHAIN, NLM_F_DUMP, NFTA_CHAIN_TABLE, hear_chain, whole);
    if (r == 0)
        r = read_switched(talk, whole);
    if (r == 0)
        r = look_at_judged(talk, config, whole);
    return r == 0 ? look_at_rules(talk, config, whole) : r;
}

/* -EAGAIN: it changed meanwhile; so it did where something is gone that was there. */
static int look_once(struct nft_talk *talk, const struct tctl_config *config, struct nft_whole *whole)
{
    uint32_t after = 0;
    int r = nft_talk_generation(talk, &whole->generation);
    if (r == 0)
        r = ask_about(talk, NFT_MSG_GETTABLE, NLM_F_ACK, NFTA_TABLE_NAME, hear_table, whole);
    if (r == 0)
        r = ask_about(talk, NFT_MSG_GETSET, NLM_F_DUMP, NFTA_SET_TABLE, hear_set, whole);
    if (r == 0 && config)
        r = look_inside(talk, config, whole);
    if (r == -ENOENT)
        r = whole->exists ? -EAGAIN : 0;
    if (r == 0)
        r = nft_talk_generation(talk, &after);
    return r == -EINTR || (r == 0 && after != whole->generation) ? -EAGAIN : r;
}

/* config NULL: no further than the sets. */
static int look(struct nft_talk *talk, const struct tctl_config *config, struct nft_whole *ret_whole)
{
    struct nft_whole whole;
    int r = -EAGAIN;
    for (int i = 0; i < ATTEMPTS && r == -EAGAIN; i++) {
        whole = (struct nft_whole){0};
        r = look_once(talk, config, &whole);
    }
    if (r == 0)
        *ret_whole = whole;
    return r;
}

int nft_whole_look(struct nft_talk *talk, const struct tctl_config *config, struct nft_whole *ret_whole)
{
    return look(talk, config, ret_whole);
}

int nft_whole_find(struct nft_talk *talk, struct nft_whole *ret_whole)
{
    return look(talk, NULL, ret_whole);
}

void nft_whole_compare(struct nft_whole *whole, uint64_t made)
{
    whole->copy = whole->exists && whole->ours && whole->handle != 0 && whole->handle != made;
}

bool nft_whole_is(const struct nft_whole *whole)
{
    bool right = whole->exists && whole->ours && !whole->copy && !whole->dormant && whole->judged;
    for (enum nft_set set = 0; set < NFT_SETS; set++)
        right &= whole->sets[set] == NFT_RIGHT;
    for (enum nft_count count = 0; count < NFT_COUNTS; count++)
        right &= whole->counts[count] == NFT_RIGHT;
    for (enum nft_chain chain = 0; chain < NFT_CHAINS; chain++)
        right &= !nft_chain_exists(chain) || (whole->chains[chain] == NFT_RIGHT && whole->rules[chain]);
    return right;
}

static bool is_at_work(const struct nft_whole *whole, enum nft_chain chain)
{
    return whole->ours && !whole->dormant && whole->chains[chain] == NFT_RIGHT && whole->rules[chain];
}

uint32_t nft_whole_attached(const struct nft_whole *whole)
{
    uint32_t attached = 0;
    if (is_at_work(whole, NFT_CHAIN_INPUT))
        attached |= 1u << TCTL_PROG_INGRESS;
    if (is_at_work(whole, NFT_CHAIN_POSTROUTING))
        attached |= 1u << TCTL_PROG_EGRESS;
    if (is_at_work(whole, NFT_CHAIN_OUTPUT))
        attached |= 1u << TCTL_PROG_CONNECT4 | 1u << TCTL_PROG_CONNECT6;
    return attached;
}
