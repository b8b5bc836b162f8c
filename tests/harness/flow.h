/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Traffic between A and B, driven from the test process over sockets that other users made. Asserts with cmocka;
 * everything is bounded by 10 s of waiting.
 */
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "world.h"

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* Number of an address in A (1..WORLD_ADDRESSES), 0: B's. */
union address address_of(int family, unsigned number, uint16_t port);
socklen_t address_size(const union address *address);

/* Both ends of a connection and the listener it came from. */
struct tcp {
    int a, b, listener;
};
/* The one who connects is a user in A (from A's address number) or root in B. */
struct tcp tcp_connect(struct world *world, uid_t uid, int family, unsigned number);
struct tcp tcp_accept(struct world *world, uid_t uid, int family, unsigned number);
/* Exactly size bytes from one end to the other, with writes of at most chunk. */
void transfer(int from, int to, size_t size, size_t chunk);
/* shutdown by first, then by second, each side read to its end, then close(): no packet of TIME_WAIT is left. */
void tcp_end(struct tcp *tcp, bool a_first);
/* close() without ceremony, by first and then by second; waits until both FINs have crossed. */
void tcp_close(struct tcp *tcp, bool a_first);

/* Send the ACK that the kernel would delay by 40 ms. */
void acknowledge(int fd);

/* A UDP socket of uid in A bound to an address, connected to a UDP socket of root in B, and back. */
struct udp {
    int a, b;
    union address at_a, at_b;
};
struct udp udp_pair(struct world *world, uid_t uid, int family, unsigned number);
void udp_close(struct udp *udp);
/* One datagram, received whole. */
void udp_send(int from, int to, size_t size);
/* Wait until fd is readable (POLLIN) or writable (POLLOUT); fails the test after 10 s. */
void wait_for(int fd, short events);
void bind_to(int fd, const union address *address);
union address name_of(int fd);
