/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What a user could write to count users without trafficd: packets and bytes of each, IPv4. */
#pragma once

#include "world.h"

enum traffic_rules {
    TRAFFIC_NO_RULES,
    TRAFFIC_NFT_SET, /* counters in a set that packets fill, at input and at output; before that a set of whom to drop
                      */
    TRAFFIC_IPTABLES_NFT, /* "-m owner --uid-owner N", one for each user; the match exists at output alone */
    TRAFFIC_IPTABLES_LEGACY,
};

/* In A: for so many users from APP on, and dropped are so many from TRAFFIC_DENIED on. Negative errno: this
 * cannot be had here, which is said. */
int traffic_rules_load(struct world *world, enum traffic_rules rules, unsigned users);

/* Have they counted packets of APP? -ENODATA: no. */
int traffic_rules_check(struct world *world, enum traffic_rules rules);
