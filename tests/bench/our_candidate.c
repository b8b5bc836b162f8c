/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "our_candidate.h"

#include <errno.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "cast.h"
#include "cleanup.h"
#include "kernel.h"
#include "traffic_abi.h"

#include "traffic.skel.h"

static bool is_percpu(const struct candidate *how)
{
    return how->who == PERCPU || how->who == PERCPU_ASKED;
}

static void put(struct bpf_map *map, uint32_t key, uint8_t value)
{
    bpf_map__update_elem(map, &key, sizeof(key), &value, sizeof(value), BPF_ANY);
}

static void fill_netd_chain(struct bpf_map *map, uint32_t chain, const struct candidate *how)
{
    bool allow = TCTL_ALLOW_LISTS & TCTL_BIT(chain);

    if (!(how->chains & TCTL_BIT(chain)))
        return;
    put(map, TCTL_CHAIN_SWITCH, 1);
    if (allow)
        put(map, 0, 1);
    for (uint32_t i = 0; i < how->listed; i++)
        put(map, (allow ? APP : OTHERS) + i, allow);
}

static void put_rules(struct bpf_map *map, uint32_t uid, uint32_t rules)
{
    struct tctl_uid_rules row = {.uid = uid, .rules = rules};

    bpf_map__update_elem(map, &uid, sizeof(uid), &row, sizeof(row), BPF_ANY);
}

/* The other chains' lists are bits of one row for each UID. */
static void fill_own_chains(struct bpf_map *map, const struct candidate *how)
{
    const uint32_t own = how->chains & ~TCTL_NETD_CHAINS, allow = own & TCTL_ALLOW_LISTS;

    if (!own)
        return;
    put_rules(map, 0, allow);
    for (uint32_t i = 0; i < how->listed; i++) {
        put_rules(map, APP + i, allow);
        put_rules(map, OTHERS + i, own & ~allow);
    }
}

static void fill_chains(struct traffic *programs, const struct candidate *how)
{
    fill_netd_chain(programs->maps.dozable_uid_map, TCTL_DOZABLE, how);
    fill_netd_chain(programs->maps.standby_uid_map, TCTL_STANDBY, how);
    fill_netd_chain(programs->maps.powersave_uid_map, TCTL_POWERSAVE, how);
    fill_own_chains(programs->maps.uid_rules_map, how);
}

static void configure(struct traffic *programs, const struct candidate *how)
{
    struct tctl_config config = {
        .range_count = 1,
        .fold_user_namespaces = 1,
        .chains = how->chains & ~TCTL_NETD_CHAINS,
        .row_limit = {1000, 1000, 1000, 1000},
        .app_uids = {{0, UINT32_MAX - 1}},
    };
    uint64_t generation = 1;
    uint32_t zero = 0;

    bpf_map__update_elem(programs->maps.config_map, &zero, sizeof(zero), &config, sizeof(config), BPF_ANY);
    bpf_map__update_elem(programs->maps.generation_map, &zero, sizeof(zero), &generation, sizeof(generation), BPF_ANY);
}

/* Where our own sizes do not hold so many. */
static void make_room(struct traffic *programs, uint32_t listed)
{
    struct bpf_map *map;

    bpf_object__for_each_map(map, programs->obj)
    {
        if (bpf_map__type(map) == BPF_MAP_TYPE_HASH && bpf_map__max_entries(map) <= 2 * listed)
            bpf_map__set_max_entries(map, 2 * listed + 2);
    }
}

/* As the loader does it. */
static void shape_counters(struct traffic *programs, const struct candidate *how)
{
    struct bpf_map *stats[] = {programs->maps.app_uid_stats_map, programs->maps.uid_stats_map,
                               programs->maps.tag_stats_map, programs->maps.iface_stats_map};

    if (!is_percpu(how)) {
        bpf_map__set_autocreate(programs->maps.spill_map, false);
        bpf_map__set_autocreate(programs->maps.busy_map, false);
        bpf_map__set_autocreate(programs->maps.hot_map, false);
        bpf_map__set_autocreate(programs->maps.hot_moves_map, false);
        return;
    }
    bpf_map__set_max_entries(programs->maps.hot_map, (uint32_t)libbpf_num_possible_cpus() * TCTL_HOT_CHUNKS);
    for (size_t i = 0; i < ARRAY_SIZE(stats); i++)
        bpf_map__set_type(stats[i], BPF_MAP_TYPE_PERCPU_HASH);
}

static void find(struct traffic *programs, struct competitor *competitor)
{
    competitor->egress = bpf_program__fd(programs->progs.egress);
    competitor->ingress = bpf_program__fd(programs->progs.ingress);
    competitor->cookie_tag = bpf_map__fd(programs->maps.cookie_tag_map);
    competitor->storage = bpf_map__fd(programs->maps.socket_storage);
    competitor->generation = bpf_map__fd(programs->maps.generation_map);
    competitor->app_stats = bpf_map__fd(programs->maps.app_uid_stats_map);
    competitor->uid_stats = bpf_map__fd(programs->maps.uid_stats_map);
    competitor->tag_stats = bpf_map__fd(programs->maps.tag_stats_map);
    competitor->allowed = bpf_map__fd(programs->maps.dozable_uid_map);
    competitor->hot = bpf_map__fd(programs->maps.hot_map);
}

int our_candidate_load(const struct candidate *how, struct competitor *competitor)
{
    struct traffic *programs = traffic__open();
    struct tctl_kernel found = {};
    int r;

    if (!programs)
        return -errno;
    competitor->ours = programs;
    kernel_find_out(is_percpu(how), &found);
    found.stored_answers = how->who != SHARED_ASKED && how->who != PERCPU_ASKED;
    if (how->who == SHARED_AGELESS)
        found.answer_ticks = INT32_MAX;
    memcpy((void *)&programs->rodata->kernel, &found, sizeof(found));
    make_room(programs, how->listed);
    shape_counters(programs, how);
    r = cast_put(programs->progs.egress, found.cast)
            ?: cast_put(programs->progs.ingress, found.cast) ?: traffic__load(programs);
    if (r < 0)
        return r;
    find(programs, competitor);
    configure(programs, how);
    fill_chains(programs, how);
    return 0;
}
