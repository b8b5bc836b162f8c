/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "examine.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <state.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "fd.h"
#include "grow.h"
#include "hooks.h"
#include "iterators.h"
#include "maps.h"

#define AND_NOW "give the old settings back, or run \"trafficctl unload\" first (counters are lost)"

struct shape {
    uint32_t type, key, value, entries, flags;
};

static int misfit(const struct job *job, const char *path, const char *found, const char *wanted)
{
    return fault_set(job->fault, -EEXIST, "%s is pinned as %s, wanted is %s: " AND_NOW, path, found, wanted);
}

static const char *kind_name(enum pin_kind kind)
{
    static const char *const names[] = {[PIN_MAP] = "a map", [PIN_PROG] = "a program", [PIN_LINK] = "a link"};
    return names[kind];
}

static void describe(const struct shape *shape, char *text, size_t size)
{
    const char *type = libbpf_bpf_map_type_str(shape->type);
    snprintf(text, size, "%s map, key %u, value %u, %u entries, flags 0x%x", type ? type : "unknown", shape->key,
             shape->value, shape->entries, shape->flags);
}

static bool is_other_counters(const struct shape *found, const struct shape *wanted)
{
    return found->type != wanted->type && (found->type == BPF_MAP_TYPE_HASH || found->type == BPF_MAP_TYPE_PERCPU_HASH);
}

/* Nothing but larger. */
static bool is_smaller(const struct shape *found, const struct shape *wanted)
{
    struct shape larger = *found;
    larger.entries = wanted->entries;
    return found->entries < wanted->entries && memcmp(&larger, wanted, sizeof(larger)) == 0;
}

static int refuse_downgrade(const struct job *job, const char *path, const char *found, const char *wanted)
{
    return fault_set(
        job->fault, -EEXIST,
        "%s is pinned as %s, wanted is %s: maps are made larger, and no downgrade makes them smaller: " AND_NOW, path,
        found, wanted);
}

static int compare(struct job *job, enum pin_id id, const char *path, const struct shape *found,
                   const struct shape *wanted)
{
    if (memcmp(found, wanted, sizeof(*found)) == 0)
        return 0;
    if (grow_can(id) && !job->repairs && is_smaller(found, wanted)) {
        job->grow.wanted |= UINT64_C(1) << id;
        return 0;
    }
    char is[128], should[128];
    describe(found, is, sizeof(is));
    describe(wanted, should, sizeof(should));
    if (pins[id].counters && is_other_counters(found, wanted))
        return fault_set(job->fault, -EEXIST, "%s is pinned as %s, wanted for --counters %s is %s: " AND_NOW, path, is,
                         job->options->percpu ? "percpu" : "shared", should);
    return is_smaller(wanted, found) ? refuse_downgrade(job, path, is, should) : misfit(job, path, is, should);
}

static int check_version(const struct job *job, const char *path, int fd, uint32_t size)
{
    const uint32_t zero = 0;
    _cleanup_free_ struct tctl_state *state = calloc(1, size > sizeof(*state) ? size : sizeof(*state));
    if (!state)
        return -ENOMEM;
    int r = bpf_map_lookup_elem(fd, &zero, state);
    if (r < 0)
        return r;
    const uint32_t ours = state_version(state->percpu);
    if (state->abi_version == ours)
        return 0;
    return fault_set(job->fault, -EEXIST,
                     "%s was made by layout version %u of trafficctl, this is version %u: %s" AND_NOW, path,
                     state->abi_version, ours, state->abi_version > ours ? "no downgrade; " : "");
}

static int check_map(struct job *job, enum pin_id id, const char *path, int fd)
{
    if (!maps_wanted(job, id))
        return misfit(job, path, "a map of --counters percpu", "none");

    struct bpf_map_info info = {0};
    uint32_t length = sizeof(info);
    int r = bpf_obj_get_info_by_fd(fd, &info, &length);
    if (r == 0 && id == PIN_STATE && info.type == BPF_MAP_TYPE_ARRAY && info.key_size == sizeof(uint32_t))
        r = check_version(job, path, fd, info.value_size);
    if (r < 0)
        return r;

    const struct bpf_map *map = maps_of(job, id);
    const struct shape found = {info.type, info.key_size, info.value_size, info.max_entries, info.map_flags};
    const struct shape wanted = {bpf_map__type(map), bpf_map__key_size(map), bpf_map__value_size(map),
                                 bpf_map__max_entries(map), bpf_map__map_flags(map)};
    return compare(job, id, path, &found, &wanted);
}

