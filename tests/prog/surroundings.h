/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What a start finds and may not touch: files of a bpffs, programs of a cgroup, and processes beside it. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/* Every file below path with inode, owner and mode, one a line. malloc'ed, owned by the caller. */
char *surroundings_list(const char *path);

#define SURROUNDINGS_MAX 8
struct attached {
    uint32_t count;
    uint32_t ids[SURROUNDINGS_MAX]; /* of programs */
};
/* What hangs on a cgroup itself at BPF_CGROUP_INET_INGRESS or another attach type. */
struct attached surroundings_attached(const char *cgroup, uint32_t attach_type);

/* Attach a program of the test's own that suffers no other; surroundings_detach() takes it away. */
void surroundings_attach_alone(const char *cgroup, uint32_t attach_type);
void surroundings_detach(const char *cgroup, uint32_t attach_type);

/* Run a function in a child process, which ends with what it returns. Not to be used for asserts of cmocka. */
typedef int (*child_fn)(void *context);
pid_t surroundings_fork(child_fn run, void *context);
/* Exit status of a child; the test fails if it died otherwise. */
int surroundings_wait(pid_t child);
