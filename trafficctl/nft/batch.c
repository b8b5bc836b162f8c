/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "batch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>

/* What a socket takes at once without being asked to. */
#define SMALL 65536

/* There is always room for one part more. */
static int reserve(struct nft_batch *batch)
{
    if (batch->room - batch->size >= NFT_PART_SIZE)
        return 0;
    size_t room = 2 * batch->room + NFT_PART_SIZE;
    char *buffer = realloc(batch->buffer, room);
    if (!buffer)
        return -ENOMEM;
    batch->buffer = buffer;
    batch->room = room;
    return 0;
}

/* The two ends of a batch. */
static struct nlmsghdr *put_end(struct nft_batch *batch, uint16_t type)
{
    struct nlmsghdr *head = mnl_nlmsg_put_header(batch->buffer + batch->size);
    struct nfgenmsg *about = mnl_nlmsg_put_extra_header(head, sizeof(*about));
    head->nlmsg_type = type;
    head->nlmsg_flags = NLM_F_REQUEST;
    head->nlmsg_seq = ++batch->talk->sequence;
    *about = (struct nfgenmsg){.version = NFNETLINK_V0, .res_id = htons(NFNL_SUBSYS_NFTABLES)};
    return head;
}

int nft_batch_begin(struct nft_batch *batch, struct nft_talk *talk, uint32_t generation)
{
    *batch = (struct nft_batch){.talk = talk};
    int r = reserve(batch);
    if (r < 0)
        return r;
    struct nlmsghdr *head = put_end(batch, NFNL_MSG_BATCH_BEGIN);
    mnl_attr_put_u32(head, NFNL_BATCH_GENID, htonl(generation));
    batch->first = head->nlmsg_seq;
    return nft_batch_part_end(batch);
}

void nft_batch_done(struct nft_batch *batch)
{
    free(batch->buffer);
}

struct nlmsghdr *nft_batch_part(struct nft_batch *batch, uint16_t type, uint16_t flags)
{
    struct nlmsghdr *head = nft_talk_head(batch->buffer + batch->size, type, flags);
    head->nlmsg_seq = ++batch->talk->sequence;
    return head;
}

int nft_batch_part_end(struct nft_batch *batch)
{
    const struct nlmsghdr *part = (void *)(batch->buffer + batch->size);
    batch->last = batch->size;
    batch->size += MNL_ALIGN(part->nlmsg_len);
    return reserve(batch);
}

/* What came back. */
struct verdict {
    uint32_t first, last; /* sequences of the parts */
    bool accepted;        /* the last, and so all that were not refused */
    uint32_t refused;     /* the first part that was */
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
        verdict->accepted |= message->nlmsg_seq == verdict->last;
    else if (verdict->error == 0 || part < verdict->refused) {
        verdict->error = answer->error;
        verdict->refused = part;
    }
}

static int hear_verdict(struct nft_talk *talk, struct verdict *verdict)
{
    _cleanup_free_ char *buffer = malloc(NFT_ANSWER_SIZE);
    ssize_t length;
    if (!buffer)
        return -ENOMEM;
    while ((length = nft_talk_receive(talk, buffer)) > 0) {
        int rest = (int)length;
        for (struct nlmsghdr *message = (void *)buffer; mnl_nlmsg_ok(message, rest);
             message = mnl_nlmsg_next(message, &rest))
            judge(verdict, message);
    }
    return length == -ENOBUFS ? -EAGAIN : (int)length;
}

/* Old kernels ask for the privilege outside of containers: there the plain limit has to do, or sending says so. */
static void enlarge(const struct nft_batch *batch)
{
    int fd = nft_talk_descriptor(batch->talk), size = (int)batch->size;
    if (size > SMALL && setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

static int transmit(struct nft_batch *batch, uint32_t last, uint32_t *ret_part)
{
    struct verdict verdict = {.first = batch->first, .last = last};
    *ret_part = 0;
    enlarge(batch);
    int r = nft_talk_send(batch->talk, batch->buffer, batch->size);
    if (r == 0)
        r = hear_verdict(batch->talk, &verdict);
    if (r < 0)
        return r;
    *ret_part = verdict.refused;
    if (verdict.error)
        return verdict.error == -ERESTART ? -EAGAIN : verdict.error;
    return verdict.accepted ? 0 : -EAGAIN;
}

/* What is refused is always answered, the rest only at the last part: of that many answers, some would be lost. */
static uint32_t last_part(struct nft_batch *batch)
{
    struct nlmsghdr *last = (void *)(batch->buffer + batch->last);
    last->nlmsg_flags |= NLM_F_ACK;
    return last->nlmsg_seq;
}

int nft_batch_send(struct nft_batch *batch, uint32_t *ret_part)
{
    uint32_t last = last_part(batch);
    put_end(batch, NFNL_MSG_BATCH_END);
    int r = nft_batch_part_end(batch);
    return r == 0 ? transmit(batch, last, ret_part) : r;
}

int nft_batch_try(struct nft_batch *batch, uint32_t *ret_part)
{
    return transmit(batch, last_part(batch), ret_part);
}
