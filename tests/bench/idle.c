/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "idle.h"

#include <errno.h>
#include <libgen.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "fd.h"
#include "results.h"
#include "tasks.h"
#include "world.h"

#define AIM_WAKEUPS 0
/* trafficd(8), "Wake-ups": the look at what is attached. The other timer of one that idles is of five minutes. */
#define LOOKS_PER_S 2
#define SETTLE_S 2 /* addresses of new interfaces */
#define WINDOWS 3  /* until nobody disturbs */
#define WINDOW_S 12

struct idle {
    struct tasks trafficd, child;
    bool disturbed;
};

static struct tasks less(const struct tasks *a, const struct tasks *b)
{
    return (struct tasks){.wakeups = a->wakeups - b->wakeups, .cpu_ms = a->cpu_ms - b->cpu_ms};
}

static int see(const struct world *world, struct idle *ret_idle)
{
    pid_t child;
    int r = tasks_child_of(world->daemon, &child);

    *ret_idle = (struct idle){0};
    if (r == 0)
        r = tasks_add(world->daemon, &ret_idle->trafficd);
    return r < 0 ? r : tasks_add(child, &ret_idle->child);
}

/* trafficd watches the folder that its control group is in: what others do there is no idling. */
static int watch_neighbours(const struct world *world)
{
    char folder[sizeof(world->cgroup)];
    _cleanup_fd_ int events = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

    snprintf(folder, sizeof(folder), "%s", world->cgroup);
    if (events < 0 || inotify_add_watch(events, dirname(folder), IN_CREATE | IN_DELETE | IN_MOVE) < 0)
        return -errno;
    return fd_take(&events);
}

static int look_once(const struct world *world, struct idle *ret_idle)
{
    _cleanup_fd_ int neighbours = watch_neighbours(world);
    struct pollfd disturbed = {.fd = neighbours, .events = POLLIN};
    struct idle before, after;
    int r = neighbours < 0 ? neighbours : see(world, &before);

    if (r < 0)
        return r;
    sleep(WINDOW_S);
    r = see(world, &after);
    ret_idle->trafficd = less(&after.trafficd, &before.trafficd);
    ret_idle->child = less(&after.child, &before.child);
    ret_idle->disturbed = poll(&disturbed, 1, 0) > 0;
    return r;
}

static int look(const struct world *world, struct idle *ret_idle)
{
    int r = 0;

    *ret_idle = (struct idle){.disturbed = true};
    for (int window = 0; window < WINDOWS && r == 0 && ret_idle->disturbed; window++)
        r = look_once(world, ret_idle);
    return r;
}

static void tell(const struct idle *idle)
{
    static const struct table table = {
        .id = "idle",
        .title = "trafficd while nothing happens",
        .unit = "per minute",
        .how = "Twelve seconds: how often its threads, and those of its child, slept and went on, and their CPU time.",
    };
    static const struct aim aim = {LESS, AIM_WAKEUPS};
    const double minutes = WINDOW_S / 60.0, wakeups = (double)(idle->trafficd.wakeups + idle->child.wakeups);
    const double looks = LOOKS_PER_S * WINDOW_S + 1; /* as many as there may be in that time */

    results_table(&table);
    results_number("trafficd, wake-ups", (double)idle->trafficd.wakeups / minutes, "per minute", NULL);
    results_number("its child, wake-ups", (double)idle->child.wakeups / minutes, "per minute", NULL);
    results_number("beyond documented timers", wakeups > looks ? (wakeups - looks) / minutes : 0, "per minute", &aim);
    results_number("trafficd, CPU", idle->trafficd.cpu_ms / minutes, "ms per minute", NULL);
    results_number("its child, CPU", idle->child.cpu_ms / minutes, "ms per minute", NULL);
    results_note("trafficd looks twice a second at what is attached, since the kernel tells nobody of a link that is "
                 "detached; its other timer is of five minutes.");
    if (idle->disturbed)
        results_note(
            "Somebody made or removed control groups beside its own meanwhile: each of that wakes trafficd up.");
}

int idle_compare(void)
{
    const struct world_options options = {};
    struct world *world = NULL;
    struct idle idle;

    if (world_new(&options, &world) < 0)
        return 1;
    sleep(SETTLE_S);
    int r = look(world, &idle);
    world_free(world);
    if (r == 0)
        tell(&idle);
    return r < 0;
}
