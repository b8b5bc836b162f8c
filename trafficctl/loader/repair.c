/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <errno.h>
#include <linux/bpf.h>

#include "attach.h"
#include "cgroup.h"
#include "cleanup.h"
#include "engine.h"
#include "examine.h"
#include "fd.h"
#include "hooks.h"
#include "interfaces.h"
#include "job.h"
#include "loader.h"
#include "lock.h"
#include "look.h"
#include "privilege.h"
#include "programs.h"

static int refuse_maps(const struct loaded *loaded, uint64_t maps, struct fault *fault)
{
    return fault_set(fault, -ESRCH, "the map %s/%s is not pinned any more, or another one is: restart trafficd",
                     loaded->place, pins[__builtin_ctzll(maps)].path);
}

static bool is_pin_of_links(uint64_t pins_seen)
{
    uint64_t links = 0;
    for (size_t i = 0; i < TCTL_PROGRAMS; i++)
        links |= UINT64_C(1) << attached_pins[i].link;
    return (pins_seen & ~links) == 0;
}

static int end_step(struct job *job, int r)
{
    if (r < 0)
        undo_all(&job->undo);
    undo_forget(&job->undo);
    return r;
}

/* As at a start. */
static int renew(struct job *job)
{
    int r = programs_prepare(job);
    if (r == 0)
        r = programs_load(job);
    if (r == 0)
        r = attach_programs(job);
    return end_step(job, r);
}

/* By the program that is pinned: nothing is loaded, so that a try that fails each second costs nothing. */
static int mend_hook(struct job *job, const struct attached_pins *hook)
{
    struct bpf_link_info info;
    _cleanup_fd_ int program = -1, link = -1;
    int r = pins_open(job->options->bpffs, hook->prog, &program);
    if (r < 0)
        return r;
    fd_close(job->found[hook->link]);
    job->found[hook->link] = -1;
    if (pins_open(job->options->bpffs, hook->link, &link) == 0 && examine_link(link, hook->attach_type, &info) == 0)
        job->found[hook->link] = fd_take(&link);
    return end_step(job, attach_again(job, hook, program));
}

/* What can be mended is, whatever else cannot. The first failure is the one that is told. */
static int mend_hooks(struct job *job, const struct load_seen *found)
{
    struct fault *const told = job->fault;
    int failure = 0;
    for (size_t i = 0; i < TCTL_PROGRAMS; i++) {
        struct fault fault = {0};
        uint64_t program = UINT64_C(1) << attached_pins[i].prog;
        if (!(found->missing & 1u << i) || found->pins & program)
            continue;
        job->fault = &fault;
        int r = mend_hook(job, &attached_pins[i]);
        if (r < 0 && failure == 0) {
            failure = r;
            *told = fault;
        }
    }
    job->fault = told;
    return failure;
}

static int repair_programs(struct job *job, struct loaded *loaded, const struct load_seen *found, bool *ret_renewed)
{
    bool renew_all = !is_pin_of_links(found->pins);
    *ret_renewed = false;
    int r = end_step(job, cgroup_open(job->options->cgroup, &job->undo, &job->cgroup_fd, &job->cgroup_id, job->fault));
    if (r < 0)
        return r;
    r = renew_all ? renew(job) : mend_hooks(job, found);
    if (r < 0 && renew_all) {
        struct fault why = *job->fault;
        mend_hooks(job, found);
        *job->fault = why;
    }
    loaded->cgroup_id = job->cgroup_id;
    *ret_renewed = r == 0 && renew_all;
    return r;
}

/* Interfaces do without the control group, and without what else may be in the way. The first failure is told. */
static int repair(struct job *job, struct loaded *loaded, const struct load_seen *found)
{
    bool renewed;
    struct fault fault = {0}, *const told = job->fault;
    int r = privilege_check(told);
    if (r < 0)
        return r;
    job->privileged = job->repairs = true;
    r = repair_programs(job, loaded, found, &renewed);
    if (!found->places && !renewed)
        return r;
    job->fault = &fault;
    int places = end_step(job, interfaces_repair(job, loaded, renewed));
    job->fault = told;
    if (r < 0 || places == 0)
        return r;
    *told = fault;
    return places;
}

/* Who loads meanwhile replaces pins and programs one after the other: only under the lock a difference is damage. */
static int repair_damage(struct job *job, struct loaded *loaded, struct load_seen *ret_found)
{
    _cleanup_fd_ int folder = -1;
    int r = lock_folder(loaded->place, NULL, &folder, job->fault);
    if (r == -ENOENT || r == -ESTALE)
        return fault_set(job->fault, -ESRCH, "nothing is pinned below %s any more: restart trafficd", loaded->place);
    if (r == 0)
        r = look(loaded, ret_found);
    if (r < 0 || load_seen_whole(ret_found))
        return r;
    if (ret_found->maps)
        return refuse_maps(loaded, ret_found->maps, job->fault);
    return repair(job, loaded, ret_found);
}

int repair_bpf(struct loaded *loaded, const struct load_options *options, struct load_seen *ret_found,
               struct fault *fault)
{
    _cleanup_(job_freep) struct job *job = job_new(options, NULL, fault);
    return job ? repair_damage(job, loaded, ret_found) : -ENOMEM;
}
