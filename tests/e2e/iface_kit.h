/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * What tests of counting by interface share: rows, a host behind A. Asserts with cmocka. During a test the test process
 * is in A, where trafficd runs.
 */
#pragma once

#include "flow.h"
#include "traffic_abi.h"

#define IN_A_PLACE(test) cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)
int place_setup(void **state);
int place_teardown(void **state);

/* What was counted for an interface so far; zeroes: nothing. */
struct tctl_counters iface_total(const char *name);
/* What is kept beside; of an interface of A, by its number. Zeroes: nothing. */
struct tctl_iface_parts iface_parts(const char *name);
/* Everything that crossed between A and B since the wire was reset. */
struct tctl_counters wire_total(void);

/* From here on: a0 as it is, the wire forgotten. */
struct tctl_counters a0_start(void);
/* What was counted for a0 since equals what crossed the wire, and something did. */
void a0_exact(struct tctl_counters before);

/* A fourth namespace, C, behind A on the interface c0: WORLD_C4 and WORLD_C6. A forwards between it and B. */
#define WORLD_C4 "192.0.2.200"
#define WORLD_C6 "fd00:a::c8"
void behind_new(void);
void behind_free(void);
/* A datagram socket of root in C, bound, connected to one in B, and back. */
struct udp udp_behind(int family);
/* Run "ip ..." or another program in C. */
void behind_run(const char *line);

/* A veth pair in A with this number, that is up and where nobody asks for neighbours; deleted under its name. */
void add_veth(const char *name, unsigned int number);
void delete_link(const char *name);
/* Has a number this name in the map (NULL: none)? trafficd alone hears of it, so the map is looked at until it has. */
bool has_name(uint32_t number, const char *name);
void comes_to_name(uint32_t number, const char *name);

/* A datagram socket whose packets leave A by this interface, wherever to; nobody is there. */
int socket_on(const char *iface, uid_t uid);
/* So many packets over such a socket, or over one of their own. */
#define LONE_SIZE 100
#define LONE_ON_WIRE (20 + 8 + LONE_SIZE)
void send_lone(int fd, unsigned int count);
void send_on(const char *iface, uid_t uid, unsigned int count);

/* What a shell command prints, where the test process is. Fails the test unless it exits with 0. The caller's. */
char *output_of(const char *command);
