/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "lingering.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fd.h"
#include "kit.h"

static size_t fill(int fd)
{
    static const char block[65536];
    size_t sent_bytes = 0;
    ssize_t n;

    while ((n = send(fd, block, sizeof(block), MSG_NOSIGNAL)) > 0)
        sent_bytes += (size_t)n;
    assert_int_equal(errno, EAGAIN);
    return sent_bytes;
}

static void drain(int fd, size_t size)
{
    static char block[65536];
    ssize_t n = 1;

    while (n > 0) {
        wait_for(fd, POLLIN);
        n = recv(fd, block, sizeof(block), 0);
        assert_true(n >= 0);
        size -= (size_t)n;
    }
    assert_int_equal(size, 0);
}

struct lingering lingering_new(uid_t uid)
{
    struct lingering lingering = {.tcp = {.listener = socket_as(the_world, PLACE_B, 0, AF_INET, SOCK_STREAM, 0),
                                          .a = socket_as(the_world, PLACE_A, uid, AF_INET, SOCK_STREAM, 0),
                                          .b = -1}};
    union address at_b = address_of(AF_INET, 0, 0);

    assert_return_code(setsockopt(lingering.tcp.listener, SOL_SOCKET, SO_RCVBUF, &(int){20000}, sizeof(int)), errno);
    bind_to(lingering.tcp.listener, &at_b);
    assert_return_code(listen(lingering.tcp.listener, 1), errno);
    return lingering;
}

void lingering_close(struct lingering *lingering)
{
    struct tcp *tcp = &lingering->tcp;
    union address at_b = name_of(tcp->listener);

    assert_true(connect(tcp->a, &at_b.any, sizeof(at_b.v4)) == 0 || errno == EINPROGRESS);
    tcp->b = accept_as(the_world, PLACE_B, 0, tcp->listener);
    assert_true(tcp->b >= 0);
    wait_for(tcp->a, POLLOUT);
    assert_return_code(setsockopt(tcp->a, SOL_SOCKET, SO_SNDBUF, &(int){2000000}, sizeof(int)), errno);
    lingering->unsent = fill(tcp->a);
    assert_true(lingering->unsent > 400000);
    tcp->a = fd_close(tcp->a);
}

/* The kernel probes the closed window again and again. */
void lingering_wait(const struct meter *meter)
{
    uint64_t start = now_ms(), before = meter_wire(meter).tx_packets;

    while (meter_wire(meter).tx_packets == before || now_ms() - start < 150) {
        if (now_ms() - start < 150)
            before = meter_wire(meter).tx_packets;
        assert_true(now_ms() - start < 5000);
    }
}

void lingering_end(struct lingering *lingering)
{
    drain(lingering->tcp.b, lingering->unsent);
    acknowledge(lingering->tcp.b);
    fd_close(lingering->tcp.b);
    fd_close(lingering->tcp.listener);
}
