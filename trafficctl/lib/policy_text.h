/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * A policy as text. Lines, in this order, each chain's and each UID's ascending:
 *
 *   trafficctl policy 1
 *   enable CHAIN
 *   allow CHAIN UID        (chains that are allow lists)
 *   deny CHAIN UID         (the others)
 *   iif UID IFACE|any
 *   lockdown UID
 *   metered IFACE
 *   end
 *
 * The order is not asked for when reading, but the first line and the last are: a text that was cut anywhere is
 * refused, and so is one with anything behind its end. Words are parted by one blank. Empty lines and lines that begin
 * with # are skipped. Chains go by name, UIDs are decimal without leading zeroes, interface names are what the kernel
 * takes for one, less "any" and control characters. What would have to be guessed at is refused: a line over
 * POLICY_TEXT_LINE bytes, control characters (a carriage return, a NUL), UID 0xFFFFFFFF, "allow" of a deny list, and a
 * rule that is there already: we never write one twice, and of two rules on one UID's interface nobody could say which
 * was meant.
 */
#pragma once

#include <stddef.h>

#include "fault.h"
#include "policy.h"

#define POLICY_TEXT_LINE 190

/*
 * *ret_policy is owned by the caller. -EBADMSG: fault says "NAME:LINE: what is wrong"; -ENOMEM. Takes n log n time for
 * n lines in whatever order, n for those in ours.
 */
int policy_text_parse(const char *name, const char *text, size_t length, struct policy *ret_policy,
                      struct fault *fault);

/*
 * *ret_text is malloc'ed and owned by the caller; it parses to the same policy. -EINVAL: the policy holds a name or UID
 * that no text can hold, fault says which; -ENOMEM.
 */
int policy_text_print(const struct policy *policy, char **ret_text, size_t *ret_length, struct fault *fault);
