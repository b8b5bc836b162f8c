/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fd.h"
#include "world.h"

static long resident_kib(pid_t pid)
{
    char path[32];
    _cleanup_free_ char *text = NULL;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    int r = fd_read_file(path, 64 * 1024, &text);
    if (r < 0)
        return r;
    const char *line = strstr(text, "\nVmRSS:");
    return line ? strtol(line + strlen("\nVmRSS:"), NULL, 10) : -ENODATA;
}

long memory_after_ready(void)
{
    struct world_options options = {};
    struct world *world = NULL;

    int r = world_new(&options, &world);
    if (r < 0)
        return r;
    long resident = resident_kib(world->daemon);
    world_free(world);
    return resident;
}
