/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "enforcer.h"

#include <errno.h>
#include <ifaces.h>
#include <state.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <translate.h>

#include "config.h"
#include "whole.h"

static void nft_enforcer_closep(struct enforcer **enforcer)
{
    nft_enforcer_close(*enforcer);
}

void nft_enforcer_close(struct enforcer *enforcer)
{
    if (!enforcer)
        return;
    if (enforcer->known)
        nft_held_done(&enforcer->known->held);
    free(enforcer->known);
    nft_talk_free(enforcer->talk);
    free(enforcer->place);
    free(enforcer);
}

static struct enforcer *enforcer_new(const char *place)
{
    struct enforcer *enforcer = calloc(1, sizeof(*enforcer));
    if (!enforcer)
        return NULL;
    enforcer->place = strdup(place);
    enforcer->known = calloc(1, sizeof(*enforcer->known));
    if (enforcer->place && enforcer->known)
        return enforcer;
    nft_enforcer_close(enforcer);
    return NULL;
}

/* A socket asks the namespace that it was made in. */
static int check_netns(const struct enforcer *enforcer)
{
    struct tctl_state state;
    bool here = false;
    int r = state_read_pinned(enforcer->place, &state);
    if (r == 0)
        r = ifaces_are_of(state.netns_inum, &here);
    return r < 0 || here ? r : -EXDEV;
}

int nft_enforcer_open(const char *place, struct enforcer **ret_enforcer)
{
    _cleanup_(nft_enforcer_closep) struct enforcer *enforcer = enforcer_new(place);
    struct fault unheard = {0};
    if (!enforcer)
        return -ENOMEM;
    int r = check_netns(enforcer);
    if (r == 0)
        r = nft_talk_open(&enforcer->talk, &unheard);
    if (r < 0)
        return r;
    *ret_enforcer = TAKE_PTR(enforcer);
    return 0;
}

const char *nft_enforcer_error(int err)
{
    switch (err) {
    case -ENOENT:
        return "the table inet " NFT_USERS
               " of nf_tables is not there, or not whole: start trafficd, or run trafficctl firewall restore";
    case -EEXIST:
        return "the table inet " NFT_USERS " of nf_tables is somebody else's: delete or rename it";
    case -EAGAIN:
        return "others change the ruleset of nf_tables all the time: try again";
    case -EBADMSG:
        return "somebody else has written into the table inet " NFT_USERS " of nf_tables: run trafficctl firewall "
               "restore, or restart trafficd";
    default:
        return NULL;
    }
}

/* Anybody may have made a table of this name. */
static int read_ours(struct nft_talk *talk, struct nft_known *ret_known)
{
    struct nft_whole whole;
    int r = nft_whole_find(talk, &whole);
    if (r == 0 && !whole.ours)
        r = whole.exists ? -EEXIST : -ENOENT;
    return r < 0 ? r : nft_sets_read_held(talk, &ret_known->held, &ret_known->generation);
}

static int refresh(struct nft_talk *talk, struct nft_known *known)
{
    struct nft_known now = {0};
    uint32_t generation = 0;
    int r = nft_talk_generation(talk, &generation);
    if (r < 0 || generation == known->generation)
        return r;
    r = read_ours(talk, &now);
    if (r < 0)
        return r;
    nft_held_done(&known->held);
    *known = now;
    return 0;
}

int nft_enforcer_known(const struct enforcer *enforcer, const struct nft_known **ret_known)
{
    int r = refresh(enforcer->talk, enforcer->known);
    if (r < 0)
        return r;
    *ret_known = enforcer->known;
    return 0;
}

int nft_enforcer_asked(const struct enforcer *enforcer, struct tctl_config *ret_config, struct nft_sizes *ret_sizes)
{
    struct tctl_state state;
    int r = state_read_pinned(enforcer->place, &state);
    if (r == 0)
        r = nft_config_of(&state, ret_config);
    return r == 0 && ret_sizes ? nft_config_sizes(&state, ret_sizes) : r;
}

