/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The firewall where BPF judges: maps. For struct backend, whose contracts these have. */
#pragma once

#include "backend.h"

int bpf_enforcer_open(const char *bpffs, struct enforcer **ret_enforcer);
void bpf_enforcer_close(struct enforcer *enforcer);
int bpf_enforcer_config(const struct enforcer *enforcer, struct tctl_config *ret_config);
int bpf_enforcer_read(const struct enforcer *enforcer, struct policy *ret_policy);
int bpf_enforcer_image(const struct enforcer *enforcer, struct image *ret_image);
int bpf_enforcer_of(const struct enforcer *enforcer, const struct tctl_config *config, uint32_t uid,
                    struct rules *ret_rules);
int bpf_enforcer_metered(const struct enforcer *enforcer, uint32_t number, const char *name, bool *ret_metered);
void bpf_enforcer_at_work(const struct enforcer *enforcer, bool *ret_in, bool *ret_out);
int bpf_enforcer_tree(const struct enforcer *enforcer, struct cgroup_tree *tree);
int bpf_enforcer_differ(const struct enforcer *enforcer, const struct cgroup_tree *tree, int tree_error,
                        struct difference_list *list);
int bpf_enforcer_apply(const struct enforcer *enforcer, const struct policy *policy, struct fault *fault);
int bpf_enforcer_shut(const struct enforcer *enforcer);

int bpf_stage_open(const struct enforcer *enforcer, struct staged **ret_staged);
bool bpf_stage_lists(const struct staged *staged, uint32_t chain, uint32_t uid);
int bpf_stage_change(struct staged *staged, const struct change *change, struct fault *fault);
int bpf_stage_commit(const struct staged *staged, struct fault *fault);
void bpf_stage_done(struct staged *staged);
