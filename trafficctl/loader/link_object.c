/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "link_object.h"

#include <attached.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <link.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <link.skel.h>

#include "bpffs.h"
#include "calls.h"
#include "cleanup.h"
#include "complaint.h"
#include "fd.h"
#include "maps.h"

struct link_object {
    struct job *job;
    struct fault *why; /* of the present call */
    struct link_programs *programs;
    int calls; /* what is pinned and ours; -1 */
};

/* Without these a packet cannot be read; the others are of parts that a kernel may lack. */
static bool knows_packets(const struct tctl_kernel *kernel)
{
    const struct tctl_member members[] = {
        kernel->skb_len,      kernel->skb_protocol, kernel->skb_dev,  kernel->skb_iif,
        kernel->skb_sk,       kernel->skb_dst,      kernel->skb_head, kernel->skb_end,
        kernel->skb_data_len, kernel->dev_ifindex,  kernel->dev_name, kernel->shared_gso_size,
    };
    for (size_t i = 0; i < ARRAY_SIZE(members); i++)
        if (members[i].offset == TCTL_NO_OFFSET)
            return false;
    return !kernel->sec_path || kernel->skb_extensions.offset != TCTL_NO_OFFSET;
}

static int set_types(struct link_object *object)
{
    struct bpf_program *program;
    int r = 0;
    bpf_object__for_each_program(program, object->programs->obj)
    {
        if (r == 0)
            r = bpf_program__set_type(program, LINK_PROG_TYPE);
        if (r == 0)
            r = bpf_program__set_expected_attach_type(program, LINK_ATTACH_TYPE);
    }
    return r;
}

/* What is pinned may be about to be replaced by a larger one. */
static int reuse(struct link_object *object, enum pin_id id, struct bpf_map *map)
{
    return bpf_map__reuse_fd(map, bpf_map__fd(maps_of(object->job, id)));
}

static int reuse_maps(struct link_object *object)
{
    const struct {
        enum pin_id id;
        struct bpf_map *map;
        bool percpu;
    } maps[] = {
        {PIN_IFACE_STATS, object->programs->maps.iface_stats_map, false},
        {PIN_IFACE_PARTS, object->programs->maps.iface_parts_map, false},
        {PIN_STATE, object->programs->maps.state_map, false},
        {PIN_SPILL, object->programs->maps.spill_map, true},
        {PIN_BUSY, object->programs->maps.busy_map, true},
    };
    int r = 0;
    for (size_t i = 0; i < ARRAY_SIZE(maps) && r == 0; i++)
        r = maps[i].percpu && !object->job->options->percpu ? bpf_map__set_autocreate(maps[i].map, false)
                                                            : reuse(object, maps[i].id, maps[i].map);
    return r;
}

static int foreign(const struct link_object *object, enum pin_id id, const char *wanted)
{
    return fault_set(object->why, -EEXIST, "%s/%s is pinned, and it is not %s: remove it first",
                     object->job->options->bpffs, pins[id].path, wanted);
}

static bool is_calls(int fd)
{
    struct bpf_map_info info = {0};
    uint32_t length = sizeof(info);
    enum pin_kind kind;
    return pins_kind(fd, &kind) == 0 && kind == PIN_MAP && bpf_obj_get_info_by_fd(fd, &info, &length) == 0 &&
           info.type == BPF_MAP_TYPE_PROG_ARRAY && info.max_entries == TCTL_CALLS;
}

/* The slots that are pinned; what is not ours is refused, or to be replaced. */
static int find_calls(struct link_object *object)
{
    _cleanup_fd_ int fd = -1;
    int r = pins_open(object->job->options->bpffs, PIN_LINK_CALLS, &fd);
    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return r;
    if (!is_calls(fd))
        return object->job->repairs ? 0 : foreign(object, PIN_LINK_CALLS, "a table of this program's calls");
    object->calls = fd_take(&fd);
    return bpf_map__reuse_fd(object->programs->maps.link_calls, object->calls);
}

