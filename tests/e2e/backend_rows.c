/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "backend_rows.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "wall_kit.h"

#define USER 10001
#define SYSTEM SYSTEM_UID /* whom the firewall may not judge */

#define ALLOW(chain)                                                                                                   \
    "enable " chain "\n", "enable " chain "\nallow " chain " 10001\n", "enable " chain "\nallow " chain " 10002\n",    \
        "allow " chain " 10002\n"
#define DENY(chain)                                                                                                    \
    "enable " chain "\n", "enable " chain "\ndeny " chain " 10001\n", "enable " chain "\ndeny " chain " 10002\n",      \
        "deny " chain " 10001\n"
#define METERED "metered a0\n"

static const char *const ROWS[] = {
    "",
    ALLOW("dozable"),
    DENY("standby"),
    ALLOW("powersave"),
    ALLOW("restricted"),
    ALLOW("low_power_standby"),
    ALLOW("background"),
    DENY("oem_deny_1"),
    DENY("oem_deny_2"),
    DENY("oem_deny_3"),
    "enable metered_allow\n",
    "enable metered_allow\n" METERED,
    "enable metered_allow\nallow metered_allow 10001\n" METERED,
    "enable metered_allow\nmetered gone0\n",
    "enable metered_deny_user\ndeny metered_deny_user 10001\n",
    "enable metered_deny_user\ndeny metered_deny_user 10001\n" METERED,
    "enable metered_deny_admin\ndeny metered_deny_admin 10001\n" METERED,
    "enable metered_deny_admin\ndeny metered_deny_admin 10002\n" METERED,
    "iif 10001 a0\n",
    "iif 10001 lo\n",
    "iif 10001 gone0\n",
    "iif 10001 any\n",
    "lockdown 10001\n",
    "iif 10001 a0\nlockdown 10001\n",
    "iif 10002 lo\nlockdown 10002\n",
    "enable dozable\nenable standby\nallow dozable 10001\ndeny standby 10001\n",
    "enable dozable\nenable standby\nallow dozable 10001\ndeny standby 10002\n",
    "deny standby 500\nenable standby\nlockdown 500\n",
};
_Static_assert(sizeof(ROWS) / sizeof(*ROWS) <= BACKEND_ROWS_MAX, "room");

const char *backend_row(size_t row)
{
    return ROWS[row];
}

/* There and back by somebody whom nobody judges: what was on its way before has come, or never will. */
static void barrier(const struct udp *messenger)
{
    udp_send(messenger->a, messenger->b, 1);
    udp_send(messenger->b, messenger->a, 1);
}

static bool is_received(const struct udp *udp, const struct udp *messenger)
{
    char byte;
    assert_int_equal(send(udp->b, "x", 1, 0), 1);
    barrier(messenger);
    return recv(udp->a, &byte, 1, MSG_DONTWAIT) == 1;
}

static bool is_connected(int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t size = sizeof(error);
    return poll(&ready, 1, 0) == 1 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

/* From one place to a listener of somebody in the other. */
static bool connects(uid_t from, enum place where, uid_t to, unsigned int at, const struct udp *messenger)
{
    const enum place there = where == PLACE_A ? PLACE_B : PLACE_A;
    union address address = address_of(AF_INET, at, 0);
    _cleanup_fd_ int listener = socket_as(the_world, there, to, AF_INET, SOCK_STREAM, 0);
    _cleanup_fd_ int fd = socket_as(the_world, where, from, AF_INET, SOCK_STREAM, 0);
    bind_to(listener, &address);
    address = name_of(listener);
    assert_return_code(listen(listener, 1), errno);
    if (connect(fd, &address.any, address_size(&address)) < 0 && errno != EINPROGRESS)
        return false;
    barrier(messenger);
    barrier(messenger);
    return is_connected(fd);
}

static unsigned int try_row(const char *row, const struct udp *udp, const struct udp *messenger)
{
    char text[512];
    snprintf(text, sizeof(text), "trafficctl policy 1\n%send\n", row);
    wall_save(text);
    run_ctl(the_world, "firewall restore", 0, &said);
    unsigned int passes = sends(udp) ? PASSES_SENT : 0;
    passes |= is_received(udp, messenger) ? PASSES_RECEIVED : 0;
    passes |= connects(USER, PLACE_A, 0, 0, messenger) ? PASSES_CONNECT : 0;
    return passes | (connects(0, PLACE_B, USER, 3, messenger) ? PASSES_ACCEPT : 0);
}

size_t backend_rows_run(unsigned int ret_passes[static BACKEND_ROWS_MAX])
{
    struct udp udp = udp_pair(the_world, USER, AF_INET, 1), messenger = udp_pair(the_world, SYSTEM, AF_INET, 2);
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++)
        ret_passes[i] = try_row(ROWS[i], &udp, &messenger);
    udp_close(&udp);
    udp_close(&messenger);
    return ARRAY_SIZE(ROWS);
}
