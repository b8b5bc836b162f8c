/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "talk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libnftnl/common.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Whole tables may go and come many times while who listens has no CPU. */
#define HEARING_ROOM (1 << 22)

struct nft_talk *nft_talk_free(struct nft_talk *talk)
{
    if (talk && talk->socket)
        mnl_socket_close(talk->socket);
    free(talk);
    return NULL;
}

int nft_talk_descriptor(const struct nft_talk *talk)
{
    return mnl_socket_get_fd(talk->socket);
}

/* What anybody else sends is not heard. */
ssize_t nft_talk_receive(struct nft_talk *talk, char buffer[static NFT_ANSWER_SIZE])
{
    for (;;) {
        struct sockaddr_nl from = {0};
        socklen_t size = sizeof(from);
        ssize_t length = recvfrom(nft_talk_descriptor(talk), buffer, NFT_ANSWER_SIZE, MSG_DONTWAIT | MSG_TRUNC,
                                  (struct sockaddr *)&from, &size);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return errno == EAGAIN ? 0 : -errno;
        if (length > NFT_ANSWER_SIZE)
            return -EBADMSG;
        if (size == sizeof(from) && from.nl_pid == 0)
            return length;
    }
}

/* The rest of an answer that nobody waited for. */
static void drain(struct nft_talk *talk, char *buffer)
{
    ssize_t length;
    do
        length = nft_talk_receive(talk, buffer);
    while (length > 0 || length == -ENOBUFS || length == -EBADMSG);
}

int nft_talk_send(struct nft_talk *talk, const void *message, size_t size)
{
    while (mnl_socket_sendto(talk->socket, message, size) < 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

struct nlmsghdr *nft_talk_head(void *buffer, uint16_t type, uint16_t flags)
{
    return nftnl_nlmsg_build_hdr(buffer, type, NFPROTO_INET, NLM_F_REQUEST | flags, 0);
}

int nft_talk_ask(struct nft_talk *talk, struct nlmsghdr *request, mnl_cb_t heard, void *into)
{
    _cleanup_free_ char *buffer = malloc(NFT_ANSWER_SIZE);
    ssize_t length;
    if (!buffer)
        return -ENOMEM;
    drain(talk, buffer);
    request->nlmsg_seq = ++talk->sequence;
    int r = nft_talk_send(talk, request, request->nlmsg_len);
    while (r == 0) {
        length = nft_talk_receive(talk, buffer);
        if (length <= 0)
            return length < 0 ? (int)length : -EBADMSG;
        errno = EBADMSG;
        int more = mnl_cb_run(buffer, (size_t)length, talk->sequence, talk->portid, heard, into);
        if (more < 0)
            r = -errno;
        else if (more == MNL_CB_STOP)
            return 0;
    }
    return r;
}

bool nft_talk_generation_in(const struct nlmsghdr *message, uint32_t *ret_generation)
{
    const struct nlattr *attribute;
    mnl_attr_for_each(attribute, message, sizeof(struct nfgenmsg))
    {
        if (mnl_attr_get_type(attribute) == NFTA_GEN_ID && mnl_attr_validate(attribute, MNL_TYPE_U32) == 0) {
            *ret_generation = ntohl(mnl_attr_get_u32(attribute));
            return true;
        }
    }
    return false;
}

static int hear_generation(const struct nlmsghdr *message, void *into)
{
    if (nft_talk_generation_in(message, into))
        return MNL_CB_OK;
    errno = EBADMSG;
    return MNL_CB_ERROR;
}

int nft_talk_generation(struct nft_talk *talk, uint32_t *ret_generation)
{
    char buffer[MNL_ALIGN(sizeof(struct nlmsghdr)) + MNL_ALIGN(sizeof(struct nfgenmsg))];
    return nft_talk_ask(talk, nft_talk_head(buffer, NFT_MSG_GETGEN, NLM_F_ACK), hear_generation, ret_generation);
}

int nft_talk_hear(struct nft_talk *talk, mnl_cb_t heard, void *into)
{
    _cleanup_free_ char *buffer = malloc(NFT_ANSWER_SIZE);
    ssize_t length;
    if (!buffer)
        return -ENOMEM;
    while ((length = nft_talk_receive(talk, buffer)) > 0) {
        errno = EBADMSG;
        if (mnl_cb_run(buffer, (size_t)length, 0, 0, heard, into) < 0)
            return -errno;
    }
    return (int)length;
}

static int open_socket(struct nft_talk *talk)
{
    const int on = 1;
    talk->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
    if (!talk->socket || mnl_socket_bind(talk->socket, 0, MNL_SOCKET_AUTOPID) < 0)
        return -errno;
    talk->portid = mnl_socket_get_portid(talk->socket);
    /* Refusals need not repeat what they refuse; a kernel that cannot leave it out (below 4.3) repeats it. */
    mnl_socket_setsockopt(talk->socket, NETLINK_CAP_ACK, (void *)&on, sizeof(on));
    return 0;
}

static int tell_missing(int r, struct fault *fault)
{
    switch (r) {
    case -EPROTONOSUPPORT:
    case -EINVAL:
        r = -ENOTSUP;
        fault_set(fault, r, "this kernel has no nf_tables (CONFIG_NF_TABLES)");
        break;
    case -EPERM:
        fault_set(fault, r, "nf_tables cannot be asked: CAP_NET_ADMIN is missing in this network namespace");
        break;
    default:
        fault_set(fault, r, "nf_tables cannot be asked: %s", strerror(-r));
    }
    return r;
}

int nft_talk_open(struct nft_talk **ret_talk, struct fault *fault)
{
    _cleanup_talk_ struct nft_talk *talk = calloc(1, sizeof(*talk));
    uint32_t generation = 0;
    if (!talk)
        return -ENOMEM;
    int r = open_socket(talk);
    if (r == 0)
        r = nft_talk_generation(talk, &generation);
    if (r < 0)
        return tell_missing(r, fault);
    *ret_talk = TAKE_PTR(talk);
    return 0;
}

int nft_talk_listen(struct nft_talk **ret_talk, struct fault *fault)
{
    _cleanup_talk_ struct nft_talk *talk = NULL;
    const int group = NFNLGRP_NFTABLES, room = HEARING_ROOM;
    int r = nft_talk_open(&talk, fault);
    if (r < 0)
        return r;
    setsockopt(mnl_socket_get_fd(talk->socket), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
    if (mnl_socket_setsockopt(talk->socket, NETLINK_ADD_MEMBERSHIP, (void *)&group, sizeof(group)) < 0)
        return fault_set(fault, -errno, "nf_tables cannot be listened to: %s", strerror(errno));
    *ret_talk = TAKE_PTR(talk);
    return 0;
}
