/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fd.h"
#include "results.h"
#include "world.h"

#define AIM_KIB 4096

static int field(const char *status, const char *name, long *ret_kib)
{
    const char *line = strstr(status, name);

    if (!line)
        return -ENODATA;
    *ret_kib = strtol(line + strlen(name), NULL, 10);
    return 0;
}

int memory_of(pid_t pid, struct memory *ret_memory)
{
    char path[32];
    _cleanup_free_ char *text = NULL;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    int r = fd_read_file(path, 64 * 1024, &text);
    if (r == 0)
        r = field(text, "\nVmRSS:", &ret_memory->resident);
    return r < 0 ? r : field(text, "\nRssAnon:", &ret_memory->anonymous);
}

/* The only child that trafficd has. */
static int server_of(pid_t trafficd, pid_t *ret_server)
{
    char path[64];
    _cleanup_free_ char *text = NULL;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)trafficd, (int)trafficd);
    int r = fd_read_file(path, 4096, &text);
    if (r < 0)
        return r;
    *ret_server = (pid_t)strtol(text, NULL, 10);
    return *ret_server > 0 ? 0 : -ESRCH;
}

static int weigh(struct memory *ret_trafficd, struct memory *ret_server)
{
    struct world_options options = {};
    struct world *world = NULL;
    pid_t server = 0;

    int r = world_new(&options, &world);
    if (r < 0)
        return r;
    r = memory_of(world->daemon, ret_trafficd);
    if (r == 0)
        r = server_of(world->daemon, &server);
    if (r == 0)
        r = memory_of(server, ret_server);
    world_free(world);
    return r;
}

int memory_compare(void)
{
    static const struct table table = {
        .id = "memory",
        .title = "Memory of trafficd after READY",
        .unit = "KiB",
        .how =
            "VmRSS, and of it RssAnon, as /proc says. The child serves the socket; pages that are still its parent's "
            "too are in both.",
    };
    static const struct aim aim = {LESS, AIM_KIB};
    struct memory trafficd, server;

    if (weigh(&trafficd, &server) < 0)
        return 1;
    results_table(&table);
    results_number("trafficd, VmRSS", (double)trafficd.resident, "KiB", &aim);
    results_number("trafficd, RssAnon", (double)trafficd.anonymous, "KiB", NULL);
    results_number("its child, VmRSS", (double)server.resident, "KiB", NULL);
    results_number("its child, RssAnon", (double)server.anonymous, "KiB", NULL);
    return 0;
}
