/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What is mounted where, by /proc/self/mountinfo. */
#pragma once

#include <stdbool.h>

/* First mount point of a file system type; malloc'ed, owned by the caller. -ENOENT: there is none. */
int mounts_find(const char *type, char **ret_path);

/* File system type at path ("tmpfs"), for messages; malloc'ed, owned by the caller. -ENOENT: not found out. */
int mounts_type_of(const char *path, char **ret_type);

/* Does the kernel have this type of file system, by /proc/filesystems? */
bool mounts_knows(const char *type);
