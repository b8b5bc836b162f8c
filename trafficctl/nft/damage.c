/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What there is of the table against what a start makes, in words. */
#include <stdio.h>

#include "enforcer.h"
#include "whole.h"

#define TABLE "table inet " NFT_USERS
#define INTACT "as trafficd made it"

/* Parts that differ alike make one line, which names the first. */
struct unlike {
    char first[NFT_NAME_LEN];
    size_t count;
};

static void note(struct unlike *unlike, const char *name)
{
    if (unlike->count++ == 0)
        snprintf(unlike->first, sizeof(unlike->first), "%s", name);
}

static void say(struct difference_list *list, const char *kind, const struct unlike *unlike, const char *holds)
{
    if (unlike->count == 1)
        difference_add(list, INTACT, holds, "nf_tables %s %s", kind, unlike->first);
    else if (unlike->count > 1)
        difference_add(list, INTACT, holds, "nf_tables %s %s and %zu more", kind, unlike->first, unlike->count - 1);
}

static void look_at_sets(const struct nft_whole *whole, struct difference_list *list)
{
    struct unlike missing = {0}, wrong = {0}, judged = {0};
    for (enum nft_set set = 0; set < NFT_SETS; set++)
        if (whole->sets[set] != NFT_RIGHT)
            note(whole->sets[set] == NFT_MISSING ? &missing : &wrong, nft_set_shape(set).name);
    if (whole->sets[NFT_SET_APP_UIDS] == NFT_RIGHT && !whole->judged)
        note(&judged, nft_set_shape(NFT_SET_APP_UIDS).name);
    say(list, "set", &missing, "gone");
    say(list, "set", &wrong, "of another kind");
    say(list, "set", &judged, "other UIDs than app_uids are judged");
}

static void look_at_counters(const struct nft_whole *whole, struct difference_list *list)
{
    struct unlike missing = {0};
    for (enum nft_count count = 0; count < NFT_COUNTS; count++)
        if (whole->counts[count] != NFT_RIGHT)
            note(&missing, nft_counts[count]);
    say(list, "counter", &missing, "gone");
}

static void look_at_chains(const struct nft_whole *whole, struct difference_list *list)
{
    struct unlike missing = {0}, wrong = {0}, changed = {0};
    for (enum nft_chain chain = 0; chain < NFT_CHAINS; chain++) {
        const struct nft_chain_name name = nft_chain_name(chain);
        if (!nft_chain_exists(chain))
            continue;
        if (whole->chains[chain] != NFT_RIGHT)
            note(whole->chains[chain] == NFT_MISSING ? &missing : &wrong, name.text);
        else if (!whole->rules[chain])
            note(&changed, name.text);
    }
    say(list, "chain", &missing, "gone");
    say(list, "chain", &wrong, "at another hook, or with another policy");
    say(list, "chain", &changed, "somebody has changed its rules");
}

static void look_at_table(const struct nft_whole *whole, struct difference_list *list)
{
    if (!whole->exists) {
        difference_add(list, "there", "gone: nobody is counted or judged", TABLE);
        return;
    }
    if (!whole->ours) {
        difference_add(list, "ours", "somebody else's: nobody is counted or judged until it is deleted or renamed",
                       TABLE);
        return;
    }
    if (whole->dormant)
        difference_add(list, "at work", "dormant: nobody is counted or judged", TABLE);
    look_at_sets(whole, list);
    look_at_counters(whole, list);
    look_at_chains(whole, list);
}

static int look(const struct enforcer *enforcer, struct nft_whole *ret_whole)
{
    struct tctl_config config;
    int r = nft_enforcer_asked(enforcer, &config, NULL);
    return r < 0 ? r : nft_whole_look(enforcer->talk, &config, ret_whole);
}

int nft_enforcer_differ(const struct enforcer *enforcer, const struct cgroup_tree *tree, int tree_error,
                        struct difference_list *list)
{
    struct nft_whole whole;
    (void)tree;
    (void)tree_error;
    int r = look(enforcer, &whole);
    if (r == 0)
        look_at_table(&whole, list);
    return r;
}

/* Rules are where a packet comes by, from the hook on. */
static bool is_way(const struct nft_whole *whole, const enum nft_chain *way, size_t length)
{
    bool right = whole->ours && !whole->dormant && whole->judged;
    for (size_t i = 0; i < length; i++)
        right &= whole->chains[way[i]] == NFT_RIGHT && whole->rules[way[i]];
    return right;
}

void nft_enforcer_at_work(const struct enforcer *enforcer, bool *ret_in, bool *ret_out)
{
    static const enum nft_chain in[] = {NFT_CHAIN_INPUT, NFT_CHAIN_JUDGE_IN, NFT_CHAIN_BARE_IN, NFT_CHAIN_RULES_IN};
    static const enum nft_chain out[] = {NFT_CHAIN_POSTROUTING, NFT_CHAIN_JUDGE_OUT, NFT_CHAIN_BARE_OUT,
                                         NFT_CHAIN_RULES_OUT};
    struct nft_whole whole;
    int r = look(enforcer, &whole);
    /* What cannot be seen, since others change the ruleset all the time, is not said to be missing. */
    *ret_in = *ret_out = r < 0;
    if (r < 0)
        return;
    *ret_in = is_way(&whole, in, ARRAY_SIZE(in));
    *ret_out = is_way(&whole, out, ARRAY_SIZE(out));
}
