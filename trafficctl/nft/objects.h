/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* libnftnl's objects as owning locals. */
#pragma once

#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>

#include "cleanup.h"

static inline void nft_table_freep(struct nftnl_table **table)
{
    if (*table)
        nftnl_table_free(*table);
}

static inline void nft_chain_freep(struct nftnl_chain **chain)
{
    if (*chain)
        nftnl_chain_free(*chain);
}

static inline void nft_rule_freep(struct nftnl_rule **rule)
{
    if (*rule)
        nftnl_rule_free(*rule);
}

#define _cleanup_table_ _cleanup_(nft_table_freep)
#define _cleanup_chain_ _cleanup_(nft_chain_freep)
#define _cleanup_rule_ _cleanup_(nft_rule_freep)
