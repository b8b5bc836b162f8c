/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The firewall where nf_tables judges: sets of the table. For struct backend, whose contracts these have. */
#pragma once

#include <backend.h>

#include "sets.h"

/* What the table held when the ruleset had this number. */
struct nft_known {
    uint32_t generation; /* 0: it was not asked yet */
    struct nft_held held;
};

struct enforcer {
    char *place;
    struct nft_talk *talk;
    struct nft_known *known;
};

int nft_enforcer_open(const char *place, struct enforcer **ret_enforcer);
void nft_enforcer_close(struct enforcer *enforcer);
const char *nft_enforcer_error(int err);
int nft_enforcer_config(const struct enforcer *enforcer, struct tctl_config *ret_config);
int nft_enforcer_read(const struct enforcer *enforcer, struct policy *ret_policy);
int nft_enforcer_image(const struct enforcer *enforcer, struct image *ret_image);
int nft_enforcer_of(const struct enforcer *enforcer, const struct tctl_config *config, uint32_t uid,
                    struct rules *ret_rules);
int nft_enforcer_metered(const struct enforcer *enforcer, uint32_t number, const char *name, bool *ret_metered);
void nft_enforcer_at_work(const struct enforcer *enforcer, bool *ret_in, bool *ret_out);
int nft_enforcer_tree(const struct enforcer *enforcer, struct cgroup_tree *tree);
int nft_enforcer_differ(const struct enforcer *enforcer, const struct cgroup_tree *tree, int tree_error,
                        struct difference_list *list);

int nft_enforcer_apply(const struct enforcer *enforcer, const struct policy *policy, struct fault *fault);
int nft_enforcer_shut(const struct enforcer *enforcer);

int nft_staged_open(const struct enforcer *enforcer, struct staged **ret_staged);
bool nft_staged_lists(const struct staged *staged, uint32_t chain, uint32_t uid);
int nft_staged_change(struct staged *staged, const struct change *change, struct fault *fault);
int nft_staged_commit(const struct staged *staged, struct fault *fault);
void nft_staged_done(struct staged *staged);

/*
 * For these functions: what the table holds now, which is asked again only after the ruleset has changed; good until
 * then. -ENOENT: the table is not there, or not whole; -EEXIST: it is not ours; -EAGAIN: the ruleset changes all the
 * time; -EBADMSG: somebody else has written into it; -ENOMEM.
 */
int nft_enforcer_known(const struct enforcer *enforcer, const struct nft_known **ret_known);
/* Without closed, which is asked of no table. -EBADMSG; errors of state_read_pinned(). */
int nft_enforcer_asked(const struct enforcer *enforcer, struct tctl_config *ret_config, struct nft_sizes *ret_sizes);
