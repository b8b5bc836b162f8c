/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "parts.h"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

const struct nlattr *nft_parts_of(const struct nlmsghdr *message, uint16_t type)
{
    const struct nlattr *attribute;
    mnl_attr_for_each(attribute, message, sizeof(struct nfgenmsg))
    {
        if (mnl_attr_get_type(attribute) == type)
            return attribute;
    }
    return NULL;
}

const struct nlattr *nft_parts_in(const struct nlattr *nest, uint16_t type)
{
    const struct nlattr *attribute;
    if (!nest)
        return NULL;
    mnl_attr_for_each_nested(attribute, nest)
    {
        if (mnl_attr_get_type(attribute) == type)
            return attribute;
    }
    return NULL;
}

bool nft_parts_text(const struct nlattr *attribute, const char *wanted)
{
    size_t size = strlen(wanted) + 1;
    return attribute && mnl_attr_get_payload_len(attribute) >= size &&
           memcmp(mnl_attr_get_payload(attribute), wanted, size) == 0;
}

bool nft_parts_u32(const struct nlattr *attribute, uint32_t *ret)
{
    if (!attribute || mnl_attr_get_payload_len(attribute) < sizeof(*ret))
        return false;
    *ret = ntohl(mnl_attr_get_u32(attribute));
    return true;
}

bool nft_parts_u64(const struct nlattr *attribute, uint64_t *ret)
{
    if (!attribute || mnl_attr_get_payload_len(attribute) < sizeof(*ret))
        return false;
    *ret = be64toh(mnl_attr_get_u64(attribute));
    return true;
}

static bool same_bytes(const struct nlattr *ours, const struct nlattr *theirs)
{
    return ours && theirs && mnl_attr_get_payload_len(ours) == mnl_attr_get_payload_len(theirs) &&
           memcmp(mnl_attr_get_payload(ours), mnl_attr_get_payload(theirs), mnl_attr_get_payload_len(ours)) == 0;
}

static bool is_zero(const struct nlattr *attribute)
{
    const uint8_t *bytes = mnl_attr_get_payload(attribute);
    bool zero = true;
    for (size_t i = 0; i < mnl_attr_get_payload_len(attribute); i++)
        zero &= bytes[i] == 0;
    return zero;
}

/* What only theirs says has to be the kernel's default. */
static bool says_more(const struct nlattr *ours, const struct nlattr *theirs)
{
    const struct nlattr *part;
    mnl_attr_for_each_nested(part, theirs)
    {
        if (!nft_parts_in(ours, mnl_attr_get_type(part)) && !is_zero(part))
            return true;
    }
    return false;
}

/* The order is the kernel's, and whether it marks what is nested. At most: data, of a comparison, of a value. */
static bool same_data(const struct nlattr *ours, const struct nlattr *theirs, uint16_t but)
{
    const struct nlattr *part;
    if (!ours || !theirs)
        return ours == theirs;
    mnl_attr_for_each_nested(part, ours)
    {
        const struct nlattr *other = nft_parts_in(theirs, mnl_attr_get_type(part));
        bool nested = part->nla_type & NLA_F_NESTED;
        if (mnl_attr_get_type(part) != but && !same_bytes(part, other) && !(nested && same_data(part, other, 0)))
            return false;
    }
    return !says_more(ours, theirs);
}

/* With or without the byte that ends it. */
static bool same_text(const struct nlattr *ours, const struct nlattr *theirs)
{
    if (!ours || !theirs)
        return ours == theirs;
    const char *mine = mnl_attr_get_payload(ours), *other = mnl_attr_get_payload(theirs);
    size_t length = strnlen(mine, mnl_attr_get_payload_len(ours));
    return length == strnlen(other, mnl_attr_get_payload_len(theirs)) && memcmp(mine, other, length) == 0;
}

static bool same_expression(const struct nlattr *ours, const struct nlattr *theirs)
{
    const struct nlattr *name = nft_parts_in(ours, NFTA_EXPR_NAME);
    const struct nlattr *mine = nft_parts_in(ours, NFTA_EXPR_DATA), *other = nft_parts_in(theirs, NFTA_EXPR_DATA);
    bool named = nft_parts_text(name, "objref");
    uint16_t but = named ? NFTA_OBJREF_IMM_NAME : nft_parts_text(name, "match") ? NFTA_MATCH_INFO : 0;
    return same_bytes(name, nft_parts_in(theirs, NFTA_EXPR_NAME)) && same_data(mine, other, but) &&
           (!named || same_text(nft_parts_in(mine, but), nft_parts_in(other, but)));
}

static const char *end_of(const struct nlattr *list)
{
    return (const char *)mnl_attr_get_payload(list) + mnl_attr_get_payload_len(list);
}

static bool is_there(const struct nlattr *element, const struct nlattr *list)
{
    return mnl_attr_ok(element, (int)(end_of(list) - (const char *)element));
}

bool nft_parts_equal(const struct nlattr *ours, const struct nlattr *theirs)
{
    if (!ours || !theirs)
        return false;
    const struct nlattr *mine = mnl_attr_get_payload(ours), *other = mnl_attr_get_payload(theirs);
    while (is_there(mine, ours) && is_there(other, theirs)) {
        if (!same_expression(mine, other))
            return false;
        mine = mnl_attr_next(mine);
        other = mnl_attr_next(other);
    }
    return !is_there(mine, ours) && !is_there(other, theirs);
}
