/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "nft_seen.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "cleanup.h"

#define ATTEMPTS 20
#define REQUEST_SIZE 1024

static bool is_text(const char *text, const char *wanted)
{
    return text && strcmp(text, wanted) == 0;
}

static int malformed(void)
{
    errno = EBADMSG;
    return MNL_CB_ERROR;
}

int nft_seen_table(const struct nlmsghdr *message, void *into)
{
    struct nft_seen *seen = into;
    _cleanup_table_ struct nftnl_table *table = nftnl_table_alloc();
    if (!table || nftnl_table_nlmsg_parse(message, table) < 0 ||
        !is_text(nftnl_table_get_str(table, NFTNL_TABLE_NAME), NFT_TABLE))
        return malformed();
    seen->exists = true;
    seen->ours = nft_table_is_ours(table);
    seen->flags = nftnl_table_get_u32(table, NFTNL_TABLE_FLAGS);
    seen->owner = nftnl_table_is_set(table, NFTNL_TABLE_OWNER) ? nftnl_table_get_u32(table, NFTNL_TABLE_OWNER) : 0;
    return MNL_CB_OK;
}

int nft_seen_chain(const struct nlmsghdr *message, void *into)
{
    struct nft_chain_seen *seen = into;
    _cleanup_chain_ struct nftnl_chain *chain = nftnl_chain_alloc();
    if (!chain || nftnl_chain_nlmsg_parse(message, chain) < 0 ||
        !is_text(nftnl_chain_get_str(chain, NFTNL_CHAIN_NAME), seen->place->chain))
        return malformed();
    seen->exists = true;
    seen->right = nft_chain_is_right(chain, seen->place);
    return MNL_CB_OK;
}

static void note(struct nft_chain_seen *seen, const struct nftnl_rule *rule)
{
    uint64_t handle = nftnl_rule_get_u64(rule, NFTNL_RULE_HANDLE);
    uint32_t program = 0;
    bool ours = nft_rule_program(rule, &program), first = !seen->begun;
    seen->begun = true;
    if (ours && first) {
        seen->head = true;
        seen->head_right = nft_rule_is_right(rule, seen->place);
        seen->program = program;
        seen->handle = handle;
    } else if (ours && seen->surplus_count < NFT_SURPLUS) {
        seen->surplus[seen->surplus_count++] = handle;
    }
}

int nft_seen_rule(const struct nlmsghdr *message, void *into)
{
    struct nft_chain_seen *seen = into;
    _cleanup_rule_ struct nftnl_rule *rule = nftnl_rule_alloc();
    if (!rule || nftnl_rule_nlmsg_parse(message, rule) < 0 || !nftnl_rule_is_set(rule, NFTNL_RULE_HANDLE))
        return malformed();
    if (is_text(nftnl_rule_get_str(rule, NFTNL_RULE_TABLE), NFT_TABLE) &&
        is_text(nftnl_rule_get_str(rule, NFTNL_RULE_CHAIN), seen->place->chain))
        note(seen, rule);
    return MNL_CB_OK;
}

static int ask_table(struct nft_owner *owner, struct nft_seen *seen)
{
    char buffer[REQUEST_SIZE];
    struct nlmsghdr *request = nft_talk_head(buffer, NFT_MSG_GETTABLE, NLM_F_ACK);
    mnl_attr_put_strz(request, NFTA_TABLE_NAME, NFT_TABLE);
    return nft_talk_ask(owner, request, nft_seen_table, seen);
}

static int ask_chain(struct nft_owner *owner, struct nft_chain_seen *seen)
{
    char buffer[REQUEST_SIZE];
    struct nlmsghdr *request = nft_talk_head(buffer, NFT_MSG_GETCHAIN, NLM_F_ACK);
    mnl_attr_put_strz(request, NFTA_CHAIN_TABLE, NFT_TABLE);
    mnl_attr_put_strz(request, NFTA_CHAIN_NAME, seen->place->chain);
    return nft_talk_ask(owner, request, nft_seen_chain, seen);
}

static int ask_rules(struct nft_owner *owner, struct nft_chain_seen *seen)
{
    char buffer[REQUEST_SIZE];
    struct nlmsghdr *request = nft_talk_head(buffer, NFT_MSG_GETRULE, NLM_F_DUMP);
    mnl_attr_put_strz(request, NFTA_RULE_TABLE, NFT_TABLE);
    mnl_attr_put_strz(request, NFTA_RULE_CHAIN, seen->place->chain);
    return nft_talk_ask(owner, request, nft_seen_rule, seen);
}

/* What is not there is an answer too. */
static int read_all(struct nft_owner *owner, struct nft_seen *seen)
{
    int r = ask_table(owner, seen);
    for (size_t i = 0; i < NFT_PLACES && r == 0; i++) {
        r = ask_chain(owner, &seen->chains[i]);
        if (r == 0)
            r = ask_rules(owner, &seen->chains[i]);
        if (r == -ENOENT)
            r = 0;
    }
    return r == -ENOENT ? 0 : r;
}

static int read_once(struct nft_owner *owner, struct nft_seen *seen)
{
    uint32_t after = 0;
    *seen = (struct nft_seen){0};
    for (size_t i = 0; i < NFT_PLACES; i++)
        seen->chains[i].place = &nft_places[i];
    int r = nft_talk_generation(owner, &seen->generation);
    if (r == 0)
        r = read_all(owner, seen);
    if (r == 0)
        r = nft_talk_generation(owner, &after);
    if (r == 0 && after != seen->generation)
        return -EINTR;
    return r;
}

int nft_seen_read(struct nft_owner *owner, struct nft_seen *ret_seen)
{
    int r = -EINTR;
    for (int i = 0; i < ATTEMPTS && r == -EINTR; i++)
        r = read_once(owner, ret_seen);
    return r == -EINTR ? -EAGAIN : r;
}

bool nft_seen_runs(const struct nft_seen *seen, size_t place, uint32_t program)
{
    const struct nft_chain_seen *chain = &seen->chains[place];
    return seen->ours && !(seen->flags & NFT_TABLE_F_DORMANT) && chain->right && chain->head && chain->head_right &&
           chain->surplus_count == 0 && program != 0 && chain->program == program;
}
