/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "hooks.h"

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

bool hooks_wanted(const struct job *job, enum pin_id id)
{
    return hooks_program(job, id) && (id != PIN_RELEASE_PROG || job->release_hook);
}
