/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <pins.h>
#include <ways.h>

#include "cleanup.h"
#include "loader.h"

static const char *const keys[] = {
    [LOAD_COOKIE_TAG] = "cookie_tag",       [LOAD_UID_COUNTER_SET] = "uid_counterSet",
    [LOAD_APP_UID_STATS] = "app_uid_stats", [LOAD_UID_STATS] = "uid_stats",
    [LOAD_TAG_STATS] = "tag_stats",         [LOAD_IFACE_INDEX_NAME] = "iface_index_name",
    [LOAD_IFACE_STATS] = "iface_stats",     [LOAD_DOZABLE_UID] = "dozable_uid",
    [LOAD_STANDBY_UID] = "standby_uid",     [LOAD_POWERSAVE_UID] = "powersave_uid",
};
_Static_assert(ARRAY_SIZE(keys) == LOAD_MAPS, "a key for every map");

const char *load_map_key(enum load_map map)
{
    return keys[map];
}

const char *load_netfilter_name(enum load_netfilter netfilter)
{
    _Static_assert((int)LOAD_NETFILTER_LINK == (int)TCTL_NETFILTER_LINK, "one order");
    _Static_assert((int)LOAD_NETFILTER_NFT == (int)TCTL_NETFILTER_NFT, "one order");
    _Static_assert((int)LOAD_NETFILTER_LEGACY == (int)TCTL_NETFILTER_LEGACY, "one order");
    _Static_assert((int)LOAD_NETFILTER_AUTO == (int)WAYS_AUTO, "one order");
    return ways_name(netfilter);
}

const char *load_backend_name(enum load_backend backend)
{
    static const char *const names[] = {
        [LOAD_BACKEND_AUTO] = "auto", [LOAD_BACKEND_BPF] = "bpf", [LOAD_BACKEND_NFT] = "nft"};
    return names[backend];
}

uint32_t load_map_default_entries(enum load_map map)
{
    return pins[map].entries;
}
