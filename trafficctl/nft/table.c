/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "table.h"

#include <errno.h>
#include <libnftnl/object.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "rules_put.h"
#include "stage.h"
#include "whole.h"

#define ATTEMPTS 20
#define NOT_OURS "there is a table inet " NFT_USERS " of nf_tables that is not ours: delete or rename it"

static void obj_freep(struct nftnl_obj **object)
{
    if (*object)
        nftnl_obj_free(*object);
}

/* The same for one that is there wakes it. */
static int put_table(struct nft_batch *batch, bool asleep)
{
    _cleanup_table_ struct nftnl_table *table = nftnl_table_alloc();
    if (!table || nftnl_table_set_str(table, NFTNL_TABLE_NAME, NFT_USERS) < 0)
        return -ENOMEM;
    nftnl_table_set_u32(table, NFTNL_TABLE_FAMILY, NFPROTO_INET);
    nftnl_table_set_u32(table, NFTNL_TABLE_FLAGS, asleep ? NFT_TABLE_F_DORMANT : 0);
    nftnl_table_nlmsg_build_payload(nft_batch_part(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE), table);
    return nft_batch_part_end(batch);
}

static int put_chain(struct nft_batch *batch, enum nft_chain which)
{
    _cleanup_chain_ struct nftnl_chain *chain = nftnl_chain_alloc();
    const struct nft_hook hook = nft_chain_hook(which);
    if (!chain || nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, NFT_USERS) < 0 ||
        nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, nft_chain_name(which).text) < 0 ||
        (which >= NFT_CHAIN_HOOKED && nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, "filter") < 0))
        return -ENOMEM;
    nftnl_chain_set_u32(chain, NFTNL_CHAIN_FAMILY, NFPROTO_INET);
    if (which >= NFT_CHAIN_HOOKED) {
        nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, hook.number);
        nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, hook.priority);
        nftnl_chain_set_u32(chain, NFTNL_CHAIN_POLICY, NF_ACCEPT);
    }
    nftnl_chain_nlmsg_build_payload(nft_batch_part(batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL), chain);
    return nft_batch_part_end(batch);
}

static int put_count(struct nft_batch *batch, enum nft_count count)
{
    _cleanup_(obj_freep) struct nftnl_obj *counter = nftnl_obj_alloc();
    if (!counter)
        return -ENOMEM;
    nftnl_obj_set_str(counter, NFTNL_OBJ_TABLE, NFT_USERS);
    nftnl_obj_set_str(counter, NFTNL_OBJ_NAME, nft_counts[count]);
    nftnl_obj_set_u32(counter, NFTNL_OBJ_FAMILY, NFPROTO_INET);
    nftnl_obj_set_u32(counter, NFTNL_OBJ_TYPE, NFT_OBJECT_COUNTER);
    nftnl_obj_nlmsg_build_payload(nft_batch_part(batch, NFT_MSG_NEWOBJ, NLM_F_CREATE | NLM_F_EXCL), counter);
    return nft_batch_part_end(batch);
}

static int drop_chain(struct nft_batch *batch, enum nft_chain chain)
{
    struct nlmsghdr *part = nft_batch_part(batch, NFT_MSG_DELCHAIN, 0);
    mnl_attr_put_strz(part, NFTA_CHAIN_TABLE, NFT_USERS);
    mnl_attr_put_strz(part, NFTA_CHAIN_NAME, nft_chain_name(chain).text);
    return nft_batch_part_end(batch);
}

/* Rules first: they keep sets and chains from going. */
static int drop_wrong(struct nft_batch *batch, const struct nft_whole *whole)
{
    int r = 0;
    for (enum nft_chain chain = 0; chain < NFT_CHAINS && r == 0; chain++)
        if (whole->chains[chain] != NFT_MISSING)
            r = nft_rules_clear(batch, chain);
    for (enum nft_chain chain = 0; chain < NFT_CHAINS && r == 0; chain++)
        if (whole->chains[chain] == NFT_WRONG)
            r = drop_chain(batch, chain);
    for (enum nft_set set = 0; set < NFT_SETS && r == 0; set++)
        if (whole->sets[set] == NFT_WRONG)
            r = nft_sets_delete(batch, set);
    return r;
}

