/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "keeper.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "totals.h"

struct nft_keeper {
    struct nft_talk *talk, *told;
    struct nft_base_table where; /* with the handle of the table that was put, 0: none is known */
    struct nft_totals totals;
    char *base;            /* path */
    struct nft_whole seen; /* of the last look; generation 0: none that still tells anything */
    struct nft_held held;  /* by a table that was whole */
    uint32_t held_at;      /* the generation of that */
    bool behind;           /* what it held was changed since, before it was gone */
    struct nft_culprit culprit;
    bool deleted, changed; /* by the change of the ruleset that is being told */
    bool based;            /* totals know what was saved */
};

static void nft_keeper_freep(struct nft_keeper **keeper)
{
    nft_keeper_free(*keeper);
}

struct nft_keeper *nft_keeper_free(struct nft_keeper *keeper)
{
    if (!keeper)
        return NULL;
    nft_talk_free(keeper->talk);
    nft_talk_free(keeper->told);
    nft_totals_done(&keeper->totals);
    nft_held_done(&keeper->held);
    free(keeper->base);
    free(keeper);
    return NULL;
}

/* The table that was put by whoever saved it. */
static void take_base(struct nft_keeper *keeper, const struct nft_base *base)
{
    keeper->totals.base = *base;
    if (keeper->where.handle == 0 && base->table.netns_inum == keeper->where.netns_inum)
        keeper->where.handle = base->table.handle;
}

/* What is wrong may be right at the next reading, and is no fault of the file. */
static bool passes(int error)
{
    return error == -ENOMEM || error == -EMFILE || error == -ENFILE || error == -EIO;
}

/* A file of another boot is no damage. */
static int read_base(struct nft_keeper *keeper, struct fault *ret_damaged)
{
    struct nft_base base = {0};
    struct fault unheard = {0};
    int r = nft_base_read(keeper->base, keeper->where.boot_id, &base, &unheard);
    keeper->based = !passes(r);
    if (r == 0)
        take_base(keeper, &base);
    else
        nft_base_done(&base);
    if (r == 0 || r == -ENOENT || passes(r))
        return r == -ENOENT ? 0 : r;
    if (r != -ESTALE)
        fault_set(ret_damaged, r, "what was counted before cannot be read, and counting begins anew: %.300s",
                  *unheard.text ? unheard.text : strerror(-r));
    unlink(keeper->base);
    return 0;
}

int nft_keeper_open(const char *place, const struct tctl_state *state, struct nft_keeper **ret_keeper,
                    struct fault *ret_damaged, struct fault *fault)
{
    _cleanup_(nft_keeper_freep) struct nft_keeper *keeper = calloc(1, sizeof(*keeper));
    if (!keeper)
        return -ENOMEM;
    keeper->where.netns_inum = state->netns_inum;
    memcpy(keeper->where.boot_id, state->boot_id, sizeof(keeper->where.boot_id));
    keeper->base = nft_base_path(place);
    if (!keeper->base)
        return -ENOMEM;
    int r = nft_talk_open(&keeper->talk, fault);
    if (r == 0)
        r = nft_talk_listen(&keeper->told, fault);
    if (r == 0)
        r = read_base(keeper, ret_damaged);
    if (r < 0)
        return r;
    *ret_keeper = TAKE_PTR(keeper);
    return 0;
}

int nft_keeper_descriptor(const struct nft_keeper *keeper)
{
    return nft_talk_descriptor(keeper->told);
}

/* The name of its table is the first attribute of all of them. */
_Static_assert(NFTA_TABLE_NAME == 1 && NFTA_CHAIN_TABLE == 1 && NFTA_RULE_TABLE == 1 && NFTA_SET_TABLE == 1 &&
                   NFTA_SET_ELEM_LIST_TABLE == 1 && NFTA_OBJ_TABLE == 1,
               "one way to ask for it");

static bool is_about_us(const struct nlmsghdr *message)
{
    const struct nfgenmsg *head = mnl_nlmsg_get_payload(message);
    const struct nlattr *attribute;
    if (mnl_nlmsg_get_payload_len(message) < sizeof(*head) || head->nfgen_family != NFPROTO_INET)
        return false;
    mnl_attr_for_each(attribute, message, sizeof(*head))
    {
        if (mnl_attr_get_type(attribute) == NFTA_TABLE_NAME && mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0)
            return strcmp(mnl_attr_get_str(attribute), NFT_USERS) == 0;
    }
    return false;
}

/* Older kernels do not say who it was. */
static struct nft_culprit culprit_of(const struct nlmsghdr *message)
{
    struct nft_culprit culprit = {0};
    const struct nlattr *attribute;
    mnl_attr_for_each(attribute, message, sizeof(struct nfgenmsg))
    {
        if (mnl_attr_get_type(attribute) == NFTA_GEN_PROC_PID && mnl_attr_validate(attribute, MNL_TYPE_U32) == 0)
            culprit.pid = (int)ntohl(mnl_attr_get_u32(attribute));
        if (mnl_attr_get_type(attribute) == NFTA_GEN_PROC_NAME &&
            mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0)
            snprintf(culprit.name, sizeof(culprit.name), "%s", mnl_attr_get_str(attribute));
    }
    return culprit;
}

struct hearing {
    struct nft_keeper *keeper;
    bool ours;
};

/* Generations wrap. */
static bool is_after(uint32_t generation, uint32_t other)
{
    return (int32_t)(generation - other) > 0;
}

