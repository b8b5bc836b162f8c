/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "sets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libnftnl/set.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "parts.h"

#define ATTEMPTS 20
#define COMMENT "trafficctl counts and judges users here, layout 1"
#define REQUEST_SIZE 256
#define USERDATA_SIZE 128
#define HOST_ENDIAN 1 /* as nft numbers them: without it UIDs are listed with their bytes swapped */
/* An element, its key and what is around them take this much at most. */
#define ELEMENT_SIZE 64

static void set_freep(struct nftnl_set **set)
{
    if (*set)
        nftnl_set_free(*set);
}

static uint32_t size_of(enum nft_set set, const struct nft_sizes *sizes)
{
    switch (set) {
    case NFT_SET_SENT:
    case NFT_SET_RECEIVED:
        return sizes->users;
    case NFT_SET_IFACE_OUT:
    case NFT_SET_IFACE_IN:
        return sizes->ifaces;
    case NFT_SET_DROPPED_OUT:
    case NFT_SET_DROPPED_IN:
    case NFT_SET_REFUSED:
        return sizes->drops;
    default:
        return 0;
    }
}

/* The rules need app_uids, so that it stays as long as they do: it says whose the table is. */
static bool describe(struct nftnl_set *to, enum nft_set set)
{
    struct nftnl_udata_buf *data = nftnl_udata_buf_alloc(USERDATA_SIZE);
    bool done = data && nftnl_udata_put_u32(data, NFTNL_UDATA_SET_KEYBYTEORDER, HOST_ENDIAN) &&
                (set != NFT_SET_APP_UIDS || nftnl_udata_put_strz(data, NFTNL_UDATA_SET_COMMENT, COMMENT)) &&
                nftnl_set_set_data(to, NFTNL_SET_USERDATA, nftnl_udata_buf_data(data), nftnl_udata_buf_len(data)) == 0;
    if (data)
        nftnl_udata_buf_free(data);
    return done;
}

int nft_sets_make(struct nft_batch *batch, enum nft_set set, const struct nft_sizes *sizes)
{
    _cleanup_(set_freep) struct nftnl_set *made = nftnl_set_alloc();
    const struct nft_set_shape shape = nft_set_shape(set);
    if (!made || nftnl_set_set_str(made, NFTNL_SET_TABLE, NFT_USERS) < 0 ||
        nftnl_set_set_str(made, NFTNL_SET_NAME, shape.name) < 0 || !describe(made, set))
        return -ENOMEM;
    nftnl_set_set_u32(made, NFTNL_SET_FAMILY, NFPROTO_INET);
    nftnl_set_set_u32(made, NFTNL_SET_ID, set + 1);
    nftnl_set_set_u32(made, NFTNL_SET_KEY_TYPE, nft_keys[shape.key].type);
    nftnl_set_set_u32(made, NFTNL_SET_KEY_LEN, nft_keys[shape.key].size);
    nftnl_set_set_u32(made, NFTNL_SET_FLAGS, shape.flags);
    if (size_of(set, sizes))
        nftnl_set_set_u32(made, NFTNL_SET_DESC_SIZE, size_of(set, sizes));
    nftnl_set_nlmsg_build_payload(nft_batch_part(batch, NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_EXCL), made);
    return nft_batch_part_end(batch);
}

int nft_sets_delete(struct nft_batch *batch, enum nft_set set)
{
    struct nlmsghdr *part = nft_batch_part(batch, NFT_MSG_DELSET, 0);
    mnl_attr_put_strz(part, NFTA_SET_TABLE, NFT_USERS);
    mnl_attr_put_strz(part, NFTA_SET_NAME, nft_set_shape(set).name);
    return nft_batch_part_end(batch);
}

static struct nlmsghdr *begin_elements(struct nft_batch *batch, uint16_t type, enum nft_set set)
{
    struct nlmsghdr *part = nft_batch_part(batch, type, type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0);
    mnl_attr_put_strz(part, NFTA_SET_ELEM_LIST_TABLE, NFT_USERS);
    mnl_attr_put_strz(part, NFTA_SET_ELEM_LIST_SET, nft_set_shape(set).name);
    return part;
}

/* No list is all elements. */
int nft_sets_clear(struct nft_batch *batch, enum nft_set set)
{
    begin_elements(batch, NFT_MSG_DELSETELEM, set);
    return nft_batch_part_end(batch);
}

static void put_element(struct nlmsghdr *part, enum nft_set set, const char *element)
{
    struct nlattr *nest = mnl_attr_nest_start(part, NFTA_LIST_ELEM);
    struct nft_bound bound;
    if (set == NFT_SET_APP_UIDS) {
        memcpy(&bound, element, sizeof(bound));
        if (bound.ends)
            mnl_attr_put_u32(part, NFTA_SET_ELEM_FLAGS, htonl(NFT_SET_ELEM_INTERVAL_END));
    }
    struct nlattr *key = mnl_attr_nest_start(part, NFTA_SET_ELEM_KEY);
    mnl_attr_put(part, NFTA_DATA_VALUE, nft_keys[nft_set_shape(set).key].size, element);
    mnl_attr_nest_end(part, key);
    mnl_attr_nest_end(part, nest);
}

/* As many as one part takes; then as many parts as that takes. */
static int put_elements(struct nft_batch *batch, uint16_t type, enum nft_set set, const struct nft_elements *elements)
{
    size_t size = nft_elements_size(set), next = 0;
    int r = 0;
    while (next < elements->count && r == 0) {
        struct nlmsghdr *part = begin_elements(batch, type, set);
        struct nlattr *list = mnl_attr_nest_start(part, NFTA_SET_ELEM_LIST_ELEMENTS);
        while (next < elements->count && part->nlmsg_len + ELEMENT_SIZE <= NFT_PART_SIZE)
            put_element(part, set, elements->keys + next++ * size);
        mnl_attr_nest_end(part, list);
        r = nft_batch_part_end(batch);
    }
    return r;
}

