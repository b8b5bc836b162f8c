/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "start.h"

#include <signal.h>
#include <time.h>

#include "results.h"
#include "tasks.h"
#include "world.h"

enum way { FRESH, AGAIN, WAYS };

struct figures {
    struct figure ready, cpu;
};

/* ms until READY, and of CPU of trafficd until then: its child is another process. */
static int start(struct world *world, int round, struct figures *figures)
{
    struct timespec begin, end;
    struct tasks tasks = {0};

    clock_gettime(CLOCK_MONOTONIC, &begin);
    int r = world_start_daemon(world);
    clock_gettime(CLOCK_MONOTONIC, &end);
    if (r == 0)
        r = tasks_add(world->daemon, &tasks);
    figures->ready.round[round] =
        (double)(end.tv_sec - begin.tv_sec) * 1e3 + (double)(end.tv_nsec - begin.tv_nsec) / 1e6;
    figures->cpu.round[round] = tasks.cpu_ms;
    return r < 0 ? r : world_stop_daemon(world, SIGTERM, NULL);
}

static int measure(struct world *world, struct figures figures[WAYS])
{
    int r = 0;

    for (int round = 0; round < ROUNDS && r == 0; round++) {
        r = start(world, round, &figures[FRESH]);
        if (r == 0)
            r = start(world, round, &figures[AGAIN]);
        if (r == 0)
            r = world_run(world, PLACE_A, TCTL_BUILD "/trafficctl --bpffs %s unload", world->bpffs);
    }
    return r;
}

static void tell(struct figures figures[WAYS])
{
    static const struct table
        ready =
            {
                .id = "start",
                .title = "trafficd from its start until READY",
                .unit = "ms",
                .how =
                    "First with nothing pinned: maps are made, programs verified and attached. Then over the pins of a "
                    "trafficd that was stopped: programs are verified and replaced.",
            },
        cpu = {.id = "start_cpu",
               .title = "CPU of trafficd until READY",
               .unit = "ms",
               .how = "Of the same starts; most of it is the kernel's verifier."};
    static const char *const names[WAYS] = {"nothing pinned", "over existing pins"};

    results_table(&ready);
    for (enum way way = FRESH; way < WAYS; way++) {
        figure_finish(&figures[way].ready);
        results_figure(names[way], &figures[way].ready);
    }
    results_table(&cpu);
    for (enum way way = FRESH; way < WAYS; way++) {
        figure_finish(&figures[way].cpu);
        results_figure(names[way], &figures[way].cpu);
    }
}

int start_compare(void)
{
    const struct world_options options = {.no_daemon = true};
    struct figures figures[WAYS] = {};
    struct world *world = NULL;

    if (world_new(&options, &world) < 0)
        return 1;
    int r = measure(world, figures);
    world_free(world);
    if (r == 0)
        tell(figures);
    return r < 0;
}
