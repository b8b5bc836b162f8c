/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The table of the nft backend in the kernel: put there, changed, taken away, each in one transaction. All of it takes
 * CAP_NET_ADMIN in the network namespace of talk; -EPERM. fault says why something failed, unless it is -ENOMEM.
 */
#pragma once

#include "sets.h"

/* All that the table depends on but the firewall. */
struct nft_asked {
    const struct tctl_config *config; /* app_uids, per_user_range, exempt_loopback and exempt_esp */
    struct nft_sizes sizes;           /* of sets that are made; others keep theirs, and what they hold */
    bool asleep;                      /* a table that is made sees no packet until it is put again without this */
    /* Handle of the table that was put before, 0: none, and any other is made anew; then that of this one. NULL: what
     * is there is taken. */
    uint64_t *made;
};

/*
 * Make the table whole. What is there as it should be stays, with its counters and the firewall in it; what is missing
 * is made, and the firewall's sets that are made are filled from held. -EEXIST: there is one that is not ours;
 * -ENOTSUP: this kernel lacks something; -E2BIG: app_uids are more ranges than can be loaded; -EAGAIN: others change
 * the ruleset all the time.
 */
int nft_table_put(struct nft_talk *talk, const struct nft_asked *asked, const struct nft_held *held,
                  struct fault *fault);

/* Would a whole table be taken, or is one of ours there? Nothing is done. Errors as above. */
int nft_table_try(struct nft_talk *talk, const struct nft_asked *asked, struct fault *fault);

/*
 * Make the table's sets and judging chains hold this firewall: only what differs is written, and each packet sees all
 * of it or nothing. -ENOENT: there is no table, or it is not whole; other errors as above.
 */
int nft_table_hold(struct nft_talk *talk, const struct tctl_config *config, const struct nft_held *held,
                   struct fault *fault);

/* Delete the table, if it is there and ours. */
int nft_table_remove(struct nft_talk *talk, struct fault *fault);
