/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "nft.h"

#include <endian.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <stdbool.h>
#include <string.h>

#include "batch.h"
#include "cleanup.h"
#include "fd.h"
#include "nft_rules.h"
#include "nft_seen.h"

/* How often others may change the ruleset while we do. */
#define ATTEMPTS 50

#define OWNED (NFT_TABLE_F_OWNER | NFT_TABLE_F_PERSIST)

/* The pinned programs. */
struct pinned {
    struct {
        char *path;
        int fd;
        uint32_t id; /* 0: it is not there */
    } programs[NFT_PLACES];
};

static void pinned_done(struct pinned *pinned)
{
    for (size_t i = 0; i < NFT_PLACES; i++) {
        fd_close(pinned->programs[i].fd);
        free(pinned->programs[i].path);
    }
}
#define _cleanup_pinned_ _cleanup_(pinned_done)
#define NOTHING_PINNED                                                                                                 \
    {                                                                                                                  \
        .programs = {                                                                                                  \
            [0 ... NFT_PLACES - 1] = {.fd = -1},                                                                       \
        }                                                                                                              \
    }

static int find_program(const char *bpffs, enum pin_id pin, int *ret_fd, uint32_t *ret_id)
{
    int r = pins_open(bpffs, pin, ret_fd);
    if (r == -ENOENT)
        return 0;
    return r < 0 ? r : pins_number(*ret_fd, ret_id);
}

/* A pin that is missing is no failure here. */
static int pinned_open(const char *bpffs, struct pinned *pinned, struct fault *fault)
{
    int r = 0;
    for (size_t i = 0; i < NFT_PLACES && r == 0; i++) {
        r = pins_path(bpffs, nft_places[i].program, &pinned->programs[i].path);
        if (r == 0)
            r = find_program(bpffs, nft_places[i].program, &pinned->programs[i].fd, &pinned->programs[i].id);
        if (r < 0)
            return fault_set(fault, r, "%s/%s: %s", bpffs, pins[nft_places[i].program].path, strerror(-r));
    }
    return 0;
}

/* What is being done, and what this kernel has refused so far. */
struct putting {
    const struct pinned *pinned;
    struct nft_talk *owner;
    struct nft_seen seen;
    struct nft_batch batch;
    size_t parts;
    size_t table_part; /* 0: the table stays as it is */
    bool plain;        /* no owners that leave their tables behind (below 6.9) */
    bool unguarded;    /* no IPsec */
};

static int end_part(struct putting *putting)
{
    putting->parts++;
    return nft_batch_part_end(&putting->batch);
}

static int put_table(struct putting *putting)
{
    const struct nft_seen *seen = &putting->seen;
    bool own = !putting->plain && (!seen->exists || seen->flags & NFT_TABLE_F_PERSIST);
    _cleanup_table_ struct nftnl_table *table = nft_table_new(own ? OWNED : 0);
    if (!table)
        return -ENOMEM;
    nftnl_table_nlmsg_build_payload(nft_batch_part(&putting->batch, NFT_MSG_NEWTABLE, NLM_F_CREATE), table);
    putting->table_part = putting->parts + 1;
    return end_part(putting);
}

static int put_chain(struct putting *putting, const struct nft_place *place)
{
    _cleanup_chain_ struct nftnl_chain *chain = nft_chain_new(place);
    if (!chain)
        return -ENOMEM;
    nftnl_chain_nlmsg_build_payload(nft_batch_part(&putting->batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL),
                                    chain);
    return end_part(putting);
}

/* With all that is in it. */
static int drop_chain(struct putting *putting, const struct nft_place *place)
{
    struct nlmsghdr *part = nft_batch_part(&putting->batch, NFT_MSG_DELCHAIN, 0);
    mnl_attr_put_strz(part, NFTA_CHAIN_TABLE, NFT_TABLE);
    mnl_attr_put_strz(part, NFTA_CHAIN_NAME, place->chain);
    return end_part(putting);
}

/* handle: of the rule in whose place it goes, in one step; 0: it becomes the first. */
static int put_rule(struct putting *putting, size_t place, uint64_t handle)
{
    const struct nft_program program = {
        putting->pinned->programs[place].id,
        putting->pinned->programs[place].path,
        putting->pinned->programs[place].fd,
    };
    _cleanup_rule_ struct nftnl_rule *rule = nft_rule_new(&nft_places[place], &program, !putting->unguarded);
    if (!rule)
        return -ENOMEM;
    if (handle)
        nftnl_rule_set_u64(rule, NFTNL_RULE_HANDLE, handle);
    nftnl_rule_nlmsg_build_payload(
        nft_batch_part(&putting->batch, NFT_MSG_NEWRULE, handle ? NLM_F_REPLACE : NLM_F_CREATE), rule);
    return end_part(putting);
}

