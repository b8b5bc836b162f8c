/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fd.h"
#include "results.h"
#include "tasks.h"
#include "world.h"

#define AIM_KIB 4096
/* Groups that there are, as after an installation: for others libc asks every module that nsswitch.conf names. */
#define GROUPS "accounting_group = daemon\nread_group = daemon\n"

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

static int weigh(const char *config, struct memory *ret_trafficd, struct memory *ret_server)
{
    struct world_options options = {.config = config};
    struct world *world = NULL;
    pid_t server = 0;

    int r = world_new(&options, &world);
    if (r < 0)
        return r;
    r = memory_of(world->daemon, ret_trafficd);
    if (r == 0)
        r = tasks_child_of(world->daemon, &server);
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
    struct memory trafficd = {}, server = {}, lacking = {}, lacking_server = {};

    if (weigh(GROUPS, &trafficd, &server) < 0 || weigh(NULL, &lacking, &lacking_server) < 0)
        return 1;
    results_table(&table);
    results_number("trafficd, VmRSS", (double)trafficd.resident, "KiB", &aim);
    results_number("trafficd, RssAnon", (double)trafficd.anonymous, "KiB", NULL);
    results_number("its child, VmRSS", (double)server.resident, "KiB", NULL);
    results_number("its child, RssAnon", (double)server.anonymous, "KiB", NULL);
    results_number("trafficd, VmRSS, without its groups", (double)lacking.resident, "KiB", NULL);
    results_note("Nine tenths are pages of libraries' and its own file, which others have too. Where a group that is "
                 "configured is not in /etc/group, libc looks for it in all that nsswitch.conf names, and keeps those "
                 "modules: libnss_systemd, libm and libcap are what is more.");
    return 0;
}
