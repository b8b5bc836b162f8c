/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "sides_traffic.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "fd.h"

#define SOME_PORT 5000

struct sides_udp sides_udp_open(const struct sides *sides, bool ipv6)
{
    struct sides_udp udp = {.sides = sides, .ipv6 = ipv6};
    for (enum wire wire = 0; wire < WIRES; wire++) {
        bool away = wire != WIRE_LOOPBACK;
        udp.other[wire] = sides_socket(sides, away, 0, SOCK_DGRAM, wire, ipv6, SOME_PORT);
        udp.app[wire] = sides_socket(sides, false, APP_UID, SOCK_DGRAM, wire, ipv6, 0);
        udp.marker[wire] = sides_socket(sides, false, 0, SOCK_DGRAM, wire, ipv6, 0);
        assert_int_equal(sides_connect(udp.app[wire], wire, away, ipv6, SOME_PORT), 0);
        assert_int_equal(sides_connect(udp.marker[wire], wire, away, ipv6, SOME_PORT), 0);
    }
    return udp;
}

void sides_udp_close(const struct sides_udp *udp)
{
    for (enum wire wire = 0; wire < WIRES; wire++) {
        fd_close(udp->app[wire]);
        fd_close(udp->marker[wire]);
        fd_close(udp->other[wire]);
    }
}

bool sides_udp_out(const struct sides_udp *udp, enum wire wire)
{
    if (send(udp->app[wire], "out", 3, 0) == 3)
        return true;
    assert_int_equal(errno, EPERM);
    return false;
}

static void send_to(const struct sides_udp *udp, enum wire wire, int fd)
{
    const struct sockaddr_storage to = sides_address(wire, false, udp->ipv6, sides_port(fd));
    assert_int_equal(sendto(udp->other[wire], "in", 2, 0, (const struct sockaddr *)&to, sizeof(to)), 2);
}

bool sides_udp_in(const struct sides_udp *udp, enum wire wire)
{
    char byte;
    send_to(udp, wire, udp->app[wire]);
    send_to(udp, wire, udp->marker[wire]);
    assert_return_code(recv(udp->marker[wire], &byte, 1, 0), errno);
    if (recv(udp->app[wire], &byte, 1, MSG_DONTWAIT) >= 0)
        return true;
    assert_int_equal(errno, EAGAIN);
    return false;
}

struct sides_tcp sides_tcp_connect(const struct sides *sides, bool ipv6)
{
    _cleanup_fd_ int listener = sides_socket(sides, true, 0, SOCK_STREAM, WIRE_A, ipv6, 0);
    struct sides_tcp made = {.app = sides_socket(sides, false, APP_UID, SOCK_STREAM, WIRE_A, ipv6, 0)};
    assert_return_code(listen(listener, 1), errno);
    assert_int_equal(sides_connect(made.app, WIRE_A, true, ipv6, sides_port(listener)), 0);
    made.other = accept(listener, NULL, NULL);
    assert_return_code(made.other, errno);
    return made;
}
