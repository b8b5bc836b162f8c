/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The place of a table of users_table.h: the state as trafficd notes it, and a saved policy. Asserts with cmocka. */
#pragma once

#include <sys/types.h>
#include <traffic_abi.h>

struct users_place {
    char folder[64]; /* as --bpffs */
    char ours[96], file[128], base[128], running[128];
    char policy[128];
    struct tctl_state *state; /* what is written into it is noted */
};

/* Of this network namespace. group: may read the state. */
void users_place_make(struct users_place *place, gid_t group);
/* What is left of it. */
void users_place_remove(struct users_place *place);
