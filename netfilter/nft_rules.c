/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "nft_rules.h"

#include <expr.h>
#include <libnftnl/expr.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "parse.h"

#define TABLE_COMMENT "trafficctl counts interfaces here"
#define RULE_COMMENT "trafficctl program "
#define COMMENT_SIZE 64
/* As netd: what belongs to IPsec by the name of its interface. */
#define IPSEC_NAME "ipsec"

/* Before defragmentation (-400), as the device sees packets; and where iptables has its mangle table. */
const struct nft_place nft_places[NFT_PLACES] = {
    {"bw_raw_PREROUTING", NF_INET_PRE_ROUTING, -450, PIN_XT_INGRESS_PROG,
     1u << TCTL_PREROUTING4 | 1u << TCTL_PREROUTING6},
    {"bw_mangle_POSTROUTING", NF_INET_POST_ROUTING, -150, PIN_XT_EGRESS_PROG,
     1u << TCTL_POSTROUTING4 | 1u << TCTL_POSTROUTING6},
};

/* nft's way to keep a comment: type 0 for tables and rules, a length byte, the text and its end. */
static size_t put_comment(uint8_t *data, const char *text)
{
    size_t length = strlen(text) + 1;
    data[0] = NFTNL_UDATA_RULE_COMMENT;
    data[1] = (uint8_t)length;
    memcpy(data + 2, text, length);
    return length + 2;
}

/* NULL: it has none. Anybody may have written it. */
static const char *find_comment(const uint8_t *data, size_t size)
{
    while (data && size >= 2 && size - 2 >= data[1]) {
        if (data[0] == NFTNL_UDATA_RULE_COMMENT && data[1] > 0 && data[1 + data[1]] == '\0')
            return (const char *)data + 2;
        size -= 2u + data[1];
        data += 2 + data[1];
    }
    return NULL;
}

struct nftnl_table *nft_table_new(uint32_t flags)
{
    _cleanup_table_ struct nftnl_table *table = nftnl_table_alloc();
    uint8_t comment[COMMENT_SIZE];
    if (!table || nftnl_table_set_str(table, NFTNL_TABLE_NAME, NFT_TABLE) < 0 ||
        nftnl_table_set_data(table, NFTNL_TABLE_USERDATA, comment, (uint32_t)put_comment(comment, TABLE_COMMENT)) < 0)
        return NULL;
    nftnl_table_set_u32(table, NFTNL_TABLE_FAMILY, NFPROTO_INET);
    nftnl_table_set_u32(table, NFTNL_TABLE_FLAGS, flags);
    return TAKE_PTR(table);
}

struct nftnl_chain *nft_chain_new(const struct nft_place *place)
{
    _cleanup_chain_ struct nftnl_chain *chain = nftnl_chain_alloc();
    if (!chain || nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, NFT_TABLE) < 0 ||
        nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, place->chain) < 0 ||
        nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, "filter") < 0)
        return NULL;
    nftnl_chain_set_u32(chain, NFTNL_CHAIN_FAMILY, NFPROTO_INET);
    nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, place->hook);
    nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, place->priority);
    nftnl_chain_set_u32(chain, NFTNL_CHAIN_POLICY, NF_ACCEPT);
    return TAKE_PTR(chain);
}

static struct nftnl_expr *add(struct nftnl_rule *rule, const char *name)
{
    struct nftnl_expr *expr = nftnl_expr_alloc(name);
    if (expr)
        nftnl_rule_add_expr(rule, expr);
    return expr;
}

static bool add_rt(struct nftnl_rule *rule, uint32_t key)
{
    struct nftnl_expr *load = add(rule, "rt");
    if (!load)
        return false;
    nftnl_expr_set_u32(load, NFTNL_EXPR_RT_KEY, key);
    nftnl_expr_set_u32(load, NFTNL_EXPR_RT_DREG, NFT_REG_1);
    return true;
}

/*
 * What came out of IPsec, and what goes into it, is not the device's: its ESP packet is. A packet without a route has
 * no transformation, and none without a route comes here.
 */
static bool add_guards(struct nftnl_rule *rule, const struct nft_place *place)
{
    const uint8_t missing = 0;
    bool incoming = place->hook == NF_INET_PRE_ROUTING;
    return nft_expr_meta(rule, incoming ? NFT_META_IIFNAME : NFT_META_OIFNAME, NFT_REGISTER_FIRST) &&
           nft_expr_compare(rule, NFT_CMP_NEQ, IPSEC_NAME, strlen(IPSEC_NAME)) &&
           (incoming ? nft_expr_meta(rule, NFT_META_SECPATH, NFT_REGISTER_FIRST) : add_rt(rule, NFT_RT_XFRM)) &&
           nft_expr_compare(rule, NFT_CMP_EQ, &missing, sizeof(missing));
}

static void describe(struct xt_bpf_info_v1 *info, const struct nft_program *program)
{
    size_t length = strlen(program->path);
    if (length < sizeof(info->path)) {
        info->mode = XT_BPF_MODE_PATH_PINNED;
        memcpy(info->path, program->path, length);
    } else {
        info->mode = XT_BPF_MODE_FD_ELF;
        info->fd = program->fd;
    }
}

static bool add_match(struct nftnl_rule *rule, const struct nft_program *program)
{
    struct xt_bpf_info_v1 *info = calloc(1, sizeof(*info));
    struct nftnl_expr *match = info ? add(rule, "match") : NULL;
    if (!match) {
        free(info);
        return false;
    }
    describe(info, program);
    nftnl_expr_set_u32(match, NFTNL_EXPR_MT_REV, 1);
    nftnl_expr_set(match, NFTNL_EXPR_MT_INFO, info, sizeof(*info)); /* the match owns it from here on */
    return nftnl_expr_set_str(match, NFTNL_EXPR_MT_NAME, "bpf") == 0;
}

struct nftnl_rule *nft_rule_empty(const struct nft_place *place)
{
    _cleanup_rule_ struct nftnl_rule *rule = nftnl_rule_alloc();
    if (!rule || nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, NFT_TABLE) < 0 ||
        nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, place->chain) < 0)
        return NULL;
    nftnl_rule_set_u32(rule, NFTNL_RULE_FAMILY, NFPROTO_INET);
    return TAKE_PTR(rule);
}

struct nftnl_rule *nft_rule_new(const struct nft_place *place, const struct nft_program *program, bool guarded)
{
    _cleanup_rule_ struct nftnl_rule *rule = nft_rule_empty(place);
    uint8_t data[COMMENT_SIZE];
    char comment[COMMENT_SIZE - 2];
    snprintf(comment, sizeof(comment), RULE_COMMENT "%u", program->id);
    if (!rule || nftnl_rule_set_data(rule, NFTNL_RULE_USERDATA, data, (uint32_t)put_comment(data, comment)) < 0 ||
        (guarded && !add_guards(rule, place)) || !add_match(rule, program))
        return NULL;
    return TAKE_PTR(rule);
}

bool nft_comment_is_ours(const void *userdata, size_t size)
{
    const char *comment = find_comment(userdata, size);
    return comment && strcmp(comment, TABLE_COMMENT) == 0;
}

bool nft_comment_program(const void *userdata, size_t size, uint32_t *ret_id)
{
    const char *comment = find_comment(userdata, size);
    if (!comment || strncmp(comment, RULE_COMMENT, strlen(RULE_COMMENT)) != 0)
        return false;
    return parse_u32(comment + strlen(RULE_COMMENT), ret_id) == 0;
}
