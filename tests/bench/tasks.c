/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "tasks.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fd.h"

#define SLEPT "\nvoluntary_ctxt_switches:"

static int read_of_task(pid_t pid, const char *task, const char *name, char **ret_text)
{
    char path[320];

    snprintf(path, sizeof(path), "/proc/%d/task/%s/%s", (int)pid, task, name);
    return fd_read_file(path, 64 * 1024, ret_text);
}

static int add_task(pid_t pid, const char *task, struct tasks *sum)
{
    _cleanup_free_ char *status = NULL, *cpu = NULL;
    int r = read_of_task(pid, task, "status", &status);

    if (r == 0)
        r = read_of_task(pid, task, "schedstat", &cpu);
    if (r < 0)
        return r;
    const char *slept = strstr(status, SLEPT);
    if (!slept || !cpu)
        return -ENODATA;
    sum->wakeups += strtoull(slept + strlen(SLEPT), NULL, 10);
    sum->cpu_ms += (double)strtoull(cpu, NULL, 10) / 1e6;
    return 0;
}

int tasks_add(pid_t pid, struct tasks *sum)
{
    char path[32];
    int r = 0;

    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *folder = opendir(path);
    if (!folder)
        return -errno;
    for (struct dirent *task; r == 0 && (task = readdir(folder));)
        if (*task->d_name != '.')
            r = add_task(pid, task->d_name, sum);
    closedir(folder);
    return r;
}

int tasks_child_of(pid_t pid, pid_t *ret_child)
{
    char task[16];
    _cleanup_free_ char *text = NULL;

    snprintf(task, sizeof(task), "%d", (int)pid);
    int r = read_of_task(pid, task, "children", &text);
    if (r < 0)
        return r;
    *ret_child = (pid_t)strtol(text, NULL, 10);
    return *ret_child > 0 ? 0 : -ESRCH;
}
