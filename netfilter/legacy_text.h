/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What iptables-legacy-restore is told, and what our rules say of themselves. */
#pragma once

#include <stdio.h>

#include "legacy_entries.h"

/* Matches of the kernel that may be missing. */
struct legacy_matches {
    bool comment, policy;
};

/*
 * The match "bpf" does not tell which program it holds: the rule says it. And whether there is a rule for IPsec before
 * it, so that a look need not ask the kernel for its matches (which would try to load modules, again and again).
 */
#define LEGACY_COMMENT_LEN 64
void legacy_comment(uint32_t program, bool policy, char text[LEGACY_COMMENT_LEN]);

/* The same as the name of an interface that none can have, for a rule that matches nothing: without comments. */
#define LEGACY_MARKER_LEN 16
void legacy_marker(uint32_t program, bool policy, char text[LEGACY_MARKER_LEN]);

/* One table's lines that make what was found right, in one commit. Nothing where it is right. */
void legacy_text_put(FILE *to, const struct legacy_wanted *wanted, const struct legacy_found *found,
                     const struct legacy_matches *matches);

/* And those that take it away. A chain that other rules jump to stays, empty. Nothing where there is nothing. */
void legacy_text_remove(FILE *to, const struct legacy_place *place, const struct legacy_found *found);
