/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The file system of the pins. */
#pragma once

#include <stdbool.h>

#include "fault.h"
#include "undo.h"

/*
 * Make sure that dir is a bpffs: it is one already, or it is an empty directory where one may be mounted (0700, as
 * systemd does; needs CAP_SYS_ADMIN). -EMEDIUMTYPE: anything else is there; -ENOENT; -EPERM.
 */
int bpffs_prepare(const char *dir, struct undo *undo, struct fault *fault);

/* Nothing is mounted on dir, and it is empty: bpffs_prepare() would mount. */
bool bpffs_is_missing(const char *dir);

/* Is dir a bpffs? -EMEDIUMTYPE, with what it is instead. */
int bpffs_check(const char *dir, struct fault *fault);

/* Let everybody pass through the root of the bpffs (0711 where systemd gave 0700), so that groups reach their pins. */
int bpffs_open_root(const char *dir, struct undo *undo, struct fault *fault);

/* Set owner and mode, unless they are so already. */
int bpffs_own(const char *path, uid_t uid, gid_t gid, mode_t mode, struct undo *undo, struct fault *fault);

/* mkdir unless it is there. Mode is set whatever the umask. */
int bpffs_mkdir(const char *path, mode_t mode, struct undo *undo, struct fault *fault);
