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

/* Rules hold it, some of them perhaps other people's. */
static bool is_in_rules(enum pin_id id)
{
    return id == PIN_XT_INGRESS_PROG || id == PIN_XT_EGRESS_PROG;
}

bool hooks_kept(const struct job *job, enum pin_id id)
{
    int calls = job->found[PIN_XT_CALLS];
    return is_in_rules(id) && calls >= 0 && job->found[id] >= 0 && attached_calls(job->found[id], calls);
}

bool hooks_is_of_links(enum pin_id id)
{
    return id == PIN_LINK_CALLS || id == PIN_LINK_INGRESS_PROG || id == PIN_LINK_EGRESS_PROG ||
           (id >= PIN_PREROUTING4_LINK && id <= PIN_POSTROUTING6_LINK);
}

bool hooks_wanted(const struct job *job, enum pin_id id)
{
    return hooks_program(job, id) && (id != PIN_RELEASE_PROG || job->release_hook);
}
