/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What each test of the client of fwmarkd begins and ends with: a server that it starts, a socket to tag. */
#pragma once

#include "fwmark_server.h"
#include "trafficctl/tag.h"

#define CLIENT_DESCRIPTORS 256 /* that are looked at */

extern struct server the_server;
extern int a_socket;
extern bool open_before[CLIENT_DESCRIPTORS]; /* when the test began */

bool is_open(int fd);

/* Fails a test that leaves other descriptors open than it found. */
int client_set_up(void **state);
int client_tear_down(void **state);
#define client_test(f) cmocka_unit_test_setup_teardown(f, client_set_up, client_tear_down)

/* Ask the server to tag a_socket. */
int tag_it(void);
