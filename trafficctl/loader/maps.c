/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <state.h>
#include <stddef.h>
#include <string.h>

#include <traffic.skel.h>

#include "cleanup.h"

#define MAP(member) offsetof(struct traffic, maps.member)

/* 0: not a map */
static const size_t place[PINS] = {
    [PIN_COOKIE_TAG] = MAP(cookie_tag_map),
    [PIN_UID_COUNTER_SET] = MAP(uid_counter_set_map),
    [PIN_APP_UID_STATS] = MAP(app_uid_stats_map),
    [PIN_UID_STATS] = MAP(uid_stats_map),
    [PIN_TAG_STATS] = MAP(tag_stats_map),
    [PIN_IFACE_INDEX_NAME] = MAP(iface_index_name_map),
    [PIN_IFACE_STATS] = MAP(iface_stats_map),
    [PIN_DOZABLE_UID] = MAP(dozable_uid_map),
    [PIN_STANDBY_UID] = MAP(standby_uid_map),
    [PIN_POWERSAVE_UID] = MAP(powersave_uid_map),
    [PIN_SOCKET_STORAGE] = MAP(socket_storage),
    [PIN_INHERITED_STORAGE] = MAP(inherited_storage),
    [PIN_GENERATION] = MAP(generation_map),
    [PIN_CONFIG] = MAP(config_map),
    [PIN_STATE] = MAP(state_map),
    [PIN_ROW_COUNT] = MAP(row_count_map),
    [PIN_SPILL] = MAP(spill_map),
    [PIN_BUSY] = MAP(busy_map),
    [PIN_HOT] = MAP(hot_map),
    [PIN_HOT_MOVES] = MAP(hot_moves_map),
    [PIN_TAG_COUNT] = MAP(tag_count_map),
    [PIN_TAGS_ENDED] = MAP(tags_ended_map),
    [PIN_DELETIONS] = MAP(deletions_map),
    [PIN_LIVE] = MAP(live_map),
    [PIN_PEER_STORAGE] = MAP(peer_storage),
    [PIN_UID_RULES] = MAP(uid_rules_map),
    [PIN_UID_IFACE] = MAP(uid_iface_map),
    [PIN_METERED] = MAP(metered_map),
    [PIN_DROPS] = MAP(drops_map),
    [PIN_EVENTS] = MAP(events_map),
    [PIN_IFACE_PARTS] = MAP(iface_parts_map),
    [PIN_IFACE_BASE] = MAP(iface_base_map),
    [PIN_INTERFACES] = MAP(interfaces_map),
    [PIN_XT_CALLS] = MAP(xt_calls),
};

struct bpf_map *maps_of(const struct job *job, enum pin_id id)
{
    if (place[id] == 0)
        return NULL;
    return *(struct bpf_map **)((char *)job->skeleton + place[id]);
}

bool maps_wanted(const struct job *job, enum pin_id id)
{
    struct bpf_map *map = maps_of(job, id);
    return map && bpf_map__autocreate(map);
}

