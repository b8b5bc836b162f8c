/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "expr.h"

#include <libnftnl/expr.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

void nft_rules_done(struct nft_rules *rules)
{
    for (size_t i = 0; i < rules->count; i++)
        nftnl_rule_free(rules->rules[i].rule);
    free(rules->rules);
    *rules = (struct nft_rules){0};
}

static bool make_room(struct nft_rules *rules)
{
    if (rules->count < rules->room)
        return true;
    size_t room = rules->room ? 2 * rules->room : 64;
    struct nft_placed *grown = reallocarray(rules->rules, room, sizeof(*grown));
    if (!grown)
        return false;
    rules->rules = grown;
    rules->room = room;
    return true;
}

struct nftnl_rule *nft_rules_add(struct nft_rules *rules, enum nft_chain chain)
{
    _cleanup_rule_ struct nftnl_rule *rule = nftnl_rule_alloc();
    if (!rule || !make_room(rules) || nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, NFT_USERS) < 0 ||
        nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, nft_chain_name(chain).text) < 0)
        return NULL;
    nftnl_rule_set_u32(rule, NFTNL_RULE_FAMILY, NFPROTO_INET);
    struct nft_placed *placed = &rules->rules[rules->count++];
    *placed = (struct nft_placed){chain, TAKE_PTR(rule)};
    return placed->rule;
}

static struct nftnl_expr *add(struct nftnl_rule *rule, const char *name)
{
    struct nftnl_expr *expr = nftnl_expr_alloc(name);
    if (expr)
        nftnl_rule_add_expr(rule, expr);
    return expr;
}

/* As the kernel names them: the first 4 bytes are those of a register of 16. */
static uint32_t number_of(enum nft_register which)
{
    return which == NFT_REGISTER_FIRST ? NFT_REG_1 : NFT_REG32_01;
}

bool nft_expr_meta(struct nftnl_rule *rule, uint32_t key, enum nft_register into)
{
    struct nftnl_expr *load = add(rule, "meta");
    if (!load)
        return false;
    nftnl_expr_set_u32(load, NFTNL_EXPR_META_KEY, key);
    nftnl_expr_set_u32(load, NFTNL_EXPR_META_DREG, number_of(into));
    return true;
}

