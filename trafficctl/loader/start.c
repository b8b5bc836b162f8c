/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <errno.h>
#include <interfaces_page.h>
#include <state.h>
#include <stdlib.h>
#include <string.h>

#include <traffic.skel.h>

#include "attach.h"
#include "bpffs.h"
#include "cgroup.h"
#include "cleanup.h"
#include "configure.h"
#include "engine.h"
#include "fd.h"
#include "grow.h"
#include "hooks.h"
#include "interfaces.h"
#include "job.h"
#include "loader.h"
#include "lock.h"
#include "look.h"
#include "maps.h"
#include "owner.h"
#include "privilege.h"
#include "programs.h"
#include "record.h"
#include "refuse.h"
#include "restore.h"
#include "rows.h"

static uint32_t wanted_programs(const struct job *job)
{
    uint32_t wanted = 0;
    for (size_t i = 0; i < TCTL_PROGRAMS; i++)
        wanted |= hooks_wanted(job, attached_pins[i].prog) ? 1u << i : 0;
    return wanted;
}

/* One that is new has lost its rules, whatever the others hold; so have all after a first start that was killed. */
static bool has_new_maps(const struct job *job)
{
    struct tctl_state state;
    static const enum pin_id MAPS[] = {PIN_DOZABLE_UID, PIN_STANDBY_UID, PIN_POWERSAVE_UID, PIN_UID_RULES,
                                       PIN_UID_IFACE,   PIN_METERED,     PIN_CONFIG};
    for (size_t i = 0; i < ARRAY_SIZE(MAPS); i++)
        if (job->found[MAPS[i]] < 0)
            return true;
    return job->found[PIN_STATE] >= 0 && state_read(job->found[PIN_STATE], &state) == 0 && state.since_sec == 0;
}

static int restore(const struct job *job)
{
    return restore_policy(job->options, has_new_maps(job), job->warn, job->fault);
}

static int load_and_attach(struct job *job, uint32_t *ret_wanted)
{
    int r = programs_load(job);
    if (r == 0)
        interfaces_load(job, job->options->netfilter);
    if (r == 0)
        r = maps_pin(job);
    if (r == 0)
        r = grow_begin(job);
    if (r == 0)
        r = owner_set_all(job->options, job->warn, &job->undo, job->fault);
    if (r == 0 && job->options->bpffs_search)
        r = bpffs_open_root(job->options->bpffs, &job->undo, job->fault);
    if (r == 0)
        r = configure_write(job->options, false, &job->undo, job->fault);
    if (r == 0)
        r = restore(job);
    if (r == 0)
        r = attach_programs(job);
    *ret_wanted = wanted_programs(job);
    return r;
}

static bool is_there(const struct job *job, uint32_t wanted)
{
    for (int id = 0; id < PINS; id++) {
        bool storage = id == PIN_SOCKET_STORAGE || id == PIN_INHERITED_STORAGE || id == PIN_PEER_STORAGE;
        bool release = id == PIN_RELEASE_PROG && !(wanted & 1u << TCTL_PROG_RELEASE);
        if (job->found[id] < 0 && !storage && !release && (maps_wanted(job, id) || hooks_wanted(job, id)))
            return false;
    }
    return attach_is_done(job, wanted);
}

/* Who may not load takes what somebody else has loaded, if all of it is there. */
static int adopt(struct job *job, uint32_t *ret_wanted)
{
    struct tctl_state state;
    int r = job->found[PIN_STATE] < 0 ? -ENOENT : state_read(job->found[PIN_STATE], &state);
    if (r < 0 || state.wanted == 0 || !is_there(job, state.wanted))
        return privilege_check(job->fault);
    *ret_wanted = state.wanted;
    r = configure_write(job->options, false, &job->undo, job->fault);
    return r < 0 ? r : restore(job);
}

static int copy_paths(const struct load_options *options, struct loaded *loaded)
{
    loaded->place = strdup(options->bpffs);
    loaded->cgroup = options->cgroup ? strdup(options->cgroup) : NULL;
    return loaded->place && (loaded->cgroup || !options->cgroup) ? 0 : -ENOMEM;
}

