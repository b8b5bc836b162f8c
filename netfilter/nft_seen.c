/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "nft_seen.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "cleanup.h"
#include "parts.h"

#define ATTEMPTS 20
#define REQUEST_SIZE 1024
#define RULE_SIZE 2048 /* of ours */

static int malformed(void)
{
    errno = EBADMSG;
    return MNL_CB_ERROR;
}

static bool is_about(const struct nlmsghdr *message, uint16_t type)
{
    return message->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | type);
}

int nft_seen_table(const struct nlmsghdr *message, void *into)
{
    struct nft_seen *seen = into;
    const struct nlattr *userdata = nft_parts_of(message, NFTA_TABLE_USERDATA);
    if (!is_about(message, NFT_MSG_NEWTABLE) || !nft_parts_text(nft_parts_of(message, NFTA_TABLE_NAME), NFT_TABLE))
        return malformed();
    seen->exists = true;
    seen->ours = userdata && nft_comment_is_ours(mnl_attr_get_payload(userdata), mnl_attr_get_payload_len(userdata));
    nft_parts_u32(nft_parts_of(message, NFTA_TABLE_FLAGS), &seen->flags);
    nft_parts_u32(nft_parts_of(message, NFTA_TABLE_OWNER), &seen->owner);
    return MNL_CB_OK;
}

/* It is at its place, and lets pass what it does not decide about. */
static bool chain_is_right(const struct nlmsghdr *message, const struct nft_place *place)
{
    const struct nlattr *hook = nft_parts_of(message, NFTA_CHAIN_HOOK);
    uint32_t number = 0, priority = 0, policy = 0;
    return nft_parts_u32(nft_parts_in(hook, NFTA_HOOK_HOOKNUM), &number) && number == place->hook &&
           nft_parts_u32(nft_parts_in(hook, NFTA_HOOK_PRIORITY), &priority) && (int32_t)priority == place->priority &&
           nft_parts_u32(nft_parts_of(message, NFTA_CHAIN_POLICY), &policy) && policy == NF_ACCEPT &&
           nft_parts_text(nft_parts_of(message, NFTA_CHAIN_TYPE), "filter");
}

int nft_seen_chain(const struct nlmsghdr *message, void *into)
{
    struct nft_chain_seen *seen = into;
    if (!is_about(message, NFT_MSG_NEWCHAIN) ||
        !nft_parts_text(nft_parts_of(message, NFTA_CHAIN_NAME), seen->place->chain))
        return malformed();
    seen->exists = true;
    seen->right = chain_is_right(message, seen->place);
    return MNL_CB_OK;
}

static bool has_parts_of(const struct nlmsghdr *message, const struct nft_place *place, bool guarded)
{
    const struct nft_program any = {.path = ""};
    _cleanup_rule_ struct nftnl_rule *rule = nft_rule_new(place, &any, guarded);
    char buffer[RULE_SIZE];
    if (!rule)
        return false;
    struct nlmsghdr *wanted = nft_talk_head(buffer, NFT_MSG_NEWRULE, 0);
    nftnl_rule_nlmsg_build_payload(wanted, rule);
    return nft_parts_equal(nft_parts_of(wanted, NFTA_RULE_EXPRESSIONS), nft_parts_of(message, NFTA_RULE_EXPRESSIONS));
}

static void note_head(struct nft_chain_seen *seen, const struct nlmsghdr *message, uint32_t program, uint64_t handle)
{
    seen->head = true;
    seen->head_right = has_parts_of(message, seen->place, true) || has_parts_of(message, seen->place, false);
    seen->program = program;
    seen->handle = handle;
}

static void note(struct nft_chain_seen *seen, const struct nlmsghdr *message, uint64_t handle)
{
    const struct nlattr *userdata = nft_parts_of(message, NFTA_RULE_USERDATA);
    uint32_t program = 0;
    bool first = !seen->begun;
    bool ours =
        userdata && nft_comment_program(mnl_attr_get_payload(userdata), mnl_attr_get_payload_len(userdata), &program);
    seen->begun = true;
    if (ours && first)
        note_head(seen, message, program, handle);
    else if (ours && seen->surplus_count < NFT_SURPLUS)
        seen->surplus[seen->surplus_count++] = handle;
}

int nft_seen_rule(const struct nlmsghdr *message, void *into)
{
    struct nft_chain_seen *seen = into;
    uint64_t handle = 0;
    if (!is_about(message, NFT_MSG_NEWRULE) || !nft_parts_u64(nft_parts_of(message, NFTA_RULE_HANDLE), &handle))
        return malformed();
    if (nft_parts_text(nft_parts_of(message, NFTA_RULE_TABLE), NFT_TABLE) &&
        nft_parts_text(nft_parts_of(message, NFTA_RULE_CHAIN), seen->place->chain))
        note(seen, message, handle);
    return MNL_CB_OK;
}

static int ask_table(struct nft_talk *owner, struct nft_seen *seen)
{
    char buffer[REQUEST_SIZE];
    struct nlmsghdr *request = nft_talk_head(buffer, NFT_MSG_GETTABLE, NLM_F_ACK);
    mnl_attr_put_strz(request, NFTA_TABLE_NAME, NFT_TABLE);
    return nft_talk_ask(owner, request, nft_seen_table, seen);
}

static int ask_chain(struct nft_talk *owner, struct nft_chain_seen *seen)
{
    char buffer[REQUEST_SIZE];
    struct nlmsghdr *request = nft_talk_head(buffer, NFT_MSG_GETCHAIN, NLM_F_ACK);
    mnl_attr_put_strz(request, NFTA_CHAIN_TABLE, NFT_TABLE);
    mnl_attr_put_strz(request, NFTA_CHAIN_NAME, seen->place->chain);
    return nft_talk_ask(owner, request, nft_seen_chain, seen);
}

static int ask_rules(struct nft_talk *owner, struct nft_chain_seen *seen)
{
    char buffer[REQUEST_SIZE];
    struct nlmsghdr *request = nft_talk_head(buffer, NFT_MSG_GETRULE, NLM_F_DUMP);
    mnl_attr_put_strz(request, NFTA_RULE_TABLE, NFT_TABLE);
    mnl_attr_put_strz(request, NFTA_RULE_CHAIN, seen->place->chain);
    return nft_talk_ask(owner, request, nft_seen_rule, seen);
}

/* What is not there is an answer too. */
static int read_all(struct nft_talk *owner, struct nft_seen *seen)
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

static int read_once(struct nft_talk *owner, struct nft_seen *seen)
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

int nft_seen_read(struct nft_talk *owner, struct nft_seen *ret_seen)
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