/* Who did it is told at the end of all that he did. What is put back changes nothing. */
static void hear_end(struct nft_keeper *keeper, const struct nlmsghdr *message)
{
    uint32_t generation = 0;
    if (keeper->deleted)
        keeper->culprit = culprit_of(message);
    else if (keeper->changed && message->nlmsg_pid != keeper->talk->portid &&
             nft_talk_generation_in(message, &generation) && is_after(generation, keeper->held_at))
        keeper->behind = true;
    keeper->deleted = keeper->changed = false;
}

static int hear(const struct nlmsghdr *message, void *into)
{
    struct hearing *hearing = into;
    struct nft_keeper *keeper = hearing->keeper;
    const unsigned int type = NFNL_MSG_TYPE(message->nlmsg_type);
    if (NFNL_SUBSYS_ID(message->nlmsg_type) != NFNL_SUBSYS_NFTABLES)
        return MNL_CB_OK;
    if (type == NFT_MSG_NEWGEN) {
        hear_end(keeper, message);
    } else if (is_about_us(message)) {
        hearing->ours = true;
        keeper->deleted |= type == NFT_MSG_DELTABLE;
        keeper->changed |= type == NFT_MSG_NEWSETELEM || type == NFT_MSG_DELSETELEM;
    }
    return MNL_CB_OK;
}

int nft_keeper_hear(struct nft_keeper *keeper, bool *ret_ours)
{
    struct hearing hearing = {.keeper = keeper};
    int r = nft_talk_hear(keeper->told, hear, &hearing);
    if (r < 0) { /* which may have been an end, or any change */
        keeper->deleted = keeper->changed = false;
        keeper->behind = true;
    }
    *ret_ours = hearing.ours || r < 0;
    return r;
}

bool nft_keeper_is_behind(const struct nft_keeper *keeper)
{
    return keeper->behind;
}

struct nft_culprit nft_keeper_culprit(const struct nft_keeper *keeper)
{
    return keeper->culprit;
}

static int remember(struct nft_keeper *keeper)
{
    struct nft_held held = {0};
    uint32_t generation;
    int r = nft_sets_read_held(keeper->talk, &held, &generation);
    if (r < 0) {
        nft_held_done(&held);
        return r;
    }
    nft_held_done(&keeper->held);
    keeper->held = held;
    keeper->held_at = generation;
    keeper->behind = false;
    return 0;
}

/* Whoever restores the policy puts a table that is gone, and saves that it is ours. */
static void compare(struct nft_keeper *keeper, struct nft_whole *whole)
{
    _cleanup_(nft_base_done) struct nft_base base = {0};
    struct fault unheard = {0};
    nft_whole_compare(whole, keeper->where.handle);
    if (!whole->copy || nft_base_read(keeper->base, keeper->where.boot_id, &base, &unheard) < 0 ||
        base.table.netns_inum != keeper->where.netns_inum || base.table.handle != whole->handle)
        return;
    keeper->where.handle = whole->handle;
    whole->copy = false;
}

int nft_keeper_look(struct nft_keeper *keeper, const struct tctl_config *config, struct nft_whole *ret_whole)
{
    uint32_t generation = 0;
    int r = nft_talk_generation(keeper->talk, &generation);
    if (r == 0 && (generation != keeper->seen.generation || keeper->behind)) {
        keeper->seen.generation = 0;
        r = nft_whole_look(keeper->talk, config, ret_whole);
        if (r == 0)
            compare(keeper, ret_whole);
        if (r == 0 && nft_whole_is(ret_whole))
            r = remember(keeper);
        if (r == 0)
            keeper->seen = *ret_whole;
    }
    if (r == 0)
        *ret_whole = keeper->seen;
    return r;
}

int nft_keeper_put(struct nft_keeper *keeper, const struct nft_asked *asked, struct fault *fault)
{
    struct nft_asked here = *asked;
    here.made = &keeper->where.handle;
    keeper->seen.generation = 0;
    return nft_table_put(keeper->talk, &here, &keeper->held, fault);
}

int nft_keeper_remove(struct nft_keeper *keeper, struct fault *fault)
{
    keeper->seen.generation = 0;
    return nft_table_remove(keeper->talk, fault);
}

int nft_keeper_read(struct nft_keeper *keeper, struct nft_counts *ret_counts)
{
    bool there;
    struct fault unheard = {0};
    struct nft_base *base = &keeper->totals.base;
    int r = keeper->based ? 0 : read_base(keeper, &unheard);
    if (r == 0)
        r = nft_totals_read(&keeper->totals, &nft_dump_kernel, keeper->talk, &keeper->where, &there, ret_counts);
    /* Before it is told: after a SIGKILL it would be less. */
    if (r == 0 && base->unsaved)
        base->unsaved = nft_base_write(base, keeper->base, &unheard) < 0;
    if (r == -ENOMEM) {
        nft_totals_done(&keeper->totals);
        keeper->totals = (struct nft_totals){0};
        keeper->based = false;
    }
    return r;
}

int nft_keeper_save(struct nft_keeper *keeper, struct fault *fault)
{
    _cleanup_(nft_counts_done) struct nft_counts counts = {0};
    int r = nft_keeper_read(keeper, &counts);
    if (r < 0)
        return fault_set(fault, r, "the counters cannot be read from nf_tables: %s", strerror(-r));
    r = nft_base_write(&keeper->totals.base, keeper->base, fault);
    if (r == 0) {
        keeper->totals.base.unsaved = false;
        keeper->culprit = (struct nft_culprit){0};
    }
    return r;
}
