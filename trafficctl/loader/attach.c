/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <string.h>

#include <traffic.skel.h>

#include "aside.h"
#include "calls.h"
#include "cleanup.h"
#include "examine.h"
#include "fd.h"
#include "hooks.h"
#include "iterators.h"
#include "refuse.h"

/* The program that a link has now, to be given back to it. -1: this process may not open it. */
static int program_of(const struct job *job, const struct attached_pins *hook, uint32_t prog_id)
{
    int fd = bpf_prog_get_fd_by_id(prog_id);
    if (fd >= 0 || job->found[hook->prog] < 0)
        return fd >= 0 ? fd : -1;

    /* Numbers need CAP_SYS_ADMIN; the pin is the same program unless somebody was killed between link and pin. */
    struct bpf_prog_info info = {0};
    uint32_t length = sizeof(info);
    if (bpf_obj_get_info_by_fd(job->found[hook->prog], &info, &length) < 0 || info.id != prog_id)
        return -1;
    return fcntl(job->found[hook->prog], F_DUPFD_CLOEXEC, 3);
}

static int update(struct job *job, const struct attached_pins *hook, int program, uint32_t prog_id)
{
    _cleanup_fd_ int old = program_of(job, hook, prog_id);
    int link = job->found[hook->link];
    int r = undo_plan(&job->undo, UNDO_UPDATE, pins[hook->link].path, link, old, NULL);
    if (r == 0)
        r = bpf_link_update(link, program, NULL);
    if (r == 0 && old >= 0)
        undo_arm(&job->undo);
    return r;
}

static int create(struct job *job, const struct attached_pins *hook, int program)
{
    _cleanup_fd_ int link = bpf_link_create(program, job->cgroup_fd, hook->attach_type, NULL);
    if (link == -EPERM || link == -EBUSY)
        return fault_set(job->fault, link,
                         "the kernel refuses to attach the %s program: another program is attached to this control "
                         "group or one above it exclusively (see bpftool cgroup tree)",
                         hook->name);
    if (link < 0)
        return refuse(job, link, "to attach a program to the control group", strerror(-link));
    int r = undo_plan(&job->undo, UNDO_DETACH, pins[hook->link].path, link, -1, NULL);
    if (r < 0)
        return r;
    undo_arm(&job->undo);
    return aside_pin(job, hook->link, link);
}

/* A link that hangs elsewhere stays until its pin is replaced: rather both for a moment than neither. */
static int attach(struct job *job, const struct attached_pins *hook, int program)
{
    struct bpf_link_info info = {0};
    int link = job->found[hook->link];
    if (link >= 0) {
        int r = examine_link(link, hook->attach_type, &info);
        if (r < 0)
            return r;
    }
    if (link < 0 || info.cgroup.cgroup_id != job->cgroup_id)
        return create(job, hook, program);

    int r = update(job, hook, program, info.prog_id);
    /* The group went away just now. */
    if (r == -ENOLINK)
        return create(job, hook, program);
    if (r < 0)
        return fault_set(job->fault, r, "cannot replace the %s program: %s", hook->name, strerror(-r));
    return 0;
}

static int pin_programs(struct job *job)
{
    int r = 0;
    for (int id = 0; id < PINS && r == 0; id++)
        if (hooks_wanted(job, id) && !hooks_kept(job, id))
            r = aside_pin(job, id, bpf_program__fd(hooks_program(job, id)));
    return r;
}

static int call_counting(struct job *job)
{
    const struct traffic *skeleton = job->skeleton;
    return calls_put(job, bpf_map__fd(skeleton->maps.xt_calls), bpf_program__fd(skeleton->progs.count_ingress),
                     bpf_program__fd(skeleton->progs.count_egress));
}

int attach_programs(struct job *job)
{
    int r = aside_open(job);
    if (r == 0)
        r = pin_programs(job);
    /* The last first: who cleans up comes before who counts, so that no tagged socket that is counted dies unseen. */
    for (size_t i = TCTL_PROGRAMS; i-- > 0 && r == 0;)
        if (hooks_wanted(job, attached_pins[i].prog))
            r = attach(job, &attached_pins[i], bpf_program__fd(hooks_program(job, attached_pins[i].prog)));
    if (r == 0)
        r = call_counting(job);
    if (r == 0)
        r = iterators_pin(job);
    if (r == 0)
        r = aside_move(job);
    if (r == 0)
        aside_clear(job->options->bpffs);
    return r;
}

int attach_again(struct job *job, const struct attached_pins *hook, int program)
{
    int r = aside_open(job);
    if (r == 0)
        r = attach(job, hook, program);
    if (r == 0)
        r = aside_move(job);
    if (r == 0)
        aside_clear(job->options->bpffs);
    return r;
}

bool attach_is_done(const struct job *job, uint32_t wanted)
{
    for (size_t i = 0; i < TCTL_PROGRAMS; i++) {
        struct bpf_link_info info;
        int link = job->found[attached_pins[i].link];
        if (!(wanted & 1u << i))
            continue;
        if (link < 0 || examine_link(link, attached_pins[i].attach_type, &info) < 0 ||
            info.cgroup.cgroup_id != job->cgroup_id)
            return false;
    }
    return true;
}

bool attach_is_elsewhere(const struct job *job)
{
    for (size_t i = 0; i < TCTL_PROGRAMS; i++) {
        struct bpf_link_info info;
        int link = job->found[attached_pins[i].link];
        if (link >= 0 && examine_link(link, attached_pins[i].attach_type, &info) == 0 && info.cgroup.cgroup_id != 0 &&
            info.cgroup.cgroup_id != job->cgroup_id)
            return true;
    }
    return false;
}
