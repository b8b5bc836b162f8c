/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The choice between the ways, so that their callers know only its name. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "legacy.h"
#include "link.h"
#include "netfilter.h"
#include "nft.h"

struct netfilter_held {
    struct link_held links;
    struct nft_talk *table;
};

struct netfilter_held *netfilter_held_free(struct netfilter_held *held)
{
    if (!held)
        return NULL;
    link_held_done(&held->links);
    nft_talk_free(held->table);
    free(held);
    return NULL;
}

static int held_new(struct netfilter_held **held)
{
    if (*held)
        return 0;
    *held = malloc(sizeof(**held));
    if (!*held)
        return -ENOMEM;
    **held = (struct netfilter_held){.links = LINK_HELD_NONE};
    return 0;
}

static int put(const char *bpffs, enum tctl_netfilter way, int link_error, struct netfilter_held *held,
               struct fault *fault)
{
    switch (way) {
    case TCTL_NETFILTER_LINK:
        return link_error < 0 ? link_error : link_put(bpffs, &held->links, fault);
    case TCTL_NETFILTER_NFT:
        return nft_put(bpffs, &held->table, fault);
    case TCTL_NETFILTER_LEGACY:
        return legacy_put(bpffs, fault);
    default:
        return 0;
    }
}

/* The first that works; the reasons of those that do not are told together, when none does. */
static int take_any(const char *bpffs, int link_error, enum tctl_netfilter *ret_way, struct netfilter_held *held,
                    struct fault *fault)
{
    char reasons[sizeof(fault->text) - 64] = "";
    for (unsigned int way = TCTL_NETFILTER_LINK; way < TCTL_NETFILTER_WAYS; way++) {
        struct fault why = way == TCTL_NETFILTER_LINK ? *fault : (struct fault){0};
        size_t used = strlen(reasons);
        int r = put(bpffs, way, link_error, held, &why);
        *ret_way = way;
        if (r == 0)
            return 0;
        snprintf(reasons + used, sizeof(reasons) - used, "%s%s: %.130s", used ? "; " : "", ways_name(way),
                 *why.text ? why.text : strerror(-r));
    }
    return fault_set(fault, -ENOTSUP, "no way to count by interface works here (%s)", reasons);
}

int netfilter_put(const char *bpffs, unsigned int wanted, int link_error, enum tctl_netfilter *ret_way,
                  struct netfilter_held **held, struct fault *fault)
{
    int r = held_new(held);
    if (r < 0)
        return r;
    if (wanted == WAYS_AUTO)
        return take_any(bpffs, link_error, ret_way, *held, fault);
    *ret_way = wanted;
    return put(bpffs, wanted, link_error, *held, fault);
}

int netfilter_look(const char *bpffs, enum tctl_netfilter way, uint32_t *ret_there, struct fault *fault)
{
    switch (way) {
    case TCTL_NETFILTER_LINK:
        return link_look(bpffs, ret_there, fault);
    case TCTL_NETFILTER_NFT:
        return nft_look(bpffs, ret_there, fault);
    case TCTL_NETFILTER_LEGACY:
        return legacy_look(bpffs, ret_there, fault);
    default:
        *ret_there = 0;
        return 0;
    }
}

int netfilter_remove(const char *bpffs, enum tctl_netfilter way, struct fault *fault)
{
    switch (way) {
    case TCTL_NETFILTER_LINK:
        return link_remove(bpffs, fault);
    case TCTL_NETFILTER_NFT:
        return nft_remove(fault);
    case TCTL_NETFILTER_LEGACY:
        return legacy_remove(bpffs, fault);
    default:
        return 0;
    }
}
