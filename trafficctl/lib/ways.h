/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the ways to count interfaces, and the places where that is done, are called. */
#pragma once

#include <traffic_abi.h>

/* What may be asked for beside enum tctl_netfilter: the first way that works. */
#define WAYS_AUTO TCTL_NETFILTER_WAYS

/* "off", "link", "nft", "legacy", "auto"; static. */
const char *ways_name(unsigned int way);

/* "prerouting ipv4" ... of enum tctl_iface_hook; static. */
const char *ways_place(unsigned int hook);
