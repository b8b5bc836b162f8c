/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What our table has counted, asked of nf_tables once. For whoever has CAP_NET_ADMIN. */
#pragma once

#include "counts.h"
#include "schema.h"
#include "talk.h"

/* An element of a counting set; valid while it is given. */
struct nft_counted_row {
    const void *key;
    size_t key_size;
    struct nft_counter counter; /* zeroes if it has none: somebody else put it there */
};

/* A negative return ends the dump. */
typedef int (*nft_counted_fn)(void *context, const struct nft_counted_row *row);

/*
 * Give each row of a counting set to take(), as the kernel walks over them: while others come it may leave out some and
 * give some twice. -ENOENT: there is no such set; -EINTR: the ruleset changed, and rows are left out; -EBADMSG: not an
 * answer; what take() returned; other errors of nft_talk_ask().
 */
int nft_counting_dump(struct nft_talk *talk, enum nft_set set, nft_counted_fn take, void *context);

/* A named counter. Errors as above. */
int nft_counting_counter(struct nft_talk *talk, enum nft_count count, struct nft_counter *ret_counter);

/* The table's handle: another one is another table. Errors as above. */
int nft_counting_table(struct nft_talk *talk, uint64_t *ret_handle);

/* The reader of one message of a dump, for mnl_cb_run(). */
struct nft_counting_into {
    nft_counted_fn take;
    void *context;
};
int nft_counting_hear(const struct nlmsghdr *message, void *into);
