/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "job.h"

#include <stdio.h>

char *job_path(const char *bpffs, const char *below)
{
    char *path;
    return asprintf(&path, "%s/%s", bpffs, below) < 0 ? NULL : path;
}