static int drop_rule(struct putting *putting, const struct nft_place *place, uint64_t handle)
{
    struct nlmsghdr *part = nft_batch_part(&putting->batch, NFT_MSG_DELRULE, 0);
    mnl_attr_put_strz(part, NFTA_RULE_TABLE, NFT_TABLE);
    mnl_attr_put_strz(part, NFTA_RULE_CHAIN, place->chain);
    mnl_attr_put_u64(part, NFTA_RULE_HANDLE, htobe64(handle));
    return end_part(putting);
}

static int plan_chain(struct putting *putting, size_t place)
{
    const struct nft_chain_seen *chain = &putting->seen.chains[place];
    bool kept = chain->exists && chain->right;
    int r = 0;
    if (chain->exists && !kept)
        r = drop_chain(putting, chain->place);
    if (r == 0 && !kept)
        r = put_chain(putting, chain->place);
    if (r == 0 && !(kept && chain->head && chain->head_right && chain->program == putting->pinned->programs[place].id))
        r = put_rule(putting, place, kept && chain->head ? chain->handle : 0);
    for (size_t i = 0; i < chain->surplus_count && kept && r == 0; i++)
        r = drop_rule(putting, chain->place, chain->surplus[i]);
    return r;
}

static bool table_is_right(const struct putting *putting)
{
    const struct nft_seen *seen = &putting->seen;
    bool orphaned = (seen->flags & OWNED) == NFT_TABLE_F_PERSIST;
    return seen->exists && !orphaned && !(seen->flags & NFT_TABLE_F_DORMANT);
}

/* The kernel adds no chains with hooks to a table that the same batch changes: that one is adopted first, alone. */
static int plan(struct putting *putting)
{
    int r = table_is_right(putting) ? 0 : put_table(putting);
    bool adopting = putting->seen.exists && putting->table_part > 0;
    for (size_t i = 0; i < NFT_PLACES && !adopting && r == 0; i++)
        r = plan_chain(putting, i);
    return r;
}

/* -EOPNOTSUPP says which of the two the kernel does not know by the part it was said of: then it does without. */
static int do_without(struct putting *putting, uint32_t part)
{
    bool *missing = part == putting->table_part ? &putting->plain : &putting->unguarded;
    if (*missing)
        return -EOPNOTSUPP;
    *missing = true;
    return -EAGAIN;
}

/* 0: all is as it should be already; -EAGAIN: something was done about it, and is to be looked at again. */
static int step(struct putting *putting)
{
    uint32_t refused = 0;
    putting->parts = putting->table_part = 0;
    int r = nft_batch_begin(&putting->batch, putting->owner, putting->seen.generation);
    if (r == 0)
        r = plan(putting);
    if (r == 0 && putting->parts > 0) {
        r = nft_batch_send(&putting->batch, &refused);
        if (r == 0)
            r = -EAGAIN;
        else if (r == -EOPNOTSUPP)
            r = do_without(putting, refused);
    }
    nft_batch_done(&putting->batch);
    return r;
}

/* Nothing is left to be done. */
static bool runs_all(const struct nft_seen *seen, const struct pinned *pinned)
{
    bool all = true;
    for (size_t i = 0; i < NFT_PLACES; i++)
        all &= nft_seen_runs(seen, i, pinned->programs[i].id);
    return all;
}

static bool is_owned_by_other(const struct nft_seen *seen, const struct nft_talk *owner)
{
    return seen->flags & NFT_TABLE_F_OWNER && seen->owner != owner->portid;
}

static int refuse_foreign(const struct nft_seen *seen, const struct nft_talk *owner, struct fault *fault)
{
    if (seen->exists && !seen->ours)
        return fault_set(fault, -EEXIST,
                         "there is a table inet " NFT_TABLE " that is not ours: delete it, or choose another "
                         "--netfilter");
    if (is_owned_by_other(seen, owner))
        return fault_set(fault, -EBUSY,
                         "the table inet " NFT_TABLE " has a living owner (netlink port %u): another "
                         "trafficd counts in this network namespace",
                         seen->owner);
    return 0;
}

