/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Policies for tests of those in memory, as text and as files. Asserts with cmocka. */
#pragma once

#include "policy.h"

/* A little of everything, for the caller to end with policy_done(). */
void policies_random(struct policy *ret_policy);

void policies_assert_equal(const struct policy *a, const struct policy *b);
