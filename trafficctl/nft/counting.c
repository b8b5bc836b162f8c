/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "counting.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "parts.h"

#define REQUEST_SIZE 256

static int malformed(void)
{
    errno = EBADMSG;
    return MNL_CB_ERROR;
}

static bool read_counter(const struct nlattr *data, struct nft_counter *ret_counter)
{
    uint64_t packets, bytes;
    if (!nft_parts_u64(nft_parts_in(data, NFTA_COUNTER_PACKETS), &packets) ||
        !nft_parts_u64(nft_parts_in(data, NFTA_COUNTER_BYTES), &bytes))
        return false;
    *ret_counter = (struct nft_counter){packets, bytes};
    return true;
}

static bool read_row(const struct nlattr *from, struct nft_counted_row *ret_row)
{
    const struct nlattr *key = nft_parts_in(nft_parts_in(from, NFTA_SET_ELEM_KEY), NFTA_DATA_VALUE);
    const struct nlattr *expression = nft_parts_in(from, NFTA_SET_ELEM_EXPR);
    if (!key)
        return false;
    *ret_row = (struct nft_counted_row){mnl_attr_get_payload(key), mnl_attr_get_payload_len(key)};
    if (!expression || !nft_parts_text(nft_parts_in(expression, NFTA_EXPR_NAME), "counter"))
        return true;
    return read_counter(nft_parts_in(expression, NFTA_EXPR_DATA), &ret_row->counter);
}

int nft_counting_hear(const struct nlmsghdr *message, void *into)
{
    const struct nft_counting_into *to = into;
    const struct nlattr *list = nft_parts_of(message, NFTA_SET_ELEM_LIST_ELEMENTS), *from;
    if (!list)
        return MNL_CB_OK;
    mnl_attr_for_each_nested(from, list)
    {
        struct nft_counted_row row;
        if (!read_row(from, &row))
            return malformed();
        int r = to->take(to->context, &row);
        if (r < 0) {
            errno = -r;
            return MNL_CB_ERROR;
        }
    }
    return MNL_CB_OK;
}

int nft_counting_dump(struct nft_talk *talk, enum nft_set set, nft_counted_fn take, void *context)
{
    char buffer[REQUEST_SIZE];
    struct nft_counting_into into = {take, context};
    struct nlmsghdr *request = nft_talk_head(buffer, NFT_MSG_GETSETELEM, NLM_F_DUMP);
    mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_TABLE, NFT_USERS);
    mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_SET, nft_set_shape(set).name);
    return nft_talk_ask(talk, request, nft_counting_hear, &into);
}

static int hear_counter(const struct nlmsghdr *message, void *into)
{
    return read_counter(nft_parts_of(message, NFTA_OBJ_DATA), into) ? MNL_CB_OK : malformed();
}

int nft_counting_counter(struct nft_talk *talk, enum nft_count count, struct nft_counter *ret_counter)
{
    char buffer[REQUEST_SIZE];
    struct nlmsghdr *request = nft_talk_head(buffer, NFT_MSG_GETOBJ, NLM_F_ACK);
    mnl_attr_put_strz(request, NFTA_OBJ_TABLE, NFT_USERS);
    mnl_attr_put_strz(request, NFTA_OBJ_NAME, nft_counts[count]);
    mnl_attr_put_u32(request, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
    return nft_talk_ask(talk, request, hear_counter, ret_counter);
}

static int hear_table(const struct nlmsghdr *message, void *into)
{
    return nft_parts_u64(nft_parts_of(message, NFTA_TABLE_HANDLE), into) ? MNL_CB_OK : malformed();
}

int nft_counting_table(struct nft_talk *talk, uint64_t *ret_handle)
{
    char buffer[REQUEST_SIZE];
    struct nlmsghdr *request = nft_talk_head(buffer, NFT_MSG_GETTABLE, NLM_F_ACK);
    mnl_attr_put_strz(request, NFTA_TABLE_NAME, NFT_USERS);
    return nft_talk_ask(talk, request, hear_table, ret_handle);
}
