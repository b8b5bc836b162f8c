/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The two locks below the bpffs: of writers, held for moments, and of a running trafficd, held for its life. */
#pragma once

#include "fault.h"
#include "undo.h"

/*
 * Lock the folder trafficctl/ against other loaders and writers of policy, waiting a few seconds. With undo it is made
 * if it is missing, without -ENOENT. The caller closes *ret_fd. -EBUSY, with the pid of the holder; -ESTALE: the holder
 * before removed the folder, look again at what is there.
 */
int lock_folder(const char *bpffs, struct undo *undo, int *ret_fd, struct fault *fault);

/* Lock any directory, waiting as long. */
int lock_wait(int fd, struct fault *fault);

/* Take the lock of a running trafficd, at once. Needs the lock of the folder. -EBUSY, with the other's pid and todo. */
int lock_running(const char *bpffs, const char *todo, struct undo *undo, int *ret_fd, struct fault *fault);
