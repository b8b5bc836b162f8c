/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "stage.h"

#include <errno.h>

#include "judge.h"
#include "rules_put.h"

void nft_stage_done(struct nft_stage *stage)
{
    for (enum nft_set set = 0; set < NFT_SET_COUNTING; set++) {
        nft_elements_done(&stage->gone[set]);
        nft_elements_done(&stage->made[set]);
    }
}

static int compare_set(struct nft_talk *talk, enum nft_set set, const struct nft_held *held, struct nft_stage *stage)
{
    struct nft_elements there = {0}, wanted = {0};
    int r = nft_sets_read(talk, set, &there);
    if (r == 0)
        r = nft_elements_of(held, set, &wanted);
    if (r == 0)
        r = nft_elements_without(&there, &wanted, set, &stage->gone[set]);
    if (r == 0)
        r = nft_elements_without(&wanted, &there, set, &stage->made[set]);
    nft_elements_done(&there);
    nft_elements_done(&wanted);
    return r;
}

/* What changes after the first question is noticed when it is done: by its generation. */
int nft_stage_prepare(struct nft_talk *talk, const struct nft_held *held, struct nft_stage *ret_stage)
{
    struct nft_stage stage = {.switched = nft_held_switched(held)};
    int r = nft_talk_generation(talk, &stage.generation);
    for (enum nft_set set = NFT_SET_LISTED; set < NFT_SET_COUNTING && r == 0; set++)
        r = compare_set(talk, set, held, &stage);
    if (r < 0)
        nft_stage_done(&stage);
    else
        *ret_stage = stage;
    return r == -EINTR ? -EAGAIN : r;
}

static bool differs(const struct nft_stage *stage, enum nft_set set)
{
    return stage->gone[set].count || stage->made[set].count;
}

bool nft_stage_is_empty(const struct nft_stage *stage)
{
    bool empty = true;
    for (enum nft_set set = 0; set < NFT_SET_COUNTING; set++)
        empty &= !differs(stage, set);
    return empty;
}

static int put_rules(struct nft_batch *batch, const struct tctl_config *config, uint32_t switched)
{
    const struct nft_judging judging = {switched, config->exempt_loopback != 0, config->exempt_esp != 0};
    struct nft_rules rules = {0};
    int r = nft_judge_switched(&rules, &judging) ? 0 : -ENOMEM;
    for (enum nft_chain chain = NFT_CHAIN_RULES_OUT; chain <= NFT_CHAIN_RULES_CONNECT && r == 0; chain++)
        r = nft_rules_clear(batch, chain);
    if (r == 0)
        r = nft_rules_put(batch, &rules);
    nft_rules_done(&rules);
    return r;
}

static int plan(struct nft_batch *batch, const struct tctl_config *config, const struct nft_stage *stage)
{
    int r = 0;
    for (enum nft_set set = 0; set < NFT_SET_COUNTING && r == 0; set++) {
        r = nft_sets_remove(batch, set, &stage->gone[set]);
        if (r == 0)
            r = nft_sets_add(batch, set, &stage->made[set]);
    }
    return r == 0 && differs(stage, NFT_SET_SWITCHED) ? put_rules(batch, config, stage->switched) : r;
}

int nft_stage_commit(struct nft_talk *talk, const struct tctl_config *config, const struct nft_stage *stage)
{
    struct nft_batch batch;
    uint32_t refused = 0;
    if (nft_stage_is_empty(stage))
        return 0;
    int r = nft_batch_begin(&batch, talk, stage->generation);
    if (r == 0)
        r = plan(&batch, config, stage);
    if (r == 0)
        r = nft_batch_send(&batch, &refused);
    nft_batch_done(&batch);
    return r;
}
