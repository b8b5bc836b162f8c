/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A change of the firewall, by names: rules and marks hold for an interface whenever there is one of that name. */
#include <errno.h>
#include <state.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "cleanup.h"
#include "enforcer.h"
#include "stage.h"
#include "table.h"
#include "whole.h"

/* Others change other tables: each time what was prepared is made anew. */
#define ATTEMPTS 20

struct staged {
    const struct enforcer *enforcer;
    const struct change *change;
    struct tctl_config config;
    struct policy from;
    struct nft_stage stage;
};

static int tell(int r, struct fault *fault)
{
    if (r == 0 || r == -ENOMEM)
        return r;
    const char *why = nft_enforcer_error(r);
    return why ? fault_set(fault, r, "%s", why) : fault_set(fault, r, "nf_tables refuses the change: %s", strerror(-r));
}

/* change NULL: nobody passes from now on. */
static int hold_changed(const struct nft_held *from, const struct change *change, struct nft_held *ret_to)
{
    struct nft_held to = {.closed = from->closed || !change};
    int r = policy_copy(&from->policy, &to.policy);
    if (r == 0 && change)
        r = change_policy(change, &to.policy);
    if (r < 0)
        nft_held_done(&to);
    else
        *ret_to = to;
    return r;
}

/* -EAGAIN: somebody has changed something after the table was read, and it would be undone. */
static int prepare_once(const struct enforcer *enforcer, const struct change *change, struct nft_stage *ret_stage)
{
    const struct nft_known *known;
    struct nft_held to = {0};
    struct nft_stage stage = {0};
    int r = nft_enforcer_known(enforcer, &known);
    if (r == 0)
        r = hold_changed(&known->held, change, &to);
    if (r == 0)
        r = nft_stage_prepare(enforcer->talk, &to, &stage);
    nft_held_done(&to);
    if (r == 0 && stage.generation != known->generation) {
        nft_stage_done(&stage);
        r = -EAGAIN;
    }
    if (r == 0)
        *ret_stage = stage;
    return r;
}

static int prepare(const struct enforcer *enforcer, const struct change *change, struct nft_stage *ret_stage)
{
    int r = -EAGAIN;
    for (int i = 0; i < ATTEMPTS && r == -EAGAIN; i++)
        r = prepare_once(enforcer, change, ret_stage);
    return r;
}

static int make(const struct enforcer *enforcer, const struct tctl_config *config, const struct change *change)
{
    int r = -EAGAIN;
    for (int i = 0; i < ATTEMPTS && r == -EAGAIN; i++) {
        struct nft_stage stage = {0};
        r = prepare_once(enforcer, change, &stage);
        if (r == 0)
            r = nft_stage_commit(enforcer->talk, config, &stage);
        nft_stage_done(&stage);
    }
    return r;
}

int nft_enforcer_shut(const struct enforcer *enforcer)
{
    struct tctl_config config;
    int r = nft_enforcer_asked(enforcer, &config, NULL);
    return r < 0 ? r : make(enforcer, &config, NULL);
}

/* What the one that is gone has counted is kept, and the one that was made is known as ours. */
static int carry_over(const struct enforcer *enforcer, uint64_t handle, struct fault *fault)
{
    _cleanup_free_ char *path = nft_base_path(enforcer->place);
    struct nft_base_table table = {.handle = handle};
    struct tctl_state state;
    int r = path ? state_read_pinned(enforcer->place, &state) : -ENOMEM;
    if (r < 0)
        return tell(r, fault);
    table.netns_inum = state.netns_inum;
    memcpy(table.boot_id, state.boot_id, sizeof(table.boot_id));
    return nft_base_go_on(path, &table, fault);
}

/* At a start it sleeps until the policy holds in it. */
static int mend(const struct enforcer *enforcer, const struct nft_asked *asked, const struct nft_held *held,
                struct fault *fault)
{
    struct nft_asked here = *asked;
    struct nft_whole whole;
    uint64_t handle = 0;
    int r = nft_whole_find(enforcer->talk, &whole);
    if (r < 0)
        return tell(r, fault);
    here.asleep = whole.dormant;
    here.made = whole.exists ? NULL : &handle;
    r = nft_table_put(enforcer->talk, &here, held, fault);
    return r < 0 || whole.exists ? r : carry_over(enforcer, handle, fault);
}

/* What others have damaged is made anew first: what no rule asks holds for nobody. */
int nft_enforcer_apply(const struct enforcer *enforcer, const struct policy *policy, struct fault *fault)
{
    const struct nft_held held = {.policy = *policy};
    struct tctl_config config;
    struct nft_asked asked = {.config = &config};
    int r = nft_enforcer_asked(enforcer, &config, &asked.sizes);
    if (r < 0)
        return tell(r, fault);
    r = mend(enforcer, &asked, &held, fault);
    return r < 0 ? r : nft_table_hold(enforcer->talk, &config, &held, fault);
}

int nft_staged_open(const struct enforcer *enforcer, struct staged **ret_staged)
{
    const struct nft_known *known;
    struct staged *staged = calloc(1, sizeof(*staged));
    if (!staged)
        return -ENOMEM;
    staged->enforcer = enforcer;
    int r = nft_enforcer_asked(enforcer, &staged->config, NULL);
    if (r == 0)
        r = nft_enforcer_known(enforcer, &known);
    if (r == 0)
        r = policy_copy(&known->held.policy, &staged->from);
    if (r < 0)
        nft_staged_done(staged);
    else
        *ret_staged = staged;
    return r;
}

bool nft_staged_lists(const struct staged *staged, uint32_t chain, uint32_t uid)
{
    const struct policy *policy = &staged->from;
    return policy_uids_has(chain == TCTL_LOCKDOWN ? &policy->lockdown : &policy->listed[chain], uid);
}

int nft_staged_change(struct staged *staged, const struct change *change, struct fault *fault)
{
    staged->change = change;
    return tell(prepare(staged->enforcer, change, &staged->stage), fault);
}

int nft_staged_commit(const struct staged *staged, struct fault *fault)
{
    int r = nft_stage_commit(staged->enforcer->talk, &staged->config, &staged->stage);
    if (r == -EAGAIN)
        r = make(staged->enforcer, &staged->config, staged->change);
    return tell(r, fault);
}

void nft_staged_done(struct staged *staged)
{
    if (!staged)
        return;
    nft_stage_done(&staged->stage);
    policy_done(&staged->from);
    free(staged);
}
