/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "netd_candidate.h"

#include <errno.h>

#include <bpf/libbpf.h>

#include "netd_rules.h"
#include "traffic_abi.h"

#include "netd_like.skel.h"

static void put(struct bpf_map *map, uint32_t key, uint8_t value)
{
    bpf_map__update_elem(map, &key, sizeof(key), &value, sizeof(value), BPF_ANY);
}

static void fill_9(struct netd_like *netd, uint32_t listed)
{
    struct bpf_map *allow[] = {netd->maps.dozable_9, netd->maps.powersave_9};

    for (size_t i = 0; i < sizeof(allow) / sizeof(allow[0]); i++) {
        put(allow[i], TCTL_CHAIN_SWITCH, 1);
        put(allow[i], 0, 1);
        for (uint32_t n = 0; n < listed; n++)
            put(allow[i], APP + n, 1);
    }
    put(netd->maps.standby_9, TCTL_CHAIN_SWITCH, 1);
    for (uint32_t n = 0; n < listed; n++)
        put(netd->maps.standby_9, OTHERS + n, 0);
}

static void put_owner(struct netd_like *netd, uint32_t uid, uint32_t rules)
{
    struct netd_owner owner = {.rules = rules};

    bpf_map__update_elem(netd->maps.uid_owner_15, &uid, sizeof(uid), &owner, sizeof(owner), BPF_ANY);
}

static void fill_15(struct netd_like *netd, uint32_t listed)
{
    uint32_t enabled = NETD_DOZABLE | NETD_STANDBY | NETD_POWERSAVE, key = 0;

    bpf_map__update_elem(netd->maps.configuration_15, &key, sizeof(key), &enabled, sizeof(enabled), BPF_ANY);
    put_owner(netd, 0, NETD_DOZABLE | NETD_POWERSAVE);
    for (uint32_t n = 0; n < listed; n++) {
        put_owner(netd, APP + n, NETD_DOZABLE | NETD_POWERSAVE);
        put_owner(netd, OTHERS + n, NETD_STANDBY);
    }
}

/* Where netd's own sizes do not hold so many. */
static void make_room(struct netd_like *netd, uint32_t listed)
{
    struct bpf_map *map;

    bpf_object__for_each_map(map, netd->obj)
    {
        if (bpf_map__type(map) == BPF_MAP_TYPE_HASH && bpf_map__max_entries(map) <= 2 * listed)
            bpf_map__set_max_entries(map, 2 * listed + 2);
    }
}

static void find_9(struct netd_like *netd, struct competitor *competitor)
{
    competitor->egress = bpf_program__fd(netd->progs.egress_9);
    competitor->ingress = bpf_program__fd(netd->progs.ingress_9);
    competitor->cookie_tag = bpf_map__fd(netd->maps.cookie_tag_9);
    competitor->app_stats = bpf_map__fd(netd->maps.app_uid_stats_9);
    competitor->uid_stats = bpf_map__fd(netd->maps.uid_stats_9);
    competitor->tag_stats = bpf_map__fd(netd->maps.tag_stats_9);
    competitor->allowed = bpf_map__fd(netd->maps.dozable_9);
}

/* One map has rows with and without tags. */
static void find_15(struct netd_like *netd, struct competitor *competitor)
{
    competitor->egress = bpf_program__fd(netd->progs.egress_15);
    competitor->ingress = bpf_program__fd(netd->progs.ingress_15);
    competitor->cookie_tag = bpf_map__fd(netd->maps.cookie_tag_15);
    competitor->app_stats = bpf_map__fd(netd->maps.app_uid_stats_15);
    competitor->tag_stats = bpf_map__fd(netd->maps.stats_a_15);
    competitor->allowed = bpf_map__fd(netd->maps.uid_owner_15);
    competitor->owner_rows = true;
}

int netd_candidate_load(const struct candidate *how, struct competitor *competitor)
{
    struct netd_like *netd = netd_like__open();
    int r;

    if (!netd)
        return -errno;
    competitor->netd = netd;
    netd->rodata->first_app = 0;
    make_room(netd, how->listed);
    r = netd_like__load(netd);
    if (r < 0)
        return r;
    if (how->who == NETD_9) {
        find_9(netd, competitor);
        fill_9(netd, how->listed);
    } else {
        find_15(netd, competitor);
        fill_15(netd, how->listed);
    }
    return 0;
}
