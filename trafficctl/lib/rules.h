/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the maps hold about one UID now: firewall.bpf.h's rule can be asked with it what the programs would be told. */
#pragma once

#include <firewall.bpf.h>

#include "enforce.h"
#include "policy.h"

/* The config, as the programs read it. -errno of bpf(2). */
int rules_config(const struct enforce *enforce, struct tctl_config *ret_config);

/* Everything that says something about uid; nothing of it holds for a UID that may_judge() leaves alone. -errno. */
int rules_of(const struct enforce *enforce, const struct tctl_config *config, uint32_t uid, struct rules *ret_rules);

/* How many rules of a policy hold for nobody, since the firewall does not judge their UIDs; *ret_example is one. */
size_t rules_of_system_uids(const struct policy *policy, const struct tctl_config *config, uint32_t *ret_example);
