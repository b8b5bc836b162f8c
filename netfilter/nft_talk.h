/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Questions to nf_tables and batches for it. The kernel has answered when sending returns, so nothing here waits.
 * All of it is about the network namespace in which the socket was opened, and takes CAP_NET_ADMIN there.
 */
#pragma once

#include <libmnl/libmnl.h>
#include <stdint.h>

#include "nft.h"

/* The owner of a table is a netlink socket. Asked about by one thread at a time. */
struct nft_owner {
    struct mnl_socket *socket;
    uint32_t portid;
    uint32_t sequence;
};

/* *ret_owner is the caller's, for nft_owner_free(). -ENOTSUP: no nf_tables in this kernel; -EPERM. */
int nft_talk_open(struct nft_owner **ret_owner, struct fault *fault);

static inline void nft_owner_freep(struct nft_owner **owner)
{
    nft_owner_free(*owner);
}

/* Put the head of a message of nf_tables into a buffer. flags: NLM_F_*. */
struct nlmsghdr *nft_talk_head(void *buffer, uint16_t type, uint16_t flags);

/*
 * Ask, and give every message of the answer to heard, which returns MNL_CB_OK. -EINTR: the ruleset changed meanwhile,
 * and the answer is to be thrown away; -EBADMSG: heard refused one (MNL_CB_ERROR); the kernel's errno, as -ENOENT.
 */
int nft_talk_ask(struct nft_owner *owner, struct nlmsghdr *request, mnl_cb_t heard, void *into);

/* The number of the ruleset, which every change raises. */
int nft_talk_generation(struct nft_owner *owner, uint32_t *ret_generation);

/* Parts that take effect together or not at all. */
struct nft_batch {
    struct nft_owner *owner;
    struct mnl_nlmsg_batch *parts;
    char *buffer;
    uint32_t first; /* sequence of the beginning */
};

/* Holds only as long as the ruleset has this number. -ENOMEM. */
int nft_batch_begin(struct nft_batch *batch, struct nft_owner *owner, uint32_t generation);
void nft_batch_done(struct nft_batch *batch);

/* The head of a part, to be filled and then ended, before the next. */
struct nlmsghdr *nft_batch_part(struct nft_batch *batch, uint16_t type, uint16_t flags);
/* -ENOBUFS: the parts are more than a batch holds. */
int nft_batch_part_end(struct nft_batch *batch);

/*
 * Send all. *ret_part is the part that was refused, from 1 on, 0: the whole of it. -EAGAIN: the ruleset is another one
 * meanwhile, or answers were lost: look again. Other errors are the kernel's.
 */
int nft_batch_send(struct nft_batch *batch, uint32_t *ret_part);