static int tell_refused(int r, struct fault *fault)
{
    switch (r) {
    case -ENOENT:
    case -EOPNOTSUPP:
        return fault_set(fault, -ENOTSUP,
                         "this kernel has no xtables match bpf in nf_tables of family inet (CONFIG_NFT_COMPAT, "
                         "CONFIG_NETFILTER_XT_MATCH_BPF, CONFIG_NF_TABLES_INET)");
    case -EAGAIN:
        return fault_set(fault, r, "others change the ruleset faster than the table " NFT_TABLE " can be put there");
    default:
        return fault_set(fault, r, "nf_tables refuses the table " NFT_TABLE ": %s", strerror(-r));
    }
}

static int put_round(struct putting *putting, struct fault *fault, bool *ret_told)
{
    int r = nft_seen_read(putting->owner, &putting->seen);
    if (r == 0 && is_owned_by_other(&putting->seen, putting->owner) && runs_all(&putting->seen, putting->pinned))
        return 0;
    if (r == 0) {
        r = refuse_foreign(&putting->seen, putting->owner, fault);
        *ret_told = r < 0;
    }
    return r == 0 ? step(putting) : r;
}

static int put_all(const char *bpffs, struct nft_talk *owner, struct fault *fault)
{
    _cleanup_pinned_ struct pinned pinned = NOTHING_PINNED;
    struct putting putting = {.pinned = &pinned, .owner = owner};
    bool told = false;
    int r = pinned_open(bpffs, &pinned, fault);
    if (r < 0)
        return r;
    for (size_t i = 0; i < NFT_PLACES; i++)
        if (!pinned.programs[i].id)
            return fault_set(fault, -ENOTSUP, "%s is not pinned", pinned.programs[i].path);
    r = -EAGAIN;
    for (int i = 0; i < ATTEMPTS && r == -EAGAIN; i++)
        r = put_round(&putting, fault, &told);
    return r < 0 && !told ? tell_refused(r, fault) : r;
}

int nft_put(const char *bpffs, struct nft_talk **owner, struct fault *fault)
{
    _cleanup_talk_ struct nft_talk *made = NULL;
    int r = *owner ? 0 : nft_talk_open(&made, fault);
    if (r == 0)
        r = put_all(bpffs, *owner ? *owner : made, fault);
    if (r == 0 && made)
        *owner = TAKE_PTR(made);
    return r;
}

int nft_look(const char *bpffs, uint32_t *ret_there, struct fault *fault)
{
    _cleanup_talk_ struct nft_talk *owner = NULL;
    _cleanup_pinned_ struct pinned pinned = NOTHING_PINNED;
    struct nft_seen seen;
    *ret_there = 0;
    int r = pinned_open(bpffs, &pinned, fault);
    if (r == 0)
        r = nft_talk_open(&owner, fault);
    if (r < 0)
        return r;
    r = nft_seen_read(owner, &seen);
    if (r < 0)
        return fault_set(fault, r, "the table " NFT_TABLE " of nf_tables cannot be read: %s", strerror(-r));
    for (size_t i = 0; i < NFT_PLACES; i++)
        if (nft_seen_runs(&seen, i, pinned.programs[i].id))
            *ret_there |= nft_places[i].bits;
    return 0;
}

static int remove_seen(struct nft_talk *owner, const struct nft_seen *seen)
{
    struct nft_batch batch;
    uint32_t refused = 0;
    int r = nft_batch_begin(&batch, owner, seen->generation);
    if (r == 0) {
        mnl_attr_put_strz(nft_batch_part(&batch, NFT_MSG_DELTABLE, 0), NFTA_TABLE_NAME, NFT_TABLE);
        r = nft_batch_part_end(&batch);
    }
    if (r == 0)
        r = nft_batch_send(&batch, &refused);
    nft_batch_done(&batch);
    return r;
}

/* What somebody has put into the table goes with it. */
static int remove_ours(struct nft_talk *owner, struct fault *fault)
{
    struct nft_seen seen;
    int r = -EAGAIN;
    for (int i = 0; i < ATTEMPTS && r == -EAGAIN; i++) {
        r = nft_seen_read(owner, &seen);
        if (r == 0 && !seen.ours)
            return 0;
        if (r == 0 && seen.flags & NFT_TABLE_F_OWNER)
            return refuse_foreign(&seen, owner, fault);
        if (r == 0)
            r = remove_seen(owner, &seen);
    }
    return r < 0 ? fault_set(fault, r, "the table " NFT_TABLE " of nf_tables stays: %s", strerror(-r)) : 0;
}

int nft_remove(struct fault *fault)
{
    _cleanup_talk_ struct nft_talk *owner = NULL;
    int r = nft_talk_open(&owner, fault);
    if (r == -ENOTSUP)
        return 0;
    return r < 0 ? r : remove_ours(owner, fault);
}
