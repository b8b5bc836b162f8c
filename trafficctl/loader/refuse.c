/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "refuse.h"

#include <bpf/libbpf.h>
#include <errno.h>

#include <traffic.skel.h>

#include "cleanup.h"
#include "complaint.h"
#include "privilege.h"

static int lacks_memory(const struct job *job)
{
    return fault_set(job->fault, -EPERM,
                     "the kernel refuses the maps: kernels before 5.11 need MEMLOCK 8 MiB or more (ulimit -l, in a "
                     "systemd unit LimitMEMLOCK=8M)");
}

/* 0: every needed part is there. */
static int lacks_part(const struct job *job)
{
    _cleanup_free_ struct requirement *list = NULL;
    size_t count = 0;
    if (loader_probe(&list, &count) < 0)
        return 0;
    for (size_t i = 0; i < count; i++)
        if (list[i].required && !list[i].ok)
            return fault_set(job->fault, -ENOTSUP, "this kernel lacks %s: %s", list[i].name, list[i].needed_for);
    return 0;
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

int refuse(const struct job *job, int err, const char *what, const char *why)
{
    if (err == -EPERM && privilege_memlock_is_small())
        return lacks_memory(job);
    int r = lacks_part(job);
    if (r == 0)
        r = lacks_map_type(job);
    return r < 0 ? r : fault_set(job->fault, err, "the kernel refuses %s: %s", what, why);
}
