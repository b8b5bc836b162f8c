/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "flow.h"
#include "inside.h"

#define PATIENCE_MS 10000
#define BLOCK (1 << 20)

union address address_of(int family, unsigned number, uint16_t port)
{
    union address address = {.any.sa_family = (sa_family_t)family};
    char text[64];

    if (family == AF_INET) {
        address.v4.sin_port = htons(port);
        snprintf(text, sizeof(text), number ? WORLD_A4 : WORLD_B4, number);
        assert_int_equal(inet_pton(AF_INET, text, &address.v4.sin_addr), 1);
    } else {
        address.v6.sin6_port = htons(port);
        snprintf(text, sizeof(text), number ? WORLD_A6 : WORLD_B6, number);
        assert_int_equal(inet_pton(AF_INET6, text, &address.v6.sin6_addr), 1);
    }
    return address;
}

socklen_t address_size(const union address *address)
{
    return address->any.sa_family == AF_INET ? sizeof(address->v4) : sizeof(address->v6);
}

void wait_for(int fd, short events)
{
    struct pollfd ready = {.fd = fd, .events = events};

    assert_int_equal(poll(&ready, 1, PATIENCE_MS), 1);
}

void bind_to(int fd, const union address *address)
{
    assert_return_code(bind(fd, &address->any, address_size(address)), errno);
}

union address name_of(int fd)
{
    union address address = {0};
    socklen_t size = sizeof(address);

    assert_return_code(getsockname(fd, &address.any, &size), errno);
    return address;
}

static void connect_to(int fd, const union address *address)
{
    int error = 0;
    socklen_t size = sizeof(error);

    if (connect(fd, &address->any, address_size(address)) == 0)
        return;
    assert_int_equal(errno, EINPROGRESS);
    wait_for(fd, POLLOUT);
    assert_return_code(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size), errno);
    assert_int_equal(error, 0);
}

static int socket_at(struct world *world, enum place place, uid_t uid, int type, const union address *address)
{
    int fd = socket_as(world, place, uid, address->any.sa_family, type, 0);

    assert_true(fd >= 0);
    bind_to(fd, address);
    return fd;
}

struct tcp tcp_connect(struct world *world, uid_t uid, int family, unsigned number)
{
    union address at_a = address_of(family, number, 0), at_b = address_of(family, 0, 0);
    struct tcp tcp = {.listener = socket_at(world, PLACE_B, 0, SOCK_STREAM, &at_b)};

    assert_return_code(listen(tcp.listener, 8), errno);
    at_b = name_of(tcp.listener);
    tcp.a = socket_at(world, PLACE_A, uid, SOCK_STREAM, &at_a);
    connect_to(tcp.a, &at_b);
    tcp.b = accept_as(world, PLACE_B, 0, tcp.listener);
    assert_true(tcp.b >= 0);
    return tcp;
}

struct tcp tcp_accept(struct world *world, uid_t uid, int family, unsigned number)
{
    union address at_a = address_of(family, number, 0), at_b = address_of(family, 0, 0);
    struct tcp tcp = {.listener = socket_at(world, PLACE_A, uid, SOCK_STREAM, &at_a)};

    assert_return_code(listen(tcp.listener, 8), errno);
    at_a = name_of(tcp.listener);
    tcp.b = socket_at(world, PLACE_B, 0, SOCK_STREAM, &at_b);
    connect_to(tcp.b, &at_a);
    tcp.a = accept_as(world, PLACE_A, uid, tcp.listener);
    assert_true(tcp.a >= 0);
    return tcp;
}

void transfer(int from, int to, size_t size, size_t chunk)
{
    static char block[BLOCK];
    size_t sent = 0, got = 0;

    chunk = chunk < BLOCK ? chunk : BLOCK;
    while (got < size) {
        struct pollfd end[2] = {{.fd = to, .events = POLLIN}, {.fd = sent < size ? from : -1, .events = POLLOUT}};

        assert_true(poll(end, 2, PATIENCE_MS) > 0);
        if (end[1].revents) {
            ssize_t n = send(from, block, size - sent < chunk ? size - sent : chunk, MSG_NOSIGNAL);

            assert_true(n >= 0 || errno == EAGAIN);
            sent += n > 0 ? (size_t)n : 0;
        }
        if (end[0].revents) {
            ssize_t n = recv(to, block, BLOCK, 0);

            assert_true(n > 0);
            got += (size_t)n;
        }
    }
    assert_int_equal(got, size);
}

static void read_end(int fd)
{
    char byte;

    wait_for(fd, POLLIN);
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
}

void acknowledge(int fd)
{
    assert_return_code(setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &(int){1}, sizeof(int)), errno);
}

/* A side that has answered everything and closed stays in no state but this. */
static int tcp_state(int fd)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof(info);

    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0 ? -errno : info.tcpi_state;
}

static void wait_for_state(int fd, int state)
{
    for (int waited = 0; waited < PATIENCE_MS && tcp_state(fd) != state; waited++)
        usleep(1000);
    assert_int_equal(tcp_state(fd), state);
}

void tcp_end(struct tcp *tcp, bool a_first)
{
    int first = a_first ? tcp->a : tcp->b, second = a_first ? tcp->b : tcp->a;

    assert_return_code(shutdown(first, SHUT_WR), errno);
    read_end(second);
    acknowledge(second);
    wait_for_state(first, TCP_FIN_WAIT2);
    assert_return_code(shutdown(second, SHUT_WR), errno);
    read_end(first);
    wait_for_state(second, TCP_CLOSE);
    fd_close(tcp->a);
    fd_close(tcp->b);
    fd_close(tcp->listener);
}

void tcp_close(struct tcp *tcp, bool a_first)
{
    int first = a_first ? tcp->a : tcp->b, second = a_first ? tcp->b : tcp->a;

    fd_close(first);
    read_end(second);
    /* its ACK before its FIN, so that the FIN meets a peer already in FIN_WAIT2 */
    acknowledge(second);
    assert_return_code(shutdown(second, SHUT_WR), errno);
    wait_for_state(second, TCP_CLOSE);
    fd_close(second);
    fd_close(tcp->listener);
}

struct udp udp_pair(struct world *world, uid_t uid, int family, unsigned number)
{
    struct udp udp = {.at_a = address_of(family, number, 0), .at_b = address_of(family, 0, 0)};

    udp.a = socket_at(world, PLACE_A, uid, SOCK_DGRAM, &udp.at_a);
    udp.b = socket_at(world, PLACE_B, 0, SOCK_DGRAM, &udp.at_b);
    udp.at_a = name_of(udp.a);
    udp.at_b = name_of(udp.b);
    connect_to(udp.a, &udp.at_b);
    connect_to(udp.b, &udp.at_a);
    return udp;
}

void udp_close(struct udp *udp)
{
    fd_close(udp->a);
    fd_close(udp->b);
}

void udp_send(int from, int to, size_t size)
{
    static char block[65536], got[65536];

    wait_for(from, POLLOUT);
    assert_int_equal(send(from, block, size, 0), size);
    wait_for(to, POLLIN);
    assert_int_equal(recv(to, got, sizeof(got), 0), size);
}
