/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "nft_talk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libnftnl/common.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"

/* A rule that somebody put into our chains may be of any size below this. */
#define ANSWER_SIZE 32768
/* mnl lets a part begin where there is this much room, and notices afterwards that it was too large. */
#define BATCH_SIZE 16384
#define PART_SIZE 4096

struct nft_owner *nft_owner_free(struct nft_owner *owner)
{
    if (owner && owner->socket)
        mnl_socket_close(owner->socket);
    free(owner);
    return NULL;
}

/* One datagram of the kernel's; what anybody else sends is not heard. 0: there is no more. */
static ssize_t receive(struct nft_owner *owner, char *buffer)
{
    for (;;) {
        struct sockaddr_nl from = {0};
        socklen_t size = sizeof(from);
        ssize_t length = recvfrom(mnl_socket_get_fd(owner->socket), buffer, ANSWER_SIZE, MSG_DONTWAIT | MSG_TRUNC,
                                  (struct sockaddr *)&from, &size);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return errno == EAGAIN ? 0 : -errno;
        if (length > ANSWER_SIZE)
            return -EBADMSG;
        if (size == sizeof(from) && from.nl_pid == 0)
            return length;
    }
}

/* The rest of an answer that nobody waited for. */
static void drain(struct nft_owner *owner, char *buffer)
{
    ssize_t length;
    do
        length = receive(owner, buffer);
    while (length > 0 || length == -ENOBUFS || length == -EBADMSG);
}

