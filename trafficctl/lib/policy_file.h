/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * A policy as a file. Lines, in this order, each chain's and each UID's ascending:
 *
 *   trafficctl policy 1
 *   enable CHAIN
 *   allow CHAIN UID        (chains that are allow lists)
 *   deny CHAIN UID         (the others)
 *   iif UID IFACE|any
 *   lockdown UID
 *   metered IFACE
 *   end
 *
 * The order is not asked for when reading, but the first line and the last are: a file that was cut anywhere is
 * refused. Blank lines and lines that begin with # are skipped. UIDs are decimal. Interface names have no blanks, as in
 * the kernel.
 */
#pragma once

#include "fault.h"
#include "policy.h"

/* Beside the file: what was last read or written whole and put into the maps. */
#define POLICY_FILE_GOOD ".good"

/* A policy is never longer: 16 MiB. */
#define POLICY_FILE_MAX (16 << 20)

/*
 * Read a policy; *ret_policy is owned by the caller. -ENOENT: there is no file; -EBADMSG: torn, foreign, too long, a
 * directory, or another than its owner may write to it: fault says "PATH:LINE: what is wrong" (no line where none is);
 * -ENOMEM, -errno of open(2) and read(2).
 */
int policy_file_read(const char *path, struct policy *ret_policy, struct fault *fault);

/* The same of text in memory, for tests and the fuzzer; name is how the fault calls it. */
int policy_file_parse(const char *name, const char *text, size_t length, struct policy *ret_policy,
                      struct fault *fault);

/*
 * Replace the file: a new one beside it (mode 0600), fsync, rename, fsync of its folder, which is made (0755) if it is
 * missing. Whoever reads sees the old file or the new one, also after a crash. -errno, and fault says at what.
 */
int policy_file_write(const char *path, const struct policy *policy, struct fault *fault);
