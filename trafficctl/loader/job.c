/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "job.h"

#include <stdio.h>
#include <stdlib.h>

#include <traffic.skel.h>

#include "fd.h"
#include "link_object.h"

struct job *job_new(const struct load_options *options, load_warn_fn warn, struct fault *fault)
{
    struct job *job = calloc(1, sizeof(*job));
    if (!job)
        return NULL;
    job->options = options;
    job->warn = warn;
    job->fault = fault ? fault : &job->unheard;
    job->cgroup_fd = -1;
    job->running_fd = -1;
    for (int id = 0; id < PINS; id++)
        job->found[id] = job->grow.leftover[id] = -1;
    return job;
}

void job_freep(struct job **job)
{
    if (!*job)
        return;
    link_object_free((*job)->links);
    traffic__destroy((*job)->skeleton);
    fd_close((*job)->cgroup_fd);
    fd_close((*job)->running_fd);
    for (int id = 0; id < PINS; id++) {
        fd_close((*job)->found[id]);
        fd_close((*job)->grow.leftover[id]);
    }
    free(*job);
}

void job_warn(const struct job *job, const char *text)
{
    if (job->warn)
        job->warn(text);
}

char *job_path(const char *bpffs, const char *below)
{
    char *path;
    return asprintf(&path, "%s/%s", bpffs, below) < 0 ? NULL : path;
}
