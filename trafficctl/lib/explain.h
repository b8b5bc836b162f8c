/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Counters of one direction of an interface to parts that have names. Numbers in, numbers out. */
#pragma once

#include <trafficctl/verify.h>

struct explain_facts {
    bool out;     /* tx */
    bool counted; /* by the interface programs; false: interface, merged, forwarded, ownerless are 0 */
    bool bridge;  /* its rows may hold what it passes on below IP, br_netfilter */
    bool part;    /* not all sockets are counted: cgroup = DIR */
    uint32_t header;
    struct tctl_amount link, base_link; /* now, and when counting began */
    struct tctl_amount rows, base_rows; /* base_rows: without what was merged */
    struct tctl_amount merged;          /* by how much rows is more than the kernel's own packets */
    struct tctl_amount forwarded, ownerless;
    struct tctl_amount users;
};

/* Length of the header that links of this type (ARPHRD_ETHER, …) have and count. */
uint32_t explain_header(uint16_t type);

/* All of it but ret_side->moved, which stays 0. */
void explain(const struct explain_facts *facts, struct tctl_verify_side *ret_side);
