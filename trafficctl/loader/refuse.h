/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What to tell a user when the kernel says no: a bare errno does not say what is missing. */
#pragma once

#include "job.h"

/*
 * Put into the job's fault why the kernel refuses what: a part that it lacks, memory, a map that is too large; else
 * why. Returns -ENOTSUP if a part is lacking, else err.
 */
int refuse(const struct job *job, int err, const char *what, const char *why);

/* -EMFILE, and which limit to raise. */
int refuse_files(struct fault *fault);