static int transmit(struct nft_owner *owner, const void *message, size_t size)
{
    while (mnl_socket_sendto(owner->socket, message, size) < 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

struct nlmsghdr *nft_talk_head(void *buffer, uint16_t type, uint16_t flags)
{
    return nftnl_nlmsg_build_hdr(buffer, type, NFPROTO_INET, NLM_F_REQUEST | flags, 0);
}

int nft_talk_ask(struct nft_owner *owner, struct nlmsghdr *request, mnl_cb_t heard, void *into)
{
    _cleanup_free_ char *buffer = malloc(ANSWER_SIZE);
    ssize_t length;
    if (!buffer)
        return -ENOMEM;
    drain(owner, buffer);
    request->nlmsg_seq = ++owner->sequence;
    int r = transmit(owner, request, request->nlmsg_len);
    while (r == 0) {
        length = receive(owner, buffer);
        if (length <= 0)
            return length < 0 ? (int)length : -EBADMSG;
        errno = EBADMSG;
        int more = mnl_cb_run(buffer, (size_t)length, owner->sequence, owner->portid, heard, into);
        if (more < 0)
            r = -errno;
        else if (more == MNL_CB_STOP)
            return 0;
    }
    return r;
}

static int hear_generation(const struct nlmsghdr *message, void *into)
{
    const struct nlattr *attribute;
    mnl_attr_for_each(attribute, message, sizeof(struct nfgenmsg))
    {
        if (mnl_attr_get_type(attribute) == NFTA_GEN_ID && mnl_attr_validate(attribute, MNL_TYPE_U32) == 0) {
            *(uint32_t *)into = ntohl(mnl_attr_get_u32(attribute));
            return MNL_CB_OK;
        }
    }
    errno = EBADMSG;
    return MNL_CB_ERROR;
}

int nft_talk_generation(struct nft_owner *owner, uint32_t *ret_generation)
{
    char buffer[MNL_ALIGN(sizeof(struct nlmsghdr)) + MNL_ALIGN(sizeof(struct nfgenmsg))];
    return nft_talk_ask(owner, nft_talk_head(buffer, NFT_MSG_GETGEN, NLM_F_ACK), hear_generation, ret_generation);
}

static int open_socket(struct nft_owner *owner)
{
    owner->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
    if (!owner->socket || mnl_socket_bind(owner->socket, 0, MNL_SOCKET_AUTOPID) < 0)
        return -errno;
    owner->portid = mnl_socket_get_portid(owner->socket);
    return 0;
}

static int tell_missing(int r, struct fault *fault)
{
    switch (r) {
    case -EPROTONOSUPPORT:
    case -EINVAL:
        return fault_set(fault, -ENOTSUP, "this kernel has no nf_tables (CONFIG_NF_TABLES)");
    case -EPERM:
        return fault_set(fault, r, "nf_tables cannot be asked: CAP_NET_ADMIN is missing in this network namespace");
    default:
        return fault_set(fault, r, "nf_tables cannot be asked: %s", strerror(-r));
    }
}

int nft_talk_open(struct nft_owner **ret_owner, struct fault *fault)
{
    struct nft_owner *owner = calloc(1, sizeof(*owner));
    uint32_t generation = 0;
    if (!owner)
        return -ENOMEM;
    int r = open_socket(owner);
    if (r == 0)
        r = nft_talk_generation(owner, &generation);
    if (r < 0) {
        nft_owner_free(owner);
        return tell_missing(r, fault);
    }
    *ret_owner = owner;
    return 0;
}

/* The two ends of a batch. */
static struct nlmsghdr *put_end(struct nft_batch *batch, uint16_t type)
{
    struct nlmsghdr *head = mnl_nlmsg_put_header(mnl_nlmsg_batch_current(batch->parts));
    struct nfgenmsg *about = mnl_nlmsg_put_extra_header(head, sizeof(*about));
    head->nlmsg_type = type;
    head->nlmsg_flags = NLM_F_REQUEST;
    head->nlmsg_seq = ++batch->owner->sequence;
    *about = (struct nfgenmsg){.version = NFNETLINK_V0, .res_id = htons(NFNL_SUBSYS_NFTABLES)};
    return head;
}

int nft_batch_begin(struct nft_batch *batch, struct nft_owner *owner, uint32_t generation)
{
    *batch = (struct nft_batch){.owner = owner, .buffer = malloc(BATCH_SIZE + PART_SIZE)};
    if (batch->buffer)
        batch->parts = mnl_nlmsg_batch_start(batch->buffer, BATCH_SIZE);
    if (!batch->parts)
        return -ENOMEM;
    struct nlmsghdr *head = put_end(batch, NFNL_MSG_BATCH_BEGIN);
    mnl_attr_put_u32(head, NFNL_BATCH_GENID, htonl(generation));
    batch->first = head->nlmsg_seq;
    return nft_batch_part_end(batch);
}

void nft_batch_done(struct nft_batch *batch)
{
    if (batch->parts)
        mnl_nlmsg_batch_stop(batch->parts);
    free(batch->buffer);
}

struct nlmsghdr *nft_batch_part(struct nft_batch *batch, uint16_t type, uint16_t flags)
{
    struct nlmsghdr *head = nft_talk_head(mnl_nlmsg_batch_current(batch->parts), type, NLM_F_ACK | flags);
    head->nlmsg_seq = ++batch->owner->sequence;
    return head;
}

int nft_batch_part_end(struct nft_batch *batch)
{
    return mnl_nlmsg_batch_next(batch->parts) ? 0 : -ENOBUFS;
}

/* What came back: how many parts were accepted, and of those that were not the first. */
struct verdict {
    uint32_t first, last; /* sequences of the parts */
    uint32_t accepted;
    uint32_t refused; /* part */
    int error;
};

static void judge(struct verdict *verdict, const struct nlmsghdr *message)
{
    const struct nlmsgerr *answer = mnl_nlmsg_get_payload(message);
    uint32_t part = message->nlmsg_seq - verdict->first;
    if (message->nlmsg_type != NLMSG_ERROR || message->nlmsg_len < mnl_nlmsg_size(sizeof(*answer)) ||
        part > verdict->last - verdict->first)
        return;
    if (answer->error == 0)
        verdict->accepted += part > 0;
    else if (verdict->error == 0 || part < verdict->refused) {
        verdict->error = answer->error;
        verdict->refused = part;
    }
}

static int hear_verdict(struct nft_owner *owner, struct verdict *verdict)
{
    _cleanup_free_ char *buffer = malloc(ANSWER_SIZE);
    ssize_t length;
    if (!buffer)
        return -ENOMEM;
    while ((length = receive(owner, buffer)) > 0) {
        int rest = (int)length;
        for (struct nlmsghdr *message = (void *)buffer; mnl_nlmsg_ok(message, rest);
             message = mnl_nlmsg_next(message, &rest))
            judge(verdict, message);
    }
    return length == -ENOBUFS ? -EAGAIN : (int)length;
}

int nft_batch_send(struct nft_batch *batch, uint32_t *ret_part)
{
    struct verdict verdict = {.first = batch->first, .last = batch->owner->sequence};
    *ret_part = 0;
    put_end(batch, NFNL_MSG_BATCH_END);
    int r = nft_batch_part_end(batch);
    if (r == 0)
        r = transmit(batch->owner, mnl_nlmsg_batch_head(batch->parts), mnl_nlmsg_batch_size(batch->parts));
    if (r == 0)
        r = hear_verdict(batch->owner, &verdict);
    if (r < 0)
        return r;
    *ret_part = verdict.refused;
    if (verdict.error)
        return verdict.error == -ERESTART ? -EAGAIN : verdict.error;
    return verdict.accepted == verdict.last - verdict.first ? 0 : -EAGAIN;
}
