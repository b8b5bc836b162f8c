/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "bpf_enforcer.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attached.h"
#include "cleanup.h"
#include "differences_programs.h"
#include "execute.h"
#include "state.h"

struct enforcer {
    char *bpffs;
    struct enforce maps;
};

int bpf_enforcer_open(const char *bpffs, struct enforcer **ret_enforcer)
{
    struct enforcer *enforcer = calloc(1, sizeof(*enforcer));
    if (!enforcer)
        return -ENOMEM;
    int r = enforce_open(bpffs, &enforcer->maps);
    enforcer->bpffs = strdup(bpffs);
    if (r == 0 && !enforcer->bpffs)
        r = -ENOMEM;
    if (r < 0)
        bpf_enforcer_close(enforcer);
    else
        *ret_enforcer = enforcer;
    return r;
}

void bpf_enforcer_close(struct enforcer *enforcer)
{
    if (!enforcer)
        return;
    enforce_done(&enforcer->maps);
    free(enforcer->bpffs);
    free(enforcer);
}

int bpf_enforcer_config(const struct enforcer *enforcer, struct tctl_config *ret_config)
{
    return rules_config(&enforcer->maps, ret_config);
}

int bpf_enforcer_read(const struct enforcer *enforcer, struct policy *ret_policy)
{
    return enforce_read(&enforcer->maps, ret_policy);
}

int bpf_enforcer_image(const struct enforcer *enforcer, struct image *ret_image)
{
    return image_read(&enforcer->maps, ret_image);
}

int bpf_enforcer_of(const struct enforcer *enforcer, const struct tctl_config *config, uint32_t uid,
                    struct rules *ret_rules)
{
    return rules_of(&enforcer->maps, config, uid, ret_rules);
}

int bpf_enforcer_metered(const struct enforcer *enforcer, uint32_t number, const char *name, bool *ret_metered)
{
    (void)name;
    uint8_t metered = 0;
    int r = bpf_map_lookup_elem(enforcer->maps.metered, &number, &metered);
    if (r < 0 && r != -ENOENT)
        return r;
    *ret_metered = metered;
    return 0;
}

static bool is_attached(const char *bpffs, enum tctl_program program)
{
    struct bpf_link_info link;
    return attached_link(bpffs, program, &link) == 0 && link.cgroup.cgroup_id != 0;
}

void bpf_enforcer_at_work(const struct enforcer *enforcer, bool *ret_in, bool *ret_out)
{
    *ret_in = is_attached(enforcer->bpffs, TCTL_PROG_INGRESS);
    *ret_out = is_attached(enforcer->bpffs, TCTL_PROG_EGRESS);
}

int bpf_enforcer_tree(const struct enforcer *enforcer, struct cgroup_tree *tree)
{
    return cgroup_tree_configured(enforcer->bpffs, tree);
}

int bpf_enforcer_differ(const struct enforcer *enforcer, const struct cgroup_tree *tree, int tree_error,
                        struct difference_list *list)
{
    struct tctl_state state = {0};
    int r = state_read_pinned(enforcer->bpffs, &state);
    return r < 0 ? r : differences_programs(enforcer->bpffs, state.wanted, tree, tree_error, list);
}

int bpf_enforcer_apply(const struct enforcer *enforcer, const struct policy *policy, struct fault *fault)
{
    return enforce_apply(&enforcer->maps, policy, fault);
}

int bpf_enforcer_shut(const struct enforcer *enforcer)
{
    return enforce_set_closed(&enforcer->maps, true);
}

/* What the maps hold, before a change and after it. */
struct staged {
    const struct enforce *maps;
    struct image from, to;
    struct plan plan;
};

int bpf_stage_open(const struct enforcer *enforcer, struct staged **ret_staged)
{
    struct staged *staged = calloc(1, sizeof(*staged));
    if (!staged)
        return -ENOMEM;
    staged->maps = &enforcer->maps;
    int r = image_read(staged->maps, &staged->from);
    if (r < 0)
        bpf_stage_done(staged);
    else
        *ret_staged = staged;
    return r;
}

bool bpf_stage_lists(const struct staged *staged, uint32_t chain, uint32_t uid)
{
    return image_lists(&staged->from, chain, uid);
}

int bpf_stage_change(struct staged *staged, const struct change *change, struct fault *fault)
{
    int r = image_copy(&staged->from, &staged->to);
    if (r == 0)
        r = change_image(change, &staged->to);
    if (r == 0)
        r = plan_make(&staged->from, &staged->to, &staged->plan);
    return r < 0 ? r : plan_check(&staged->plan, staged->maps, fault);
}

int bpf_stage_commit(const struct staged *staged, struct fault *fault)
{
    return execute_plan(&staged->plan, staged->maps, fault);
}

void bpf_stage_done(struct staged *staged)
{
    if (!staged)
        return;
    plan_done(&staged->plan);
    image_done(&staged->from);
    image_done(&staged->to);
    free(staged);
}
