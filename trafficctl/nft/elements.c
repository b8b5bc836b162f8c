/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "elements.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "ranges.h"

void nft_held_done(struct nft_held *held)
{
    policy_done(&held->policy);
    *held = (struct nft_held){0};
}

uint32_t nft_held_switched(const struct nft_held *held)
{
    return held->policy.switched | (held->closed ? TCTL_BIT(TCTL_CLOSED) : 0);
}

void nft_elements_done(struct nft_elements *elements)
{
    free(elements->keys);
    *elements = (struct nft_elements){0};
}

size_t nft_elements_size(enum nft_set set)
{
    return set == NFT_SET_APP_UIDS ? sizeof(struct nft_bound) : nft_keys[nft_set_shape(set).key].size;
}

static int make_room(struct nft_elements *elements, size_t size, size_t more)
{
    if (elements->room - elements->count >= more)
        return 0;
    size_t room = 2 * elements->room + more;
    char *grown = reallocarray(elements->keys, room, size);
    if (!grown)
        return -ENOMEM;
    elements->keys = grown;
    elements->room = room;
    return 0;
}

static int append(struct nft_elements *elements, enum nft_set set, const void *keys, size_t count)
{
    size_t size = nft_elements_size(set);
    int r = make_room(elements, size, count);
    if (r == 0 && count) {
        memcpy(elements->keys + elements->count * size, keys, count * size);
        elements->count += count;
    }
    return r;
}

int nft_elements_append(struct nft_elements *elements, enum nft_set set, const void *key)
{
    return append(elements, set, key, 1);
}

/* Of a rule about interfaces what this set holds of it. */
static int append_iface(struct nft_elements *elements, enum nft_set set, const struct policy_iface *rule)
{
    struct nft_uid_iface key = {.uid = rule->uid};
    bool any = !rule->iface[0];
    memcpy(key.iface, rule->iface, strnlen(rule->iface, sizeof(key.iface) - 1));
    if (set == NFT_SET_IIF_OK)
        return any ? 0 : nft_elements_append(elements, set, &key);
    return set == NFT_SET_IIF_RULED || any ? nft_elements_append(elements, set, &rule->uid) : 0;
}

static int append_ifaces(struct nft_elements *elements, enum nft_set set, const struct policy *policy)
{
    int r = 0;
    for (size_t i = 0; i < policy->iface_count && r == 0; i++)
        r = append_iface(elements, set, &policy->ifaces[i]);
    return r;
}

/* Behind a name there is whatever was there before. */
static int append_metered(struct nft_elements *elements, const struct policy *policy)
{
    int r = 0;
    for (size_t i = 0; i < policy->metered_count && r == 0; i++) {
        char name[TCTL_IFNAME_LEN] = "";
        memcpy(name, policy->metered[i], strnlen(policy->metered[i], sizeof(name) - 1));
        r = nft_elements_append(elements, NFT_SET_METERED, name);
    }
    return r;
}

static int append_switched(struct nft_elements *elements, const struct nft_held *held)
{
    int r = 0;
    for (uint32_t reason = 1; reason < TCTL_REASONS && r == 0; reason++)
        if (nft_held_switched(held) & TCTL_BIT(reason))
            r = nft_elements_append(elements, NFT_SET_SWITCHED, &reason);
    return r;
}

static int append_held(struct nft_elements *elements, enum nft_set set, const struct nft_held *held)
{
    const struct policy *policy = &held->policy;
    switch (set) {
    case NFT_SET_LOCKDOWN:
        return append(elements, set, policy->lockdown.uids, policy->lockdown.count);
    case NFT_SET_IIF_RULED:
    case NFT_SET_IIF_ANY:
    case NFT_SET_IIF_OK:
        return append_ifaces(elements, set, policy);
    case NFT_SET_METERED:
        return append_metered(elements, policy);
    case NFT_SET_SWITCHED:
        return append_switched(elements, held);
    default:
        return append(elements, set, policy->listed[set].uids, policy->listed[set].count);
    }
}

int nft_elements_of(const struct nft_held *held, enum nft_set set, struct nft_elements *ret_elements)
{
    struct nft_elements elements = {0};
    int r = append_held(&elements, set, held);
    if (r < 0)
        nft_elements_done(&elements);
    else
        *ret_elements = elements;
    return r;
}

