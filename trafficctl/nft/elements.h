/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Elements of the table's sets in memory, and the firewall as them. Knows no kernel. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy.h"
#include "schema.h"

/* What the sets hold, all but the counters. */
struct nft_held {
    struct policy policy;
    bool closed; /* nobody passes: the saved policy could not be read */
};
void nft_held_done(struct nft_held *held);
/* TCTL_BIT() of the chains that are on, and of TCTL_CLOSED. */
uint32_t nft_held_switched(const struct nft_held *held);

/* An element of NFT_SET_APP_UIDS: where a range begins, or the first UID behind it; big-endian. */
struct nft_bound {
    uint32_t uid;
    uint32_t ends; /* 1: behind it */
};

/* In no order until they are compared. A zeroed one is empty. */
struct nft_elements {
    char *keys; /* each as its set's shape says; of NFT_SET_APP_UIDS: struct nft_bound */
    size_t count, room;
};
void nft_elements_done(struct nft_elements *elements);
size_t nft_elements_size(enum nft_set set); /* of each */
int nft_elements_append(struct nft_elements *elements, enum nft_set set, const void *key);

/* Those that the firewall has in this set, which is none of the counters or app_uids; whom it may judge. */
int nft_elements_of(const struct nft_held *held, enum nft_set set, struct nft_elements *ret_elements);
int nft_elements_judged(const struct tctl_config *config, struct nft_elements *ret_elements);

/* No interface has this name: that of a UID with an interface of its own, while the table does not say which. */
#define NFT_NO_IFACE "/"

/* And back: put those of a set that nft_elements_of() knows into a firewall, in the order of sets. -EBADMSG: nobody but
 * a stranger wrote such a thing. */
int nft_elements_into(const struct nft_elements *elements, enum nft_set set, struct nft_held *held);

/* Those of a that b lacks. Puts both in order. */
int nft_elements_without(struct nft_elements *a, struct nft_elements *b, enum nft_set set,
                         struct nft_elements *ret_elements);
