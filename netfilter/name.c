/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "cleanup.h"
#include "netfilter.h"

static const char *const names[] = {
    [TCTL_NETFILTER_OFF] = "off",       [TCTL_NETFILTER_LINK] = "link", [TCTL_NETFILTER_NFT] = "nft",
    [TCTL_NETFILTER_LEGACY] = "legacy", [NETFILTER_AUTO] = "auto",
};

const char *netfilter_name(unsigned int way)
{
    return way < ARRAY_SIZE(names) ? names[way] : "unknown";
}