static int append_range(struct nft_elements *elements, const struct tctl_uid_range *range)
{
    const struct nft_bound first = {.uid = htonl(range->first)}, end = {.uid = htonl(range->last + 1), .ends = 1};
    int r = nft_elements_append(elements, NFT_SET_APP_UIDS, &first);
    return r < 0 || range->last == UINT32_MAX ? r : nft_elements_append(elements, NFT_SET_APP_UIDS, &end);
}

int nft_elements_judged(const struct tctl_config *config, struct nft_elements *ret_elements)
{
    _cleanup_free_ struct tctl_uid_range *ranges = NULL;
    struct nft_elements elements = {0};
    size_t count = 0;
    int r = nft_ranges(config, &ranges, &count);
    for (size_t i = 0; i < count && r == 0; i++)
        r = append_range(&elements, &ranges[i]);
    if (r < 0)
        nft_elements_done(&elements);
    else
        *ret_elements = elements;
    return r;
}

static bool is_name(const char iface[static TCTL_IFNAME_LEN])
{
    return iface[0] && memchr(iface, '\0', TCTL_IFNAME_LEN);
}

/* Rules ask iif_ruled first: who is not there has no interface of his own. The first name counts. */
static int put_iface(struct policy *policy, uint32_t uid, const char *iface)
{
    const struct policy_iface *rule = policy_find_iface(policy, uid);
    return rule && strcmp(rule->iface, NFT_NO_IFACE) == 0 ? policy_set_iface(policy, uid, iface) : 0;
}

static int put_switched(struct nft_held *held, uint32_t reason)
{
    if (reason == TCTL_CLOSED)
        held->closed = true;
    else if (reason > 0 && reason < TCTL_CHAINS)
        held->policy.switched |= TCTL_BIT(reason);
    else
        return -EBADMSG;
    return 0;
}

static int put(struct nft_held *held, enum nft_set set, const void *key)
{
    struct nft_uid_iface rule;
    uint32_t number = 0;
    memcpy(&number, key, sizeof(number));
    switch (set) {
    case NFT_SET_IIF_RULED:
        return policy_set_iface(&held->policy, number, NFT_NO_IFACE);
    case NFT_SET_IIF_ANY:
        return put_iface(&held->policy, number, "");
    case NFT_SET_IIF_OK:
        memcpy(&rule, key, sizeof(rule));
        return is_name(rule.iface) ? put_iface(&held->policy, rule.uid, rule.iface) : -EBADMSG;
    case NFT_SET_METERED:
        return is_name(key) ? policy_set_metered(&held->policy, key, true) : -EBADMSG;
    default:
        return put_switched(held, number);
    }
}

static int replace(struct policy *policy, enum nft_set set, const struct nft_elements *elements)
{
    struct policy_uids *list = set == NFT_SET_LOCKDOWN ? &policy->lockdown : &policy->listed[set];
    return policy_uids_replace(list, (const uint32_t *)(const void *)elements->keys, elements->count);
}

int nft_elements_into(const struct nft_elements *elements, enum nft_set set, struct nft_held *held)
{
    size_t size = nft_elements_size(set);
    int r = 0;
    if (set <= NFT_SET_LOCKDOWN)
        return replace(&held->policy, set, elements);
    for (size_t i = 0; i < elements->count && r == 0; i++)
        r = put(held, set, elements->keys + i * size);
    return r;
}

static int compare(const void *a, const void *b, void *size)
{
    return memcmp(a, b, *(size_t *)size);
}

static void put_in_order(struct nft_elements *elements, size_t size)
{
    if (elements->count)
        qsort_r(elements->keys, elements->count, size, compare, &size);
}

int nft_elements_without(struct nft_elements *a, struct nft_elements *b, enum nft_set set,
                         struct nft_elements *ret_elements)
{
    struct nft_elements elements = {0};
    size_t size = nft_elements_size(set), other = 0;
    int r = 0;
    put_in_order(a, size);
    put_in_order(b, size);
    for (size_t i = 0; i < a->count && r == 0; i++) {
        const char *key = a->keys + i * size;
        while (other < b->count && memcmp(b->keys + other * size, key, size) < 0)
            other++;
        if (other == b->count || memcmp(b->keys + other * size, key, size) != 0)
            r = nft_elements_append(&elements, set, key);
    }
    if (r < 0)
        nft_elements_done(&elements);
    else
        *ret_elements = elements;
    return r;
}
