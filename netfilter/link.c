/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "link.h"

#include <errno.h>

int link_put(const char *bpffs, struct fault *fault)
{
    return fault_set(fault, -ENOTSUP, "%s: not built yet", bpffs);
}

int link_look(const char *bpffs, uint32_t *ret_there, struct fault *fault)
{
    *ret_there = 0;
    return fault_set(fault, -ENOTSUP, "%s: not built yet", bpffs);
}

int link_remove(const char *bpffs, struct fault *fault)
{
    (void)bpffs;
    (void)fault;
    return 0;
}
