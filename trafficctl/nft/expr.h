/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Rules of the table, and what they are made of. Each function adds to the end of a rule; false: there was no memory.
 * What is said is said in full, also where it is the kernel's default, so that a rule of the kernel's can be compared.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "objects.h"
#include "schema.h"

struct nft_placed {
    enum nft_chain chain;
    struct nftnl_rule *rule;
};

/* In their order; owns the rules. A zeroed one is empty. */
struct nft_rules {
    struct nft_placed *rules;
    size_t count, room;
};

void nft_rules_done(struct nft_rules *rules);
/* A new rule at the end of a chain, owned by rules. NULL: no memory. */
struct nftnl_rule *nft_rules_add(struct nft_rules *rules, enum nft_chain chain);

/* Registers of 4 bytes: a key may go on over several. */
enum nft_register { NFT_REGISTER_FIRST, NFT_REGISTER_SECOND };

/* Load: NFT_META_*; bytes of a packet from a header (NFT_PAYLOAD_*); a number. */
bool nft_expr_meta(struct nftnl_rule *rule, uint32_t key, enum nft_register into);
bool nft_expr_payload(struct nftnl_rule *rule, uint32_t header, uint32_t offset, uint32_t size);
bool nft_expr_number(struct nftnl_rule *rule, uint32_t number, enum nft_register into);

/* What was loaded: of a UID, into the order of ranges; keep some bits of a byte; the rule ends unless they hold. */
bool nft_expr_to_big_endian(struct nftnl_rule *rule);
bool nft_expr_mask(struct nftnl_rule *rule, uint8_t mask);
bool nft_expr_compare(struct nftnl_rule *rule, uint32_t operator, const void * data, uint32_t size);
bool nft_expr_lookup(struct nftnl_rule *rule, enum nft_set set, bool absent);

/* Count at the row of the key that was loaded, which is made; the rule ends where there is no room for it. */
bool nft_expr_count_at(struct nftnl_rule *rule, enum nft_set set);
bool nft_expr_count(struct nftnl_rule *rule, enum nft_count count);

/* NF_DROP, NFT_RETURN; NFT_GOTO, NFT_JUMP to a chain. */
bool nft_expr_verdict(struct nftnl_rule *rule, int32_t verdict);
bool nft_expr_go(struct nftnl_rule *rule, int32_t verdict, enum nft_chain chain);
bool nft_expr_reset(struct nftnl_rule *rule);
