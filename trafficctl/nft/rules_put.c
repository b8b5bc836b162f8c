/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "rules_put.h"

#include <linux/netfilter/nf_tables.h>

int nft_rules_put(struct nft_batch *batch, const struct nft_rules *rules)
{
    int r = 0;
    for (size_t i = 0; i < rules->count && r == 0; i++) {
        nftnl_rule_nlmsg_build_payload(nft_batch_part(batch, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND),
                                       rules->rules[i].rule);
        r = nft_batch_part_end(batch);
    }
    return r;
}

int nft_rules_clear(struct nft_batch *batch, enum nft_chain chain)
{
    struct nlmsghdr *part = nft_batch_part(batch, NFT_MSG_DELRULE, 0);
    mnl_attr_put_strz(part, NFTA_RULE_TABLE, NFT_USERS);
    mnl_attr_put_strz(part, NFTA_RULE_CHAIN, nft_chain_name(chain).text);
    return nft_batch_part_end(batch);
}
