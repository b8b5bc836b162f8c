/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Sockets of this network namespace, as the kernel lists them (NETLINK_SOCK_DIAG). */
#pragma once

#include <linux/inet_diag.h>
#include <stdbool.h>
#include <stdint.h>

struct mnl_socket;

/* Bits of states. */
#define INET_SOCKETS_LISTEN (1u << 10)
#define INET_SOCKETS_ALL (~((1u << 6) | (1u << 7)) & 0xFFF) /* TCP: but for TIME_WAIT and CLOSE */
#define INET_SOCKETS_UNCONNECTED (1u << 7)                  /* UDP calls this CLOSE, and connected ESTABLISHED */
#define INET_SOCKETS_UDP (INET_SOCKETS_UNCONNECTED | 1u << 1)

struct inet_socket {
    uint8_t protocol; /* IPPROTO_TCP, IPPROTO_UDP */
    const struct inet_diag_msg *diag;
    /* The number of the one it was made in, the root's for the kernel's; 0: this kernel does not say. */
    uint64_t cgroup;
};

static inline uint64_t inet_socket_cookie(const struct inet_socket *socket)
{
    return socket->diag->id.idiag_cookie[0] | (uint64_t)socket->diag->id.idiag_cookie[1] << 32;
}

/* Its addresses: 4 or 16 bytes, a mapped one as the IPv4 address that it is. */
struct inet_address {
    uint32_t word[4]; /* as on the wire; of IPv4 the first alone */
    bool ipv6;
};
struct inet_address inet_socket_source(const struct inet_socket *socket);
struct inet_address inet_socket_peer(const struct inet_socket *socket);
bool inet_address_is_none(const struct inet_address *address);
bool inet_address_is_loopback(const struct inet_address *address);
bool inet_address_equal(const struct inet_address *a, const struct inet_address *b);

/* Open what the next two talk through; mnl_socket_close() ends it. -errno. */
int inet_sockets_open(struct mnl_socket **ret_netlink);

/* Takes a socket, valid during the call only. A negative return ends the listing. */
typedef int (*inet_socket_fn)(void *context, const struct inet_socket *socket);

/*
 * Each socket of AF_INET or AF_INET6 and a protocol in one of states. What is opened or closed meanwhile may be missed,
 * and others that share its place in the kernel's table with it. -ENOENT: this kernel cannot list that protocol's;
 * -errno of netlink; what fn returned.
 */
int inet_sockets_list(struct mnl_socket *netlink, uint8_t family, uint8_t protocol, uint32_t states, inet_socket_fn fn,
                      void *context);

/*
 * Abort the one socket that request names by its addresses and cookie (SOCK_DESTROY). -ENOENT: it is gone, or another
 * one was found at its address; -EOPNOTSUPP: this kernel cannot; -EPERM: it takes CAP_NET_ADMIN; -errno.
 */
int inet_sockets_abort(struct mnl_socket *netlink, const struct inet_diag_req_v2 *request);
