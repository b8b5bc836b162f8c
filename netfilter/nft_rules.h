/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * What our table is: one of family inet, two chains, in each a rule that runs a pinned program and decides nothing.
 * Which program it is no rule can be asked, so it says so itself, in its comment; the table's comment says that it is
 * ours.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <traffic_abi.h>

#include "objects.h"
#include "pins.h"

#define NFT_TABLE "trafficctl"

/* Kernel 6.9: with an owner it outlives its owner. */
#ifndef NFT_TABLE_F_PERSIST
#define NFT_TABLE_F_PERSIST 0x4
#endif

struct nft_place {
    const char *chain;
    uint32_t hook; /* NF_INET_* */
    int32_t priority;
    enum pin_id program;
    uint32_t bits; /* 1 << enum tctl_iface_hook */
};
#define NFT_PLACES 2
extern const struct nft_place nft_places[NFT_PLACES];

/* All of these return NULL when there is no memory. The caller frees. */
struct nftnl_table *nft_table_new(uint32_t flags);

struct nftnl_chain *nft_chain_new(const struct nft_place *place);
/* The match of a program: its id, for the comment, and its pin, or with too long a path its descriptor. */
struct nft_program {
    uint32_t id; /* 0: there is none */
    const char *path;
    int fd;
};

/* A rule of the chain that holds nothing yet. */
struct nftnl_rule *nft_rule_empty(const struct nft_place *place);
/* The rule. guarded: packets inside of IPsec do not run it, which a kernel without IPsec cannot be asked for. */
struct nftnl_rule *nft_rule_new(const struct nft_place *place, const struct nft_program *program, bool guarded);

/* The comment in userdata that anybody may have written: it says that the table is ours; which program a rule runs. */
bool nft_comment_is_ours(const void *userdata, size_t size);
bool nft_comment_program(const void *userdata, size_t size, uint32_t *ret_id);
