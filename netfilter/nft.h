/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The programs in a table of nf_tables of our own, by the xtables match "bpf". */
#pragma once

#include "netfilter.h"
#include "talk.h"

/*
 * As netfilter_put(), _look() and _remove(). *owner as held there: the owner of a table is a netlink socket. -EBUSY:
 * somebody who lives owns the table, and something is to be done to it; -EEXIST: it is not ours.
 */
int nft_put(const char *bpffs, struct nft_talk **owner, struct fault *fault);
int nft_look(const char *bpffs, uint32_t *ret_there, struct fault *fault);
int nft_remove(struct fault *fault);
