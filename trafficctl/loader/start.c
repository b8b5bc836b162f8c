/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <bpf/libbpf.h>
#include <errno.h>
#include <malloc.h>
#include <state.h>
#include <stdlib.h>
#include <string.h>

#include <traffic.skel.h>

#include "attach.h"
#include "bpffs.h"
#include "cgroup.h"
#include "cleanup.h"
#include "complaint.h"
#include "configure.h"
#include "examine.h"
#include "fd.h"
#include "hooks.h"
#include "iterators.h"
#include "job.h"
#include "kernel.h"
#include "loaded.h"
#include "loader.h"
#include "lock.h"
#include "maps.h"
#include "owner.h"
#include "privilege.h"
#include "record.h"
#include "refuse.h"
#include "rows.h"

static struct job *job_new(const struct load_options *options, load_warn_fn warn, struct fault *fault)
{
    struct job *job = calloc(1, sizeof(*job));
    if (!job)
        return NULL;
    job->options = options;
    job->warn = warn;
    job->fault = fault;
    job->cgroup_fd = -1;
    job->running_fd = -1;
    for (int id = 0; id < PINS; id++)
        job->found[id] = -1;
    return job;
}

static void job_freep(struct job **job)
{
    if (!*job)
        return;
    traffic__destroy((*job)->skeleton);
    fd_close((*job)->cgroup_fd);
    fd_close((*job)->running_fd);
    for (int id = 0; id < PINS; id++)
        fd_close((*job)->found[id]);
    free(*job);
}

static void warn(const struct job *job, const char *text)
{
    if (job->warn)
        job->warn(text);
}

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
        warn(job, "this kernel has no /sys/kernel/btf/vmlinux: users inside user namespaces and fragments are counted "
                  "as the network namespace sees them");
    if (!job->kernel.stored_answers)
        warn(job, "this kernel has no socket storage: every packet asks the maps");
    if (!job->release_hook)
        warn(job, "this kernel cannot run a program when a socket closes: tags stay until trafficd hears of it, for up "
                  "to 30 seconds");
    if (!job->iterators && kernel_has_types())
        warn(job, "this kernel cannot list its sockets: tags whose end was missed stay, and users of user namespaces "
                  "tag as the UID they have there");
}

static int prepare(struct job *job)
{
    complaint_listen();
    privilege_raise_memlock();
    job->skeleton = traffic__open();
    if (!job->skeleton)
        return fault_set(job->fault, -errno, "cannot open the programs: %s", complaint_text());
    look_at_kernel(job);
    int r = maps_shape(job);
    return r < 0 ? r : examine_pins(job);
}

static int load(struct job *job)
{
    job->skeleton->rodata->kernel = job->kernel;
    int r = bpf_program__set_autoload(job->skeleton->progs.release, job->release_hook);
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

static uint32_t wanted_programs(const struct job *job)
{
    uint32_t wanted = 0;
    for (size_t i = 0; i < ARRAY_SIZE(hooks); i++)
        wanted |= hooks_wanted(job, hooks[i].prog) ? 1u << hooks[i].program : 0;
    return wanted;
}

static int load_and_attach(struct job *job, uint32_t *ret_wanted)
{
    int r = load(job);
    if (r == 0)
        r = maps_pin(job);
    if (r == 0)
        r = owner_set_all(job->options, job->warn, &job->undo, job->fault);
    if (r == 0 && job->options->bpffs_search)
        r = bpffs_open_root(job->options->bpffs, &job->undo, job->fault);
    if (r == 0)
        r = configure_write(job->options, false, &job->undo, job->fault);
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
    return configure_write(job->options, false, &job->undo, job->fault);
}

static int hold(struct job *job, uint32_t wanted, struct loaded **ret_loaded)
{
    struct loaded *loaded = calloc(1, sizeof(*loaded));
    if (!loaded)
        return -ENOMEM;
    *loaded = (struct loaded){
        .bpffs = strdup(job->options->bpffs), .cgroup_id = job->cgroup_id, .wanted = wanted, .running_fd = -1};
    int r = loaded->bpffs ? record_state(job, wanted, &loaded->state) : -ENOMEM;
    if (r < 0) {
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
    uint32_t attached, missing;
    if (record_interfaces(job->options->bpffs) < 0)
        warn(job, "cannot write down all names of interfaces; the kernel's are used for the rest");
    if (rows_recount(job->options->bpffs) < 0)
        warn(job, "cannot recount the rows of each UID; limits of rows go by the old counts");
    if (loader_watch(loaded, &attached, &missing) < 0)
        warn(job, "cannot look at what is attached");
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
        r = prepare(job);
    if (r == 0)
        r = check_beneath(job);
    if (r == 0)
        r = job->privileged ? load_and_attach(job, &wanted) : adopt(job, &wanted);
    return r < 0 ? r : hold(job, wanted, ret_loaded);
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
        undo_all(&job->undo);
    else
        finish(job, *ret_loaded);
    return r;
}

int loader_start(const struct load_options *options, bool keep_running, load_warn_fn warn_fn,
                 struct loaded **ret_loaded, struct fault *fault)
{
    int r;
    {
        _cleanup_(job_freep) struct job *job = job_new(options, warn_fn, fault);
        if (!job)
            return -ENOMEM;
        r = start(job, keep_running, ret_loaded);
        undo_forget(&job->undo);
    }
    /* libbpf's copies of the programs and the kernel's types were most of this process. */
    malloc_trim(0);
    return r;
}
