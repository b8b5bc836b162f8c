/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Real sockets for the programs to see: of the fixture's cgroup, in a network namespace that has a loopback alone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fixture.h"

#define LOOPBACK_INDEX 1 /* the first interface of every network namespace */

/* This process into such a namespace; to be called before fixture_load(), which notes whose interfaces count. */
void loopback_enter(void);

/* A socket of the fixture's cgroup, for the test to close. The process itself is not in the cgroup. */
int loopback_socket(const struct fixture *fixture, int family, int type, int protocol);
/* Many of them at once: a process is slow to change its cgroup. */
void loopback_sockets(const struct fixture *fixture, int family, int type, int protocol, int *ret_fds, size_t count);
/* A UDP socket of the cgroup that sends to itself. */
int loopback_udp(const struct fixture *fixture);
uint64_t loopback_cookie(int fd);

/* Put a row for the socket into the cookie map, and an empty answer in the place of its stored one. */
void loopback_tag(const struct fixture *fixture, int fd, uint32_t uid, uint32_t tag);

/* The client of a TCP connection, of the cgroup, has sent as much as both sides take; nobody has read any of it. */
struct stuffed {
    int a, b; /* b is outside the cgroup */
    size_t size;
};
struct stuffed loopback_stuff(const struct fixture *fixture, uint32_t uid, uint32_t tag);
/* Read all of it at b, and the end that the close of a has left; then close b. */
void loopback_drain(struct stuffed *stuffed);
