/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "hooks.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <traffic.skel.h>

struct bpf_program *hooks_program(const struct job *job, enum pin_id id)
{
    switch (id) {
    case PIN_INGRESS_PROG:
        return job->skeleton->progs.ingress;
    case PIN_EGRESS_PROG:
        return job->skeleton->progs.egress;
    case PIN_XT_INGRESS_PROG:
        return job->skeleton->progs.xt_ingress;
    case PIN_XT_EGRESS_PROG:
        return job->skeleton->progs.xt_egress;
    case PIN_RELEASE_PROG:
        return job->skeleton->progs.release;
    case PIN_CONNECT4_PROG:
        return job->skeleton->progs.connect4;
    case PIN_CONNECT6_PROG:
        return job->skeleton->progs.connect6;
    default:
        return NULL;
    }
}

/* Rules hold it, some of them perhaps other people's. */
static bool is_in_rules(enum pin_id id)
{
    return id == PIN_XT_INGRESS_PROG || id == PIN_XT_EGRESS_PROG;
}

static uint32_t map_number(int fd)
{
    struct bpf_map_info info = {0};
    uint32_t length = sizeof(info);
    return fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &length) == 0 ? info.id : 0;
}

bool hooks_kept(const struct job *job, enum pin_id id)
{
    uint32_t map = map_number(job->found[PIN_XT_CALLS]);
    return is_in_rules(id) && map != 0 && job->found[id] >= 0 && attached_uses(job->found[id], map);
}

bool hooks_wanted(const struct job *job, enum pin_id id)
{
    return hooks_program(job, id) && (id != PIN_RELEASE_PROG || job->release_hook);
}
