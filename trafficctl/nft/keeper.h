/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The table as trafficd keeps it: it hears what others do to it, knows what held before, so that a table that is gone
 * comes back with the same firewall, and saves its counters. All of it takes CAP_NET_ADMIN in the network namespace
 * where it was opened.
 */
#pragma once

#include "base.h"
#include "table.h"
#include "whole.h"

struct nft_keeper;

/* Who took the table away, as nf_tables told. */
struct nft_culprit {
    int pid; /* 0: that is not known */
    char name[TCTL_IFNAME_LEN];
};

/*
 * The keeper of the table that state, which says of which boot and network namespace, is about; its counters are saved
 * below place. What was saved there and does not count any more goes: a damaged file too, of which ret_damaged tells
 * (empty: none). Errors of nft_talk_open(), with fault;
 * -ENOMEM, -EMFILE, -ENFILE, -EIO.
 */
int nft_keeper_open(const char *place, const struct tctl_state *state, struct nft_keeper **ret_keeper,
                    struct fault *ret_damaged, struct fault *fault);
/* NULL is fine. Always returns NULL. */
struct nft_keeper *nft_keeper_free(struct nft_keeper *keeper);

/* Readable when the ruleset was changed: then take all that was told. *ret_ours: of our table; also where it failed. */
int nft_keeper_descriptor(const struct nft_keeper *keeper);
int nft_keeper_hear(struct nft_keeper *keeper, bool *ret_ours);

/*
 * What there is of the table now, as nft_whole_look(). The same ruleset is not looked at twice. Of a table that is
 * whole it is remembered what it holds.
 */
int nft_keeper_look(struct nft_keeper *keeper, const struct tctl_config *config, struct nft_whole *ret_whole);
/* Of the last time that it was deleted, until what it had counted was saved. */
struct nft_culprit nft_keeper_culprit(const struct nft_keeper *keeper);

/* Was what is remembered changed, and could not be read, before the table was gone? As far as it was heard. */
bool nft_keeper_is_behind(const struct nft_keeper *keeper);

/*
 * Make the table whole, as nft_table_put(), with what was remembered in what is made anew. A table that neither this
 * nor an earlier trafficd has put, as its saved counters say, is made anew.
 */
int nft_keeper_put(struct nft_keeper *keeper, const struct nft_asked *asked, struct fault *fault);
/* Take the table away, as nft_table_remove(). */
int nft_keeper_remove(struct nft_keeper *keeper, struct fault *fault);

/* All that was counted, of this table and of those before it, into an empty *ret_counts. Errors of nft_totals_read().
 */
int nft_keeper_read(struct nft_keeper *keeper, struct nft_counts *ret_counts);

/* Save what was counted. Errors of nft_keeper_read() and nft_base_write(), with fault. */
int nft_keeper_save(struct nft_keeper *keeper, struct fault *fault);
