/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The programs and their maps, from the file into the kernel. */
#pragma once

#include "job.h"

/* Open them, find out what this kernel can do, and examine what is pinned. Errors of examine_pins(); -errno. */
int programs_prepare(struct job *job);

/* Load them over the maps that were found. -ENOTSUP: the kernel lacks a needed part; -E2BIG, -ENOMEM, -EPERM, -errno.
 */
int programs_load(struct job *job);