int nft_sets_add(struct nft_batch *batch, enum nft_set set, const struct nft_elements *elements)
{
    return put_elements(batch, NFT_MSG_NEWSETELEM, set, elements);
}

int nft_sets_remove(struct nft_batch *batch, enum nft_set set, const struct nft_elements *elements)
{
    return put_elements(batch, NFT_MSG_DELSETELEM, set, elements);
}

bool nft_sets_is_right(const struct nlmsghdr *message, enum nft_set set)
{
    const struct nft_set_shape shape = nft_set_shape(set);
    uint32_t type = 0, size = 0, flags = 0;
    return nft_parts_u32(nft_parts_of(message, NFTA_SET_KEY_TYPE), &type) && type == nft_keys[shape.key].type &&
           nft_parts_u32(nft_parts_of(message, NFTA_SET_KEY_LEN), &size) && size == nft_keys[shape.key].size &&
           (nft_parts_u32(nft_parts_of(message, NFTA_SET_FLAGS), &flags), flags == shape.flags);
}

bool nft_sets_is_ours(const struct nlmsghdr *message)
{
    const struct nlattr *userdata = nft_parts_of(message, NFTA_SET_USERDATA);
    size_t rest = userdata ? mnl_attr_get_payload_len(userdata) : 0;
    const uint8_t *data = rest ? mnl_attr_get_payload(userdata) : NULL;
    while (rest >= 2 && rest - 2 >= data[1]) {
        if (data[0] == NFTNL_UDATA_SET_COMMENT && data[1] == sizeof(COMMENT) &&
            memcmp(data + 2, COMMENT, sizeof(COMMENT)) == 0)
            return true;
        rest -= 2u + data[1];
        data += 2 + data[1];
    }
    return false;
}

struct reading {
    enum nft_set set;
    struct nft_elements elements;
};

static int hear_element(struct reading *reading, const struct nlattr *element)
{
    const struct nlattr *key = nft_parts_in(nft_parts_in(element, NFTA_SET_ELEM_KEY), NFTA_DATA_VALUE);
    size_t size = nft_keys[nft_set_shape(reading->set).key].size;
    uint32_t flags = 0;
    if (!key || mnl_attr_get_payload_len(key) != size)
        return -EBADMSG;
    if (reading->set != NFT_SET_APP_UIDS)
        return nft_elements_append(&reading->elements, reading->set, mnl_attr_get_payload(key));
    nft_parts_u32(nft_parts_in(element, NFTA_SET_ELEM_FLAGS), &flags);
    struct nft_bound bound = {.ends = (flags & NFT_SET_ELEM_INTERVAL_END) != 0};
    memcpy(&bound.uid, mnl_attr_get_payload(key), sizeof(bound.uid));
    return nft_elements_append(&reading->elements, reading->set, &bound);
}

static int hear_elements(const struct nlmsghdr *message, void *into)
{
    const struct nlattr *list = nft_parts_of(message, NFTA_SET_ELEM_LIST_ELEMENTS), *element;
    int r = 0;
    if (!list)
        return MNL_CB_OK;
    mnl_attr_for_each_nested(element, list)
    {
        r = r < 0 ? r : hear_element(into, element);
    }
    errno = -r;
    return r < 0 ? MNL_CB_ERROR : MNL_CB_OK;
}

int nft_sets_read(struct nft_talk *talk, enum nft_set set, struct nft_elements *ret_elements)
{
    struct reading reading = {.set = set};
    char buffer[REQUEST_SIZE];
    struct nlmsghdr *request = nft_talk_head(buffer, NFT_MSG_GETSETELEM, NLM_F_DUMP);
    mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_TABLE, NFT_USERS);
    mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_SET, nft_set_shape(set).name);
    int r = nft_talk_ask(talk, request, hear_elements, &reading);
    if (r < 0)
        nft_elements_done(&reading.elements);
    else
        *ret_elements = reading.elements;
    return r;
}

static int read_into(struct nft_talk *talk, struct nft_held *held)
{
    int r = 0;
    for (enum nft_set set = NFT_SET_LISTED; set < NFT_SET_COUNTING && r == 0; set++) {
        struct nft_elements elements = {0};
        r = nft_sets_read(talk, set, &elements);
        if (r == 0)
            r = nft_elements_into(&elements, set, held);
        nft_elements_done(&elements);
    }
    return r;
}

/* -EAGAIN: it changed meanwhile. */
static int read_once(struct nft_talk *talk, struct nft_held *held, uint32_t *generation)
{
    uint32_t after = 0;
    int r = nft_talk_generation(talk, generation);
    if (r == 0)
        r = read_into(talk, held);
    if (r == 0)
        r = nft_talk_generation(talk, &after);
    return r == -EINTR || (r == 0 && after != *generation) ? -EAGAIN : r;
}

int nft_sets_read_held(struct nft_talk *talk, struct nft_held *ret_held, uint32_t *ret_generation)
{
    struct nft_held held = {0};
    int r = -EAGAIN;
    for (int i = 0; i < ATTEMPTS && r == -EAGAIN; i++) {
        nft_held_done(&held);
        r = read_once(talk, &held, ret_generation);
    }
    if (r < 0)
        nft_held_done(&held);
    else
        *ret_held = held;
    return r;
}