/* Nobody is kept out by a table that is not there, or that is not to be understood: it can be made anew. */
int nft_enforcer_config(const struct enforcer *enforcer, struct tctl_config *ret_config)
{
    const struct nft_known *known;
    struct tctl_config config;
    int r = nft_enforcer_asked(enforcer, &config, NULL);
    if (r < 0)
        return r;
    r = nft_enforcer_known(enforcer, &known);
    if (r < 0 && r != -ENOENT && r != -EEXIST && r != -EBADMSG)
        return r;
    config.closed = r == 0 && known->held.closed;
    *ret_config = config;
    return 0;
}

/* As BPF's say of a rule whose interface nobody knows. */
static void name_nameless(struct policy *policy)
{
    for (size_t i = 0; i < policy->iface_count; i++)
        if (strcmp(policy->ifaces[i].iface, NFT_NO_IFACE) == 0)
            snprintf(policy->ifaces[i].iface, sizeof(policy->ifaces[i].iface), TRANSLATE_NAMELESS, 0);
}

int nft_enforcer_read(const struct enforcer *enforcer, struct policy *ret_policy)
{
    const struct nft_known *known;
    int r = nft_enforcer_known(enforcer, &known);
    if (r == 0)
        r = policy_copy(&known->held.policy, ret_policy);
    if (r == 0)
        name_nameless(ret_policy);
    return r;
}

int nft_enforcer_image(const struct enforcer *enforcer, struct image *ret_image)
{
    const struct nft_known *known;
    _cleanup_(ifaces_done) struct ifaces ifaces = {0};
    int r = nft_enforcer_known(enforcer, &known);
    if (r == 0)
        r = ifaces_list(&ifaces);
    if (r == 0)
        r = translate_to_image(&known->held.policy, &ifaces, ret_image);
    if (r == 0)
        ret_image->closed = known->held.closed;
    return r;
}

static uint32_t number_of(const char *iface)
{
    const uint32_t number = *iface ? if_nametoindex(iface) : TCTL_ANY_IFACE;
    return *iface && !number ? TCTL_NO_IFACE : number;
}

static uint32_t lists_of(const struct policy *policy, uint32_t uid)
{
    uint32_t lists = policy_uids_has(&policy->lockdown, uid) ? TCTL_BIT(TCTL_LOCKDOWN) : 0;
    for (uint32_t chain = TCTL_DOZABLE; chain < TCTL_CHAINS; chain++)
        if (policy_uids_has(&policy->listed[chain], uid))
            lists |= TCTL_BIT(chain);
    return lists;
}

int nft_enforcer_of(const struct enforcer *enforcer, const struct tctl_config *config, uint32_t uid,
                    struct rules *ret_rules)
{
    const struct nft_known *known;
    int r = nft_enforcer_known(enforcer, &known);
    if (r < 0)
        return r;
    const struct policy *policy = &known->held.policy;
    const struct policy_iface *rule = policy_find_iface(policy, uid);
    struct rules rules = {.switched = policy->switched, .rules = lists_of(policy, uid), .closed = config->closed};
    if (rule) {
        rules.rules |= TCTL_BIT(TCTL_IFACE_RULE);
        rules.iface = number_of(rule->iface);
    }
    *ret_rules = rules;
    return 0;
}

int nft_enforcer_metered(const struct enforcer *enforcer, uint32_t number, const char *name, bool *ret_metered)
{
    (void)number;
    const struct nft_known *known;
    bool metered = false;
    int r = nft_enforcer_known(enforcer, &known);
    if (r < 0)
        return r;
    for (size_t i = 0; i < known->held.policy.metered_count; i++)
        metered |= strcmp(known->held.policy.metered[i], name) == 0;
    *ret_metered = metered;
    return 0;
}

/* Every socket of the network namespace. */
int nft_enforcer_tree(const struct enforcer *enforcer, struct cgroup_tree *tree)
{
    (void)enforcer;
    cgroup_tree_everybody(tree);
    return 0;
}
