/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Programs alone, by BPF_PROG_TEST_RUN: its socket is UID 0's, and charged to an app by its tag. The thread has to stay
 * on its CPU, which hands out cookies in sequence.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "candidates.h"

/*
 * ns per run over a UDP packet of 64 bytes; -1, with a message: it did not run, was not let pass, or did not count
 * each.
 */
double test_run(const struct competitor *competitor, bool out, uint32_t charged, uint32_t repeat);

/* Does it drop what is not listed, and pass what is? 0, or -ENODATA and a message. */
int test_run_check(const struct competitor *competitor);
int competitors_check(const struct competitor competitors[COMPARED]);
