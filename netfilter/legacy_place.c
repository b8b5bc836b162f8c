/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "legacy_place.h"

#include <linux/netfilter.h>
#include <sys/socket.h>

#define INGRESS(family)                                                                                                \
    {                                                                                                                  \
        family, "raw", "PREROUTING", NF_INET_PRE_ROUTING, "bw_raw_PREROUTING", true, PIN_XT_INGRESS_PROG               \
    }
#define EGRESS(family)                                                                                                 \
    {                                                                                                                  \
        family, "mangle", "POSTROUTING", NF_INET_POST_ROUTING, "bw_mangle_POSTROUTING", false, PIN_XT_EGRESS_PROG      \
    }

const struct legacy_place legacy_places[TCTL_IFACE_HOOKS] = {
    [TCTL_PREROUTING4] = INGRESS(AF_INET),
    [TCTL_PREROUTING6] = INGRESS(AF_INET6),
    [TCTL_POSTROUTING4] = EGRESS(AF_INET),
    [TCTL_POSTROUTING6] = EGRESS(AF_INET6),
};
