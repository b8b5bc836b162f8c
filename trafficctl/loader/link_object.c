/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "link_object.h"

#include <errno.h>

int link_object_load(struct job *job, struct fault *why)
{
    (void)job;
    return fault_set(why, -ENOTSUP, "not built yet");
}
