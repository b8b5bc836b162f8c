/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What a user could write to count users without trafficd: packets and bytes of each, IPv4. */
#pragma once

#include "world.h"

enum veth_rules {
    VETH_NO_RULES,
    VETH_NFT_RULES,    /* "meta skuid N counter", one for each user, at input and at output */
    VETH_NFT_SETS,     /* a set with a counter for each user, asked by one rule, the same */
    VETH_IPTABLES_NFT, /* "-m owner --uid-owner N", one for each user; the match exists at output alone */
};

/* In A, for so many users from VETH_UID on. Negative errno: this cannot be had here, which is said. */
int veth_rules_load(struct world *world, enum veth_rules rules, unsigned users);

/* Have they counted packets of VETH_UID? -ENODATA: no. */
int veth_rules_check(struct world *world, enum veth_rules rules);
