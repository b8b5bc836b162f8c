/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "refuse.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include <traffic.skel.h>

#include "cleanup.h"
#include "complaint.h"
#include "maps.h"
#include "privilege.h"
#include "probe.h"

/* A start takes fewer than 100. */
#define FILES_ENOUGH 128

static int lacks_memory(const struct job *job)
{
    return fault_set(job->fault, -EPERM,
                     "the kernel refuses the maps: kernels before 5.11 need MEMLOCK 8 MiB or more (ulimit -l, in a "
                     "systemd unit LimitMEMLOCK=8M)");
}

static rlim_t files_allowed(void)
{
    struct rlimit limit = {0};
    getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

/* The map of the configuration by whose size that of another goes. */
static enum load_map sized_by(const struct job *job, const char *name)
{
    const uint32_t *entries = job->options->entries;
    const bool is_tag_count = strcmp(bpf_map__name(maps_of(job, PIN_TAG_COUNT)), name) == 0;
    enum load_map largest = LOAD_APP_UID_STATS;
    for (int map = 0; map < LOAD_MAPS; map++) {
        if (strcmp(bpf_map__name(maps_of(job, map)), name) == 0)
            return map;
        /* The loader's own maps follow the stats maps, that of tags in use the cookie map too. */
        bool follows = pins[map].counters || (map == LOAD_COOKIE_TAG && is_tag_count);
        if (follows && entries[map] > entries[largest])
            largest = map;
    }
    return largest;
}

static int lacks_room(const struct job *job, int err)
{
    const char *name = complaint_map();
    const enum load_map map = sized_by(job, name);
    return fault_set(job->fault, err,
                     "the map %s is too large for this machine: lower the size of %s in [maps], which is %u entries",
                     name, load_map_key(map), job->options->entries[map]);
}

/* 0: every needed part is there. */
static int lacks_part(const struct job *job)
{
    const struct requirement *missing = privilege_check(NULL) < 0 ? NULL : probe_missing(LOAD_BACKEND_BPF);
    return missing ? fault_set(job->fault, -ENOTSUP, "this kernel lacks %s: %s", missing->name, missing->needed_for)
                   : 0;
}

/* 0: no map was refused, or the kernel has others of its type. */
static int lacks_map_type(const struct job *job)
{
    const struct bpf_map *map = bpf_object__find_map_by_name(job->skeleton->obj, complaint_map());
    if (!map || libbpf_probe_bpf_map_type(bpf_map__type(map), NULL) != 0)
        return 0;
    return fault_set(job->fault, -ENOTSUP, "this kernel lacks maps of type %s: %s is one",
                     libbpf_bpf_map_type_str(bpf_map__type(map)), complaint_map());
}

int refuse_files(struct fault *fault)
{
    return fault_set(
        fault, -EMFILE,
        "this process may open %llu files only: raise the limit of open files (ulimit -n, in a systemd unit "
        "LimitNOFILE=) to %d or more",
        (unsigned long long)files_allowed(), FILES_ENOUGH);
}

int refuse(const struct job *job, int err, const char *what, const char *why)
{
    if (err == -EPERM && privilege_memlock_is_small())
        return lacks_memory(job);
    if ((err == -E2BIG || err == -ENOMEM) && *complaint_map())
        return lacks_room(job, err);
    int r = err == -EMFILE ? refuse_files(job->fault) : lacks_part(job);
    if (r == 0)
        r = lacks_map_type(job);
    /* What libbpf tries with no file left it takes for a lack of the kernel. */
    if (r == 0 && files_allowed() < FILES_ENOUGH)
        r = refuse_files(job->fault);
    return r < 0 ? r : fault_set(job->fault, err, "the kernel refuses %s: %s", what, why);
}