static int check_program(const struct job *job, enum pin_id id, const char *path, int fd)
{
    struct bpf_prog_info info = {0};
    uint32_t length = sizeof(info);
    int r = bpf_obj_get_info_by_fd(fd, &info, &length);
    if (r < 0)
        return r;
    const uint32_t wanted = bpf_program__type(hooks_program(job, id));
    if (info.type == wanted)
        return 0;
    char is[64], should[64];
    const char *type = libbpf_bpf_prog_type_str(info.type);
    snprintf(is, sizeof(is), "a program of type %s", type ? type : "unknown");
    snprintf(should, sizeof(should), "one of type %s", libbpf_bpf_prog_type_str(wanted));
    return misfit(job, path, is, should);
}

int examine_link(int fd, uint32_t attach_type, struct bpf_link_info *ret_info)
{
    struct bpf_link_info info = {0};
    uint32_t length = sizeof(info);
    enum pin_kind kind;
    int r = pins_kind(fd, &kind);
    if (r == 0 && kind != PIN_LINK)
        r = -EBADF;
    if (r == 0)
        r = bpf_obj_get_info_by_fd(fd, &info, &length);
    if (r < 0)
        return r;
    if (info.type != BPF_LINK_TYPE_CGROUP || info.cgroup.attach_type != attach_type)
        return -EBADF;
    *ret_info = info;
    return 0;
}

static int check_link(const struct job *job, enum pin_id id, const char *path, int fd)
{
    const char *iterates = iterators_target(id);
    if (iterates) {
        int r = iterators_examine(fd, iterates);
        return r == -EBADF ? misfit(job, path, "another link", "an iterator of this program") : r;
    }
    for (size_t i = 0; i < TCTL_PROGRAMS; i++) {
        struct bpf_link_info info;
        if (attached_pins[i].link != id)
            continue;
        int r = examine_link(fd, attached_pins[i].attach_type, &info);
        return r == -EBADF ? misfit(job, path, "a link of another hook", "one of this program") : r;
    }
    return -EINVAL;
}

static int check(struct job *job, enum pin_id id, const char *path, int fd)
{
    enum pin_kind kind = PIN_MAP;
    int r = pins_kind(fd, &kind);
    if (r < 0)
        return r;
    if (kind != pins[id].kind)
        return misfit(job, path, kind_name(kind), kind_name(pins[id].kind));
    switch (kind) {
    case PIN_MAP:
        return check_map(job, id, path, fd);
    case PIN_PROG:
        return check_program(job, id, path, fd);
    case PIN_LINK:
        return check_link(job, id, path, fd);
    }
    return -EINVAL;
}

/* -ENOENT: nothing is there. */
static int open_pin(const struct job *job, enum pin_id id, const char *path, int *ret_fd)
{
    struct stat status;
    if (lstat(path, &status) < 0)
        return errno == ENOENT ? -ENOENT : fault_set(job->fault, -errno, "%s: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return misfit(job, path, S_ISDIR(status.st_mode) ? "a directory" : "another file", kind_name(pins[id].kind));
    int fd = bpf_obj_get(path);
    if (fd == -EPERM || fd == -EACCES)
        return fault_set(job->fault, -EPERM, "cannot open the pin %s: it needs root, before Linux 5.19 with CAP_BPF",
                         path);
    if (fd < 0)
        return fault_set(job->fault, fd, "cannot open the pin %s: %s", path, strerror(-fd));
    *ret_fd = fd;
    return 0;
}

static int examine(struct job *job, enum pin_id id)
{
    _cleanup_free_ char *path = job_path(job->options->bpffs, pins[id].path);
    if (!path)
        return -ENOMEM;
    _cleanup_fd_ int fd = -1;
    int r = open_pin(job, id, path, &fd);
    if (r == -ENOENT)
        return 0;
    if (r == 0)
        r = check(job, id, path, fd);
    if (r == -EEXIST && job->repairs && pins[id].kind != PIN_MAP)
        return 0;
    if (r < 0)
        return r;
    job->found[id] = fd_take(&fd);
    return 0;
}

int examine_pins(struct job *job)
{
    /* The state first: of another version, everything else may differ too. */
    int r = examine(job, PIN_STATE);
    for (int id = 0; id < PINS && r == 0; id++)
        if (id != PIN_STATE && !hooks_is_of_links(id))
            r = examine(job, id);
    return r;
}
