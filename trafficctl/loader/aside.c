/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "aside.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpffs.h"
#include "cleanup.h"

static char *aside_path(const char *bpffs, enum pin_id id)
{
    const char *name = strrchr(pins[id].path, '/');
    char *path;
    return asprintf(&path, "%s/" JOB_ASIDE_DIR "/%s", bpffs, name ? name + 1 : pins[id].path) < 0 ? NULL : path;
}

void aside_clear(const char *bpffs)
{
    for (int id = 0; id < PINS; id++) {
        _cleanup_free_ char *path = aside_path(bpffs, id);
        if (path)
            unlink(path);
    }
    _cleanup_free_ char *folder = job_path(bpffs, JOB_ASIDE_DIR);
    if (folder)
        rmdir(folder);
}

int aside_open(struct job *job)
{
    aside_clear(job->options->bpffs);
    _cleanup_free_ char *folder = job_path(job->options->bpffs, JOB_ASIDE_DIR);
    return folder ? bpffs_mkdir(folder, 0700, &job->undo, job->fault) : -ENOMEM;
}

int aside_pin(struct job *job, enum pin_id id, int fd)
{
    _cleanup_free_ char *path = aside_path(job->options->bpffs, id);
    int r = path ? undo_plan(&job->undo, UNDO_UNLINK, path, -1, -1, NULL) : -ENOMEM;
    if (r < 0)
        return r;
    r = bpf_obj_pin(fd, path);
    if (r < 0)
        return fault_set(job->fault, r, "cannot pin %s: %s", path, strerror(-r));
    undo_arm(&job->undo);
    return bpffs_own(path, 0, 0, 0600, &job->undo, job->fault);
}

static int plan_return(struct job *job, enum pin_id id, const char *aside, const char *path)
{
    struct undo_step *step;
    int r = undo_plan(&job->undo, job->found[id] < 0 ? UNDO_UNLINK : UNDO_REPIN, path, job->found[id], -1, &step);
    if (r < 0 || job->found[id] < 0)
        return r;
    step->aside = strdup(aside);
    if (!step->aside)
        return -ENOMEM;
    return stat(path, &step->old) < 0 ? -errno : 0;
}

static int move(struct job *job, enum pin_id id)
{
    _cleanup_free_ char *aside = aside_path(job->options->bpffs, id);
    _cleanup_free_ char *path = job_path(job->options->bpffs, pins[id].path);
    if (!aside || !path)
        return -ENOMEM;
    if (access(aside, F_OK) < 0)
        return errno == ENOENT ? 0 : -errno;
    int r = plan_return(job, id, aside, path);
    if (r < 0)
        return r;
    if (rename(aside, path) < 0)
        return fault_set(job->fault, -errno, "cannot put the new pin at %s: %s", path, strerror(errno));
    undo_arm(&job->undo);
    return 0;
}

int aside_move(struct job *job)
{
    int r = 0;
    for (int id = 0; id < PINS && r == 0; id++)
        r = move(job, id);
    return r;
}