static uint32_t largest(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* The tags that there can be, and for each its UID: rows of the cookie map and of tag_stats each may name another. */
static uint32_t tags_in_use(const uint32_t *entries)
{
    uint64_t tags = 2 * ((uint64_t)entries[LOAD_COOKIE_TAG] + entries[LOAD_TAG_STATS]);
    return tags < UINT32_MAX ? (uint32_t)tags : UINT32_MAX;
}

/*
 * Sizes of the loader's own maps follow from the others': every UID with rows has a count, every row may spill, and
 * nine chains in one map have the room of netd's three.
 */
static int size_own(struct job *job)
{
    const uint32_t *entries = job->options->entries;
    uint32_t uid_rows = largest(entries[LOAD_APP_UID_STATS], largest(entries[LOAD_UID_STATS], entries[LOAD_TAG_STATS]));
    uint64_t all = (uint64_t)entries[LOAD_APP_UID_STATS] + entries[LOAD_UID_STATS] + entries[LOAD_TAG_STATS] +
                   entries[LOAD_IFACE_STATS];
    uint64_t rules = (uint64_t)entries[LOAD_DOZABLE_UID] + entries[LOAD_STANDBY_UID] + entries[LOAD_POWERSAVE_UID];
    const int cpus = libbpf_num_possible_cpus();
    if (cpus < 0)
        return fault_set(job->fault, cpus, "cannot tell how many CPUs there can be: %s", strerror(-cpus));
    if (all > UINT32_MAX)
        return fault_set(job->fault, -ERANGE, "the stats maps of the configuration are too large together");
    if (rules > UINT32_MAX)
        return fault_set(job->fault, -ERANGE, "the maps of chains of the configuration are too large together");

    const struct {
        enum pin_id id;
        uint32_t entries;
    } sizes[] = {
        {PIN_ROW_COUNT, uid_rows},
        {PIN_TAGS_ENDED, uid_rows},
        {PIN_DROPS, uid_rows},
        {PIN_UID_RULES, (uint32_t)rules},
        {PIN_UID_IFACE, (uint32_t)rules},
        {PIN_SPILL, (uint32_t)all},
        {PIN_HOT, (uint32_t)cpus * TCTL_HOT_CHUNKS},
        {PIN_TAG_COUNT, tags_in_use(entries)},
        {PIN_LIVE, entries[LOAD_COOKIE_TAG]},
        {PIN_IFACE_PARTS, entries[LOAD_IFACE_STATS]},
        {PIN_IFACE_BASE, entries[LOAD_IFACE_STATS]},
    };
    int r = 0;
    for (size_t i = 0; i < ARRAY_SIZE(sizes) && r == 0; i++)
        r = bpf_map__set_max_entries(maps_of(job, sizes[i].id), sizes[i].entries);
    return r;
}

static int choose(struct job *job)
{
    const bool percpu = job->options->percpu, answers = job->kernel.stored_answers;
    const struct {
        enum pin_id id;
        bool wanted;
    } choices[] = {
        {PIN_SPILL, percpu},
        {PIN_BUSY, percpu},
        {PIN_HOT, percpu},
        {PIN_HOT_MOVES, percpu},
        {PIN_SOCKET_STORAGE, answers},
        {PIN_INHERITED_STORAGE, answers},
        {PIN_PEER_STORAGE, answers},
    };
    int r = 0;
    for (size_t i = 0; i < ARRAY_SIZE(choices) && r == 0; i++)
        r = bpf_map__set_autocreate(maps_of(job, choices[i].id), choices[i].wanted);
    return r;
}

int maps_shape(struct job *job)
{
    _Static_assert((int)PINS_NETD_MAPS == (int)LOAD_MAPS, "one order");
    int r = size_own(job);
    for (int id = 0; id < PINS_NETD_MAPS && r == 0; id++) {
        r = bpf_map__set_max_entries(maps_of(job, id), job->options->entries[id]);
        if (r == 0 && pins[id].counters && job->options->percpu)
            r = bpf_map__set_type(maps_of(job, id), BPF_MAP_TYPE_PERCPU_HASH);
    }
    return r < 0 ? r : choose(job);
}

/* -1: a new one is made. */
static int map_to_reuse(const struct job *job, enum pin_id id)
{
    if (job->grow.leftover[id] >= 0)
        return job->grow.leftover[id];
    return job->grow.wanted & UINT64_C(1) << id ? -1 : job->found[id];
}

int maps_reuse(struct job *job)
{
    int r = 0;
    for (int id = 0; id < PINS && r == 0; id++)
        if (maps_wanted(job, id) && map_to_reuse(job, id) >= 0)
            r = bpf_map__reuse_fd(maps_of(job, id), map_to_reuse(job, id));
    return r;
}

/* A state that is pinned says which version wrote it, however early its start is killed. */
static int write_first(const struct job *job, enum pin_id id)
{
    const uint32_t zero = 0;
    const uint64_t generation = 1;
    const struct tctl_state state = {.abi_version = state_version(job->options->percpu),
                                     .percpu = job->options->percpu};
    int fd = bpf_map__fd(maps_of(job, id));

    if (id == PIN_STATE)
        return bpf_map_update_elem(fd, &zero, &state, BPF_ANY);
    if (id == PIN_GENERATION)
        return bpf_map_update_elem(fd, &zero, &generation, BPF_ANY);
    return 0;
}

static int pin_new(struct job *job, enum pin_id id)
{
    _cleanup_free_ char *path = job_path(job->options->bpffs, pins[id].path);
    int r = path ? undo_plan(&job->undo, UNDO_UNLINK, path, -1, -1, NULL) : -ENOMEM;
    if (r == 0)
        r = write_first(job, id);
    if (r < 0)
        return r;
    r = bpf_obj_pin(bpf_map__fd(maps_of(job, id)), path);
    if (r < 0)
        return fault_set(job->fault, r, "cannot pin %s: %s", path, strerror(-r));
    undo_arm(&job->undo);
    return 0;
}

int maps_pin(struct job *job)
{
    int r = 0;
    for (int id = 0; id < PINS && r == 0; id++)
        if (maps_wanted(job, id) && job->found[id] < 0)
            r = pin_new(job, id);
    return r;
}
