/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The firewall as rules: what is switched on, and what is exempt, to the chains that judge. Who is listed is in sets
 * and changes no rule. Knows no kernel.
 *
 * Chains are gone to, so that a return leads back to the hook wherever it is, and means: passes, and is counted.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "expr.h"

struct nft_judging {
    uint32_t switched; /* TCTL_BIT() of the chains that are on, and of TCTL_CLOSED */
    bool exempt_loopback, exempt_esp;
};

/* The three chains that depend on what is switched on: NFT_CHAIN_RULES_*. false: no memory. */
bool nft_judge_switched(struct nft_rules *rules, const struct nft_judging *judging);

/* The others that judge: exemptions, and answers of listeners. false: no memory. */
bool nft_judge_fixed(struct nft_rules *rules, const struct nft_judging *judging);