static int fill(struct nft_batch *batch, enum nft_set set, const struct nft_asked *asked, const struct nft_held *held)
{
    struct nft_elements elements = {0};
    int r = 0;
    if (set == NFT_SET_APP_UIDS)
        r = nft_elements_judged(asked->config, &elements);
    else if (set < NFT_SET_COUNTING)
        r = nft_elements_of(held, set, &elements);
    if (r == 0)
        r = nft_sets_add(batch, set, &elements);
    nft_elements_done(&elements);
    return r;
}

static int make_sets(struct nft_batch *batch, const struct nft_whole *whole, const struct nft_asked *asked,
                     const struct nft_held *held)
{
    int r = 0;
    for (enum nft_set set = 0; set < NFT_SETS && r == 0; set++) {
        bool there = whole->sets[set] == NFT_RIGHT, refill = set == NFT_SET_APP_UIDS && !whole->judged;
        if (!there)
            r = nft_sets_make(batch, set, &asked->sizes);
        else if (refill)
            r = nft_sets_clear(batch, set);
        if (r == 0 && (!there || refill))
            r = fill(batch, set, asked, held);
    }
    return r;
}

static int make_rest(struct nft_batch *batch, const struct nft_whole *whole)
{
    int r = 0;
    for (enum nft_count count = 0; count < NFT_COUNTS && r == 0; count++)
        if (whole->counts[count] != NFT_RIGHT)
            r = put_count(batch, count);
    for (enum nft_chain chain = 0; chain < NFT_CHAINS && r == 0; chain++)
        if (nft_chain_exists(chain) && whole->chains[chain] != NFT_RIGHT)
            r = put_chain(batch, chain);
    return r;
}

/* What is on is what the set says that stays. */
static int make_rules(struct nft_batch *batch, const struct nft_whole *whole, const struct tctl_config *config,
                      const struct nft_held *held)
{
    struct nft_rules rules = {0};
    bool stays = whole->sets[NFT_SET_SWITCHED] == NFT_RIGHT;
    int r = nft_whole_rules(config, stays ? whole->switched : nft_held_switched(held), &rules) ? 0 : -ENOMEM;
    if (r == 0)
        r = nft_rules_put(batch, &rules);
    nft_rules_done(&rules);
    return r;
}

static int drop_table(struct nft_batch *batch)
{
    mnl_attr_put_strz(nft_batch_part(batch, NFT_MSG_DELTABLE, 0), NFTA_TABLE_NAME, NFT_USERS);
    return nft_batch_part_end(batch);
}

/* The kernel adds no chains with hooks to a table that the same batch wakes. */
static int plan(struct nft_batch *batch, const struct nft_whole *whole, const struct nft_asked *asked,
                const struct nft_held *held)
{
    const struct nft_whole nothing = {0};
    if (whole->copy) {
        int r = drop_table(batch);
        return r < 0 ? r : plan(batch, &nothing, asked, held);
    }
    const bool wake = whole->dormant && !asked->asleep;
    int r = whole->exists && !wake ? 0 : put_table(batch, asked->asleep);
    if (r < 0 || wake)
        return r;
    r = drop_wrong(batch, whole);
    if (r == 0)
        r = make_sets(batch, whole, asked, held);
    if (r == 0)
        r = make_rest(batch, whole);
    return r == 0 ? make_rules(batch, whole, asked->config, held) : r;
}

static int tell(int r, struct fault *fault)
{
    switch (r) {
    case 0:
    case -ENOMEM:
        return r;
    case -EAGAIN:
        return fault_set(fault, r, "others change the ruleset faster than the table " NFT_USERS " can be changed");
    case -E2BIG:
        return fault_set(fault, r, "app_uids are more than 100000 ranges for nf_tables: raise per_user_range");
    case -EEXIST:
        return fault_set(fault, r, NOT_OURS);
    case -ENOENT:
    case -EOPNOTSUPP:
        return fault_set(fault, -ENOTSUP,
                         "this kernel's nf_tables cannot count and judge by user (CONFIG_NF_TABLES_INET, "
                         "CONFIG_NFT_REJECT_INET, CONFIG_NFT_OBJREF)");
    default:
        return fault_set(fault, r, "nf_tables refuses the table " NFT_USERS ": %s", strerror(-r));
    }
}

