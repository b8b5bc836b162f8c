/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Questions to nf_tables, and what it tells unasked. The kernel has answered when sending returns, so nothing here
 * waits. All of it is about the network namespace in which the socket was opened, and takes CAP_NET_ADMIN there.
 */
#pragma once

#include <libmnl/libmnl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cleanup.h"
#include "fault.h"

/* A netlink socket, which may own a table. Used by one thread at a time. */
struct nft_talk {
    struct mnl_socket *socket;
    uint32_t portid;
    uint32_t sequence;
};

/* *ret_talk is the caller's, for nft_talk_free(). -ENOTSUP: no nf_tables in this kernel; -EPERM; -ENOMEM. */
int nft_talk_open(struct nft_talk **ret_talk, struct fault *fault);
/* NULL is fine. Always returns NULL. */
struct nft_talk *nft_talk_free(struct nft_talk *talk);

static inline void nft_talk_freep(struct nft_talk **talk)
{
    nft_talk_free(*talk);
}

#define _cleanup_talk_ _cleanup_(nft_talk_freep)

/* Put the head of a message of nf_tables into a buffer. flags: NLM_F_*. */
struct nlmsghdr *nft_talk_head(void *buffer, uint16_t type, uint16_t flags);

/*
 * Ask, and give every message of the answer to heard, which returns MNL_CB_OK. -EINTR: the ruleset changed meanwhile,
 * and the answer is to be thrown away; -EBADMSG: heard refused one (MNL_CB_ERROR); the kernel's errno, as -ENOENT.
 */
int nft_talk_ask(struct nft_talk *talk, struct nlmsghdr *request, mnl_cb_t heard, void *into);

/* The number of the ruleset, which every change raises. */
int nft_talk_generation(struct nft_talk *talk, uint32_t *ret_generation);
/* The same of a message that is about it. False: it says none. */
bool nft_talk_generation_in(const struct nlmsghdr *message, uint32_t *ret_generation);

/*
 * As nft_talk_open(), for what is told of every change from now on (NFNLGRP_NFTABLES). Its descriptor,
 * nft_talk_descriptor(), is readable when there is something to hear. Nothing is asked on it.
 */
int nft_talk_listen(struct nft_talk **ret_talk, struct fault *fault);
int nft_talk_descriptor(const struct nft_talk *talk);
/* All that was told since; heard as above. -ENOBUFS: more was told than was kept; look for yourself, and go on. */
int nft_talk_hear(struct nft_talk *talk, mnl_cb_t heard, void *into);

/* For batches: a datagram to the kernel; one from it, of NFT_ANSWER_SIZE at most, 0: there is no more. -errno. */
#define NFT_ANSWER_SIZE 32768 /* A rule that somebody put into our chains may be of any size below this. */
int nft_talk_send(struct nft_talk *talk, const void *message, size_t size);
ssize_t nft_talk_receive(struct nft_talk *talk, char buffer[static NFT_ANSWER_SIZE]);
