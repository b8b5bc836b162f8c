/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "programs.h"

#include <bpf/libbpf.h>
#include <errno.h>

#include <traffic.skel.h>

#include "cast.h"
#include "complaint.h"
#include "examine.h"
#include "grow.h"
#include "iterators.h"
#include "kernel.h"
#include "maps.h"
#include "privilege.h"
#include "refuse.h"

/* Without privilege nothing can be tried: what the start that loaded found there holds. */
static void look_at_kernel(struct job *job)
{
    if (!job->privileged) {
        job->kernel.stored_answers = 1;
        job->release_hook = true;
        return;
    }
    kernel_find_out(job->options->percpu, &job->kernel);
    job->release_hook = kernel_has_release_hook();
    job->iterators = iterators_work(&job->kernel);
}

static void warn_of_lacks(const struct job *job)
{
    if (!kernel_has_types())
        job_warn(job,
                 "this kernel has no /sys/kernel/btf/vmlinux: users inside user namespaces and fragments are counted "
                 "as the network namespace sees them");
    if (!job->kernel.stored_answers)
        job_warn(job, "this kernel has no socket storage: every packet asks the maps");
    if (!job->release_hook)
        job_warn(job,
                 "this kernel cannot run a program when a socket closes: tags stay until trafficd hears of it, for up "
                 "to 30 seconds");
    if (!job->iterators && kernel_has_types())
        job_warn(job,
                 "this kernel cannot list its sockets: tags whose end was missed stay, and users of user namespaces "
                 "tag as the UID they have there");
}

int programs_prepare(struct job *job)
{
    complaint_listen();
    privilege_raise_memlock();
    job->skeleton = traffic__open();
    if (!job->skeleton)
        return fault_set(job->fault, -errno, "cannot open the programs: %s", complaint_text());
    look_at_kernel(job);
    int r = maps_shape(job);
    if (r == 0)
        r = examine_pins(job);
    return r < 0 ? r : grow_examine(job);
}

int programs_load(struct job *job)
{
    job->skeleton->rodata->kernel = job->kernel;
    int r = bpf_program__set_autoload(job->skeleton->progs.release, job->release_hook);
    if (r == 0)
        r = cast_put(job->skeleton->progs.egress, job->kernel.cast);
    if (r == 0)
        r = cast_put(job->skeleton->progs.ingress, job->kernel.cast);
    if (r == 0)
        r = iterators_choose(job);
    if (r == 0)
        r = maps_reuse(job);
    if (r < 0)
        return fault_set(job->fault, r, "cannot prepare the programs: %s", complaint_text());
    r = traffic__load(job->skeleton);
    if (r < 0)
        return refuse(job, r, "the programs", complaint_text());
    /* Only now: where a needed part is missing, that line is the one that counts. */
    warn_of_lacks(job);
    return 0;
}