static bool is_done(const struct nft_whole *whole, const struct nft_asked *asked)
{
    struct nft_whole wanted = *whole;
    wanted.dormant = whole->dormant && !asked->asleep;
    return nft_whole_is(&wanted);
}

/* The one that was just made is known when it is seen for the first time. */
static void compare(struct nft_whole *whole, const struct nft_asked *asked, bool is_made)
{
    if (!asked->made)
        return;
    if (is_made)
        *asked->made = whole->handle;
    nft_whole_compare(whole, *asked->made);
}

/* 0: all is as it should be already; -EAGAIN: something was done about it, and is to be looked at again. */
static int put_once(struct nft_talk *talk, const struct nft_asked *asked, const struct nft_held *held, bool *is_made)
{
    struct nft_whole whole;
    struct nft_batch batch;
    uint32_t refused = 0;
    int r = nft_whole_look(talk, asked->config, &whole);
    if (r == 0)
        compare(&whole, asked, *is_made);
    if (r < 0 || is_done(&whole, asked))
        return r;
    if (whole.exists && !whole.ours)
        return -EEXIST;
    r = nft_batch_begin(&batch, talk, whole.generation);
    if (r == 0)
        r = plan(&batch, &whole, asked, held);
    if (r == 0)
        r = nft_batch_send(&batch, &refused);
    nft_batch_done(&batch);
    *is_made = r == 0 && (whole.copy || !whole.exists);
    return r == 0 ? -EAGAIN : r;
}

int nft_table_put(struct nft_talk *talk, const struct nft_asked *asked, const struct nft_held *held,
                  struct fault *fault)
{
    bool is_made = false;
    int r = -EAGAIN;
    for (int i = 0; i < ATTEMPTS && r == -EAGAIN; i++)
        r = put_once(talk, asked, held, &is_made);
    return tell(r, fault);
}

int nft_table_try(struct nft_talk *talk, const struct nft_asked *asked, struct fault *fault)
{
    const struct nft_whole nothing = {0};
    const struct nft_held nobody = {0};
    struct nft_whole there;
    struct nft_batch batch;
    uint32_t refused = 0;
    int r = nft_whole_find(talk, &there);
    if (r < 0 || there.exists)
        return tell(r == 0 && !there.ours ? -EEXIST : r, fault);
    r = nft_batch_begin(&batch, talk, 0);
    if (r == 0)
        r = plan(&batch, &nothing, asked, &nobody);
    if (r == 0)
        r = nft_batch_try(&batch, &refused);
    nft_batch_done(&batch);
    return tell(r, fault);
}

static int hold_once(struct nft_talk *talk, const struct tctl_config *config, const struct nft_held *held)
{
    struct nft_stage stage;
    int r = nft_stage_prepare(talk, held, &stage);
    if (r < 0)
        return r;
    r = nft_stage_commit(talk, config, &stage);
    nft_stage_done(&stage);
    return r;
}

int nft_table_hold(struct nft_talk *talk, const struct tctl_config *config, const struct nft_held *held,
                   struct fault *fault)
{
    int r = -EAGAIN;
    for (int i = 0; i < ATTEMPTS && r == -EAGAIN; i++)
        r = hold_once(talk, config, held);
    if (r == -ENOENT)
        return fault_set(fault, r, "the table inet " NFT_USERS " of nf_tables is not there, or not whole");
    return tell(r, fault);
}

static int remove_once(struct nft_talk *talk)
{
    struct nft_whole whole;
    struct nft_batch batch;
    uint32_t refused = 0;
    int r = nft_whole_find(talk, &whole);
    if (r < 0 || !whole.ours)
        return r;
    r = nft_batch_begin(&batch, talk, whole.generation);
    if (r == 0)
        r = drop_table(&batch);
    if (r == 0)
        r = nft_batch_send(&batch, &refused);
    nft_batch_done(&batch);
    return r;
}

int nft_table_remove(struct nft_talk *talk, struct fault *fault)
{
    int r = -EAGAIN;
    for (int i = 0; i < ATTEMPTS && r == -EAGAIN; i++)
        r = remove_once(talk);
    return tell(r, fault);
}
