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

/* What a shell command prints in A. Fails the test unless it exits with 0. The caller's. */
char *output_of(const char *command);