bool nft_expr_payload(struct nftnl_rule *rule, uint32_t header, uint32_t offset, uint32_t size)
{
    struct nftnl_expr *load = add(rule, "payload");
    if (!load)
        return false;
    nftnl_expr_set_u32(load, NFTNL_EXPR_PAYLOAD_BASE, header);
    nftnl_expr_set_u32(load, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
    nftnl_expr_set_u32(load, NFTNL_EXPR_PAYLOAD_LEN, size);
    nftnl_expr_set_u32(load, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
    return true;
}

bool nft_expr_number(struct nftnl_rule *rule, uint32_t number, enum nft_register into)
{
    struct nftnl_expr *load = add(rule, "immediate");
    if (!load)
        return false;
    nftnl_expr_set_u32(load, NFTNL_EXPR_IMM_DREG, number_of(into));
    return nftnl_expr_set(load, NFTNL_EXPR_IMM_DATA, &number, sizeof(number)) == 0;
}

bool nft_expr_to_big_endian(struct nftnl_rule *rule)
{
    struct nftnl_expr *order = add(rule, "byteorder");
    if (!order)
        return false;
    nftnl_expr_set_u32(order, NFTNL_EXPR_BYTEORDER_SREG, NFT_REG_1);
    nftnl_expr_set_u32(order, NFTNL_EXPR_BYTEORDER_DREG, NFT_REG_1);
    nftnl_expr_set_u32(order, NFTNL_EXPR_BYTEORDER_OP, NFT_BYTEORDER_HTON);
    nftnl_expr_set_u32(order, NFTNL_EXPR_BYTEORDER_LEN, sizeof(uint32_t));
    nftnl_expr_set_u32(order, NFTNL_EXPR_BYTEORDER_SIZE, sizeof(uint32_t));
    return true;
}

bool nft_expr_mask(struct nftnl_rule *rule, uint8_t mask)
{
    const uint8_t none = 0;
    struct nftnl_expr *bits = add(rule, "bitwise");
    if (!bits)
        return false;
    nftnl_expr_set_u32(bits, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
    nftnl_expr_set_u32(bits, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
    nftnl_expr_set_u32(bits, NFTNL_EXPR_BITWISE_LEN, sizeof(mask));
    return nftnl_expr_set(bits, NFTNL_EXPR_BITWISE_MASK, &mask, sizeof(mask)) == 0 &&
           nftnl_expr_set(bits, NFTNL_EXPR_BITWISE_XOR, &none, sizeof(none)) == 0;
}

bool nft_expr_compare(struct nftnl_rule *rule, uint32_t operator, const void * data, uint32_t size)
{
    struct nftnl_expr *compare = add(rule, "cmp");
    if (!compare)
        return false;
    nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
    nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_OP, operator);
    return nftnl_expr_set(compare, NFTNL_EXPR_CMP_DATA, data, size) == 0;
}

bool nft_expr_lookup(struct nftnl_rule *rule, enum nft_set set, bool absent)
{
    struct nftnl_expr *lookup = add(rule, "lookup");
    if (!lookup)
        return false;
    nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
    nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_FLAGS, absent ? NFT_LOOKUP_F_INV : 0);
    return nftnl_expr_set_str(lookup, NFTNL_EXPR_LOOKUP_SET, nft_set_shape(set).name) == 0;
}

bool nft_expr_count_at(struct nftnl_rule *rule, enum nft_set set)
{
    struct nftnl_expr *counter = nftnl_expr_alloc("counter");
    struct nftnl_expr *update = counter ? add(rule, "dynset") : NULL;
    if (!update) {
        if (counter)
            nftnl_expr_free(counter);
        return false;
    }
    nftnl_expr_add_expr(update, NFTNL_EXPR_DYNSET_EXPRESSIONS, counter);
    nftnl_expr_set_u32(update, NFTNL_EXPR_DYNSET_OP, NFT_DYNSET_OP_UPDATE);
    nftnl_expr_set_u32(update, NFTNL_EXPR_DYNSET_SREG_KEY, NFT_REG_1);
    return nftnl_expr_set_str(update, NFTNL_EXPR_DYNSET_SET_NAME, nft_set_shape(set).name) == 0;
}

bool nft_expr_count(struct nftnl_rule *rule, enum nft_count count)
{
    struct nftnl_expr *reference = add(rule, "objref");
    if (!reference)
        return false;
    nftnl_expr_set_u32(reference, NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
    return nftnl_expr_set_str(reference, NFTNL_EXPR_OBJREF_IMM_NAME, nft_counts[count]) == 0;
}

static struct nftnl_expr *end_with(struct nftnl_rule *rule, int32_t verdict)
{
    struct nftnl_expr *end = add(rule, "immediate");
    if (end) {
        nftnl_expr_set_u32(end, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
        nftnl_expr_set_u32(end, NFTNL_EXPR_IMM_VERDICT, (uint32_t)verdict);
    }
    return end;
}

bool nft_expr_verdict(struct nftnl_rule *rule, int32_t verdict)
{
    return end_with(rule, verdict);
}

bool nft_expr_go(struct nftnl_rule *rule, int32_t verdict, enum nft_chain chain)
{
    struct nftnl_expr *end = end_with(rule, verdict);
    return end && nftnl_expr_set_str(end, NFTNL_EXPR_IMM_CHAIN, nft_chain_name(chain).text) == 0;
}

bool nft_expr_reset(struct nftnl_rule *rule)
{
    struct nftnl_expr *reject = add(rule, "reject");
    if (!reject)
        return false;
    nftnl_expr_set_u32(reject, NFTNL_EXPR_REJECT_TYPE, NFT_REJECT_TCP_RST);
    return true;
}
