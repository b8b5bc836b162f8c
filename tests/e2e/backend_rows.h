/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The firewall by rows of its decision table: what each of them leaves a user, by real packets. Asserts with cmocka. */
#pragma once

#include <stddef.h>

/* What passes. */
enum backend_passes {
    PASSES_SENT = 1,     /* a datagram, to B */
    PASSES_RECEIVED = 2, /* one from B, for a connected socket */
    PASSES_CONNECT = 4,  /* a connection to B */
    PASSES_ACCEPT = 8,   /* one from B */
    PASSES_ALL = 15,
};

/* All rows, in order: the result of each into ret_passes, of as many as there are. Root, in A. */
#define BACKEND_ROWS_MAX 64
size_t backend_rows_run(unsigned int ret_passes[static BACKEND_ROWS_MAX]);
/* The policy of a row, without its first and its last line. */
const char *backend_row(size_t row);