static int hold(struct job *job, uint32_t wanted, struct loaded **ret_loaded)
{
    struct loaded *loaded = calloc(1, sizeof(*loaded));
    if (!loaded)
        return -ENOMEM;
    *loaded = (struct loaded){
        .engine = &engine_bpf, .cgroup_id = job->cgroup_id, .wanted = wanted, .running_fd = -1, .alone_fd = -1};
    int r = copy_paths(job->options, loaded);
    if (r == 0)
        r = record_state(job, wanted, &loaded->state);
    if (r == 0)
        r = interfaces_map(job->options->bpffs, &loaded->interfaces);
    if (r == 0)
        r = interfaces_start(job, loaded);
    if (r == 0)
        r = grow_end(job);
    if (r == 0)
        r = look_remember(loaded);
    if (r < 0) {
        if (!grow_is_final(job))
            interfaces_take_back(job, loaded);
        loaded_free(loaded);
        return r;
    }
    loaded->running_fd = fd_take(&job->running_fd);
    *ret_loaded = loaded;
    return 0;
}

/* From here on everything counts; what fails now is no reason to take it down again. */
static void finish(struct job *job, struct loaded *loaded)
{
    struct load_seen seen;
    if (record_interfaces(job->options->bpffs) < 0)
        job_warn(job, "cannot write down all names of interfaces; the kernel's are used for the rest");
    if (rows_recount(job->options->bpffs) < 0)
        job_warn(job, "cannot recount the rows of each UID; limits of rows go by the old counts");
    if (loader_watch(loaded, &seen) < 0)
        job_warn(job, "cannot look at what is attached");
}

/* Moved to another control group beneath it, a trafficd would go on watching the one it was started with. */
static int check_beneath(struct job *job)
{
    _cleanup_fd_ int fd = -1;
    if (job->running_fd >= 0 || !attach_is_elsewhere(job))
        return 0;
    return lock_running(job->options->bpffs,
                        "it counts another control group; stop it first, or give the same --cgroup as it has",
                        &job->undo, &fd, job->fault);
}

static int start_locked(struct job *job, struct loaded **ret_loaded)
{
    uint32_t wanted = 0;
    int r = cgroup_open(job->options->cgroup, &job->undo, &job->cgroup_fd, &job->cgroup_id, job->fault);
    if (r == 0)
        r = programs_prepare(job);
    if (r == 0)
        r = check_beneath(job);
    if (r == 0)
        r = interfaces_check_home(job);
    if (r == 0)
        r = job->privileged ? load_and_attach(job, &wanted) : adopt(job, &wanted);
    return r < 0 ? r : hold(job, wanted, ret_loaded);
}

static void take_back(struct job *job)
{
    if (grow_is_final(job))
        return; /* the programs that ran before count in maps that are pinned no more */
    undo_all(&job->undo);
    grow_undo(job);
}

static int start(struct job *job, bool keep_running, struct loaded **ret_loaded)
{
    const char *bpffs = job->options->bpffs;
    _cleanup_fd_ int folder = -1;
    int r;
    job->privileged = privilege_check(NULL) == 0;
    do {
        r = bpffs_prepare(bpffs, &job->undo, job->fault);
        if (r == 0)
            r = lock_folder(bpffs, &job->undo, &folder, job->fault);
    } while (r == -ESTALE);
    if (r == 0 && keep_running)
        r = lock_running(bpffs, "stop it first", &job->undo, &job->running_fd, job->fault);
    if (r == 0)
        r = start_locked(job, ret_loaded);
    /* A user without any right is stopped by the file system before the kernel asks for capabilities. */
    if (r == -EACCES && !job->privileged)
        r = privilege_check(job->fault);
    if (r == -EMFILE)
        r = refuse_files(job->fault);
    /* Before the locks go: nobody else may find it half there. */
    if (r < 0)
        take_back(job);
    else
        finish(job, *ret_loaded);
    return r;
}

/* *ret_again: maps that a killed start had made larger are so now, and are to be still larger. */
static int start_once(const struct load_options *options, bool keep_running, load_warn_fn warn_fn,
                      struct loaded **ret_loaded, struct fault *fault, bool *ret_again)
{
    _cleanup_(job_freep) struct job *job = job_new(options, warn_fn, fault);
    if (!job)
        return -ENOMEM;
    int r = start(job, keep_running, ret_loaded);
    undo_forget(&job->undo);
    *ret_again = r == 0 && job->grow.again;
    return r;
}

int start_bpf(const struct load_options *options, bool keep_running, const char *why, load_warn_fn warn_fn,
              struct loaded **ret_loaded, struct fault *fault)
{
    bool again = false;
    (void)why;
    int r = start_once(options, keep_running, warn_fn, ret_loaded, fault, &again);
    if (again) {
        loaded_free(*ret_loaded);
        *ret_loaded = NULL;
        r = start_once(options, keep_running, warn_fn, ret_loaded, fault, &again);
    }
    return r;
}
