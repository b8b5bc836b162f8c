/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Where netd has its two chains, for IPv4 and IPv6. A chain of these names is ours, whatever is in it. */
#pragma once

#include <stdbool.h>

#include <traffic_abi.h>

#include "pins.h"

struct legacy_place {
    int family; /* AF_INET, AF_INET6 */
    const char *table;
    const char *built_in; /* the chain that jumps to ours */
    unsigned int hook;    /* the same as NF_INET_* */
    const char *chain;
    bool in; /* packets come in: by "-i" and "--dir in" */
    enum pin_id program;
};

/* By enum tctl_iface_hook. */
extern const struct legacy_place legacy_places[TCTL_IFACE_HOOKS];

/* What has to run at a place. */
struct legacy_wanted {
    const struct legacy_place *place;
    const char *path; /* of the pin */
    uint32_t program; /* id of what is pinned there now */
};
