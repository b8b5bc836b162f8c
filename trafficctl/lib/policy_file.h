/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A policy as a file, in the words of policy_text.h. */
#pragma once

#include "fault.h"
#include "policy.h"

/* Beside the file: what was last read or written whole and put into the maps. */
#define POLICY_FILE_GOOD ".good"

/* A policy is never longer: 16 MiB. */
#define POLICY_FILE_MAX (16 << 20)

/*
 * Read a policy; *ret_policy is owned by the caller. -ENOENT: there is no file; -EBADMSG: torn, not a policy, too long,
 * no plain file (a symbolic link is none), or one that somebody other than root and the caller owns, may write to or
 * may put another in the place of (trusted.h), which is asked also where there is none: fault says "PATH:LINE: what is
 * wrong" (no line where none is); -ENOMEM, -errno of open(2) and read(2).
 */
int policy_file_read(const char *path, struct policy *ret_policy, struct fault *fault);

/*
 * Replace the file: a new one beside it (PATH.new, mode 0600), fsync, rename, fsync of its folder, which is made (0755)
 * if it is missing. Whoever reads sees the old file or the new one, also after a crash; the writers' lock is the
 * caller's. -EINVAL as policy_text_print(); -EBADMSG: somebody else may put another in its place; -EFBIG: longer than
 * POLICY_FILE_MAX; -errno, and fault says at what. A failure has left the old file, but for one of the last fsync: the
 * new file is there, and may not outlive a crash.
 */
int policy_file_write(const char *path, const struct policy *policy, struct fault *fault);

/* Take the file away, for good also after a crash; none is fine. -errno, and fault says at what. */
int policy_file_remove(const char *path, struct fault *fault);
