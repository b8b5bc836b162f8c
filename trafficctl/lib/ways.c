/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "ways.h"

#include "cleanup.h"

static const char *const names[] = {
    [TCTL_NETFILTER_OFF] = "off",       [TCTL_NETFILTER_LINK] = "link", [TCTL_NETFILTER_NFT] = "nft",
    [TCTL_NETFILTER_LEGACY] = "legacy", [WAYS_AUTO] = "auto",
};

static const char *const places[] = {
    [TCTL_PREROUTING4] = "prerouting ipv4",
    [TCTL_PREROUTING6] = "prerouting ipv6",
    [TCTL_POSTROUTING4] = "postrouting ipv4",
    [TCTL_POSTROUTING6] = "postrouting ipv6",
};
_Static_assert(ARRAY_SIZE(places) == TCTL_IFACE_HOOKS, "a name for each");

const char *ways_name(unsigned int way)
{
    return way < ARRAY_SIZE(names) ? names[way] : "unknown";
}

const char *ways_place(unsigned int hook)
{
    return hook < ARRAY_SIZE(places) ? places[hook] : "unknown";
}