/* Does a program for links call what is in these slots? */
static bool calls_by(int program, int calls)
{
    struct bpf_prog_info info = {0};
    uint32_t length = sizeof(info);
    enum pin_kind kind;
    return pins_kind(program, &kind) == 0 && kind == PIN_PROG && bpf_obj_get_info_by_fd(program, &info, &length) == 0 &&
           info.type == LINK_PROG_TYPE && attached_calls(program, calls);
}

/* 1: the pinned program stays. */
static int find_program(const struct link_object *object, enum pin_id id)
{
    _cleanup_fd_ int fd = -1;
    int r = pins_open(object->job->options->bpffs, id, &fd);
    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return r;
    if (object->calls >= 0 && calls_by(fd, object->calls))
        return 1;
    return object->job->repairs ? 0 : foreign(object, id, "a program that calls by " TCTL_DIR "/link_calls");
}

static int load(struct link_object *object)
{
    struct fault *why = object->why;
    object->programs = link_programs__open();
    if (!object->programs)
        return fault_set(why, -errno, "cannot open the programs for BPF netfilter links: %s", complaint_text());
    object->programs->rodata->kernel = object->job->kernel;
    int r = set_types(object);
    if (r == 0)
        r = reuse_maps(object);
    if (r < 0)
        return fault_set(why, r, "cannot prepare the programs for BPF netfilter links: %s", strerror(-r));
    r = find_calls(object);
    if (r < 0)
        return r;
    r = link_programs__load(object->programs);
    return r < 0 ? fault_set(why, -ENOTSUP, "this kernel takes no program for BPF netfilter links (%s): %s",
                             strerror(-r), complaint_text())
                 : 0;
}

static int pin(struct link_object *object, enum pin_id id, int fd)
{
    struct job *job = object->job;
    _cleanup_free_ char *path = job_path(job->options->bpffs, pins[id].path);
    int r = path ? undo_plan(&job->undo, UNDO_UNLINK, path, -1, -1, NULL) : -ENOMEM;
    if (r < 0)
        return r;
    unlink(path); /* of a repair: not ours */
    r = bpf_obj_pin(fd, path);
    if (r < 0)
        return fault_set(object->why, r, "cannot pin %s: %s", path, strerror(-r));
    undo_arm(&job->undo);
    return bpffs_own(path, 0, 0, 0600, &job->undo, object->why);
}

static int pin_program(struct link_object *object, enum pin_id id, const struct bpf_program *program)
{
    int r = find_program(object, id);
    return r == 0 ? pin(object, id, bpf_program__fd(program)) : r > 0 ? 0 : r;
}

static int put(struct link_object *object)
{
    const struct link_programs *programs = object->programs;
    int calls = bpf_map__fd(programs->maps.link_calls), r = 0;
    if (object->calls < 0)
        r = pin(object, PIN_LINK_CALLS, calls);
    if (r == 0)
        r = pin_program(object, PIN_LINK_INGRESS_PROG, programs->progs.link_ingress);
    if (r == 0)
        r = pin_program(object, PIN_LINK_EGRESS_PROG, programs->progs.link_egress);
    if (r == 0)
        r = calls_put(object->job, calls, bpf_program__fd(programs->progs.link_count_ingress),
                      bpf_program__fd(programs->progs.link_count_egress));
    return r;
}

int link_object_load(struct job *job, struct fault *why)
{
    if (!knows_packets(&job->kernel))
        return fault_set(why, -ENOTSUP,
                         "programs for BPF netfilter links need this kernel's types (CONFIG_DEBUG_INFO_BTF)");
    struct link_object *object = calloc(1, sizeof(*object));
    if (!object)
        return -ENOMEM;
    *object = (struct link_object){.job = job, .why = why, .calls = -1};
    complaint_listen();
    int r = load(object);
    if (r < 0)
        link_object_free(object);
    else
        job->links = object;
    return r;
}

int link_object_put(struct job *job, struct fault *why)
{
    size_t before = job->undo.armed;
    job->links->why = why;
    int r = put(job->links);
    if (r < 0)
        undo_to(&job->undo, before);
    return r;
}

void link_object_free(struct link_object *object)
{
    if (!object)
        return;
    link_programs__destroy(object->programs);
    fd_close(object->calls);
    free(object);
}
