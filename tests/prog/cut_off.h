/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * A start of the loader that is killed, not after some time, most of which goes by in the kernel's verifier, but before
 * a call that changes what others see: a pin, a link, an element of a map, a name. Asserts with cmocka.
 */
#pragma once

#include <stdbool.h>

#include "surroundings.h"

/* Calls that change nothing that the call before did not change alike need not all be tried. */
#define CUT_OFF_STEP 7

/* Run in a child up to its change-th such call, from 1 on, and kill it. False: it ended before that, with status 0. */
bool cut_off(child_fn run, void *context, unsigned int change);

/* The same before its batch-th change of the ruleset of nf_tables. */
bool cut_off_batch(child_fn run, void *context, unsigned int batch);
