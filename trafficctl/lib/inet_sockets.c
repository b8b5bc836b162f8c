/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "inet_sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <string.h>

#include "cleanup.h"
#include "netlink.h"

/* What a dump's answers come in; the kernel fills what it is given. */
#define BUFFER_SIZE 32768

static struct inet_address address_of(const struct inet_socket *socket, const __be32 *words)
{
    struct inet_address address = {.ipv6 = socket->diag->idiag_family == AF_INET6};
    memcpy(address.word, words, address.ipv6 ? 16 : 4);
    if (address.ipv6 && !address.word[0] && !address.word[1] && address.word[2] == htonl(0xFFFF))
        address = (struct inet_address){.word = {address.word[3]}};
    return address;
}

struct inet_address inet_socket_source(const struct inet_socket *socket)
{
    return address_of(socket, socket->diag->id.idiag_src);
}

struct inet_address inet_socket_peer(const struct inet_socket *socket)
{
    return address_of(socket, socket->diag->id.idiag_dst);
}

bool inet_address_is_none(const struct inet_address *address)
{
    return !(address->word[0] | address->word[1] | address->word[2] | address->word[3]);
}

bool inet_address_is_loopback(const struct inet_address *address)
{
    if (!address->ipv6)
        return ntohl(address->word[0]) >> 24 == 127;
    return !(address->word[0] | address->word[1] | address->word[2]) && address->word[3] == htonl(1);
}

bool inet_address_equal(const struct inet_address *a, const struct inet_address *b)
{
    return a->ipv6 == b->ipv6 && memcmp(a->word, b->word, sizeof(a->word)) == 0;
}

int inet_sockets_open(struct mnl_socket **ret_netlink)
{
    _cleanup_netlink_ struct mnl_socket *netlink = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
    if (!netlink || mnl_socket_bind(netlink, 0, MNL_SOCKET_AUTOPID) < 0)
        return -errno;
    *ret_netlink = TAKE_PTR(netlink);
    return 0;
}

static int say(struct mnl_socket *netlink, uint16_t type, uint16_t flags, const struct inet_diag_req_v2 *request)
{
    char buffer[MNL_ALIGN(sizeof(struct nlmsghdr)) + MNL_ALIGN(sizeof(*request))] = {0};
    struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
    header->nlmsg_type = type;
    header->nlmsg_flags = NLM_F_REQUEST | flags;
    memcpy(mnl_nlmsg_put_extra_header(header, sizeof(*request)), request, sizeof(*request));
    return mnl_socket_sendto(netlink, header, header->nlmsg_len) < 0 ? -errno : 0;
}

static ssize_t hear(struct mnl_socket *netlink, char *buffer)
{
    ssize_t length;
    do
        length = mnl_socket_recvfrom(netlink, buffer, BUFFER_SIZE);
    while (length < 0 && errno == EINTR);
    return length < 0 ? -errno : length;
}

struct listing {
    uint8_t protocol;
    inet_socket_fn fn;
    void *context;
    int error;
};

static int take_cgroup(const struct nlattr *attribute, void *cgroup)
{
    if (mnl_attr_get_type(attribute) == INET_DIAG_CGROUP_ID && mnl_attr_get_payload_len(attribute) == sizeof(uint64_t))
        *(uint64_t *)cgroup = mnl_attr_get_u64(attribute);
    return MNL_CB_OK;
}

static int take(const struct nlmsghdr *header, void *context)
{
    struct listing *listing = context;
    if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY || header->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
        return MNL_CB_OK;
    struct inet_socket socket = {.protocol = listing->protocol, .diag = mnl_nlmsg_get_payload(header)};
    mnl_attr_parse(header, sizeof(struct inet_diag_msg), take_cgroup, &socket.cgroup);
    listing->error = listing->fn(listing->context, &socket);
    return listing->error < 0 ? MNL_CB_ERROR : MNL_CB_OK;
}

int inet_sockets_list(struct mnl_socket *netlink, uint8_t family, uint8_t protocol, uint32_t states, inet_socket_fn fn,
                      void *context)
{
    const struct inet_diag_req_v2 request = {
        .sdiag_family = family,
        .sdiag_protocol = protocol,
        .idiag_states = states,
    };
    struct listing listing = {.protocol = protocol, .fn = fn, .context = context};
    char buffer[BUFFER_SIZE] __attribute__((aligned(8)));
    int r = say(netlink, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request);
    if (r < 0)
        return r;
    do {
        ssize_t length = hear(netlink, buffer);
        if (length < 0)
            return (int)length;
        r = mnl_cb_run(buffer, (size_t)length, 0, mnl_socket_get_portid(netlink), take, &listing);
    } while (r == MNL_CB_OK);
    if (r == MNL_CB_STOP)
        return 0;
    return listing.error < 0 ? listing.error : -errno;
}

int inet_sockets_abort(struct mnl_socket *netlink, const struct inet_diag_req_v2 *request)
{
    char buffer[BUFFER_SIZE] __attribute__((aligned(8)));
    int r = say(netlink, SOCK_DESTROY, NLM_F_ACK, request);
    if (r < 0)
        return r;
    ssize_t length = hear(netlink, buffer);
    if (length < 0)
        return (int)length;
    return mnl_cb_run(buffer, (size_t)length, 0, mnl_socket_get_portid(netlink), NULL, NULL) < 0 ? -errno : 0;
}
