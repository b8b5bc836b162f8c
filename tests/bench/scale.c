/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "scale.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "candidates.h"
#include "cleanup.h"
#include "cpu.h"
#include "fd.h"
#include "lo_traffic.h"
#include "results.h"
#include "run_time.h"
#include "scale_turns.h"
#include "test_run.h"

#define REPEAT 50000
#define FLOW 16 /* packets of a socket in a row */

static const unsigned sizes[] = {10, 100, 1000, TURNS_UIDS};
#define SIZES ARRAY_SIZE(sizes)

struct scale {
    struct competitor competitors[SIZES][COMPARED];
    struct world *world;
    struct turns turns;
    struct figure figures[SIZES][COMPARED];
};

/* ns of one round of one, with so many UIDs, or -1. */
typedef double (*one_fn)(const struct scale *scale, size_t size, enum who who);

static double run_alone(const struct scale *scale, size_t size, enum who who)
{
    return test_run(&scale->competitors[size][who], true, APP, REPEAT);
}

static double run_turns(const struct scale *scale, size_t size, enum who who)
{
    return turns_run(scale->world, &scale->turns, &scale->competitors[size][who], sizes[size], 1);
}

static double run_flows(const struct scale *scale, size_t size, enum who who)
{
    return turns_run(scale->world, &scale->turns, &scale->competitors[size][who], sizes[size], FLOW);
}

static int measure(struct scale *scale, one_fn one)
{
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t size = 0; size < SIZES; size++) {
            for (enum who who = EMPTY; who < COMPARED; who++) {
                double ns = one(scale, size, who);

                if (ns < 0)
                    return 1;
                scale->figures[size][who].round[round] = ns;
            }
        }
    }
    for (size_t size = 0; size < SIZES; size++)
        for (enum who who = EMPTY + 1; who < COMPARED; who++)
            scale->figures[size][who] = figure_less(&scale->figures[size][who], &scale->figures[size][EMPTY]);
    return 0;
}

static void tell(const struct scale *scale)
{
    static const struct aim aim = {LESS, 1.1};

    for (enum who who = EMPTY + 1; who < COMPARED; who++)
        for (size_t size = 0; size < SIZES; size++)
            results_point(candidate_names[who], sizes[size], &scale->figures[size][who]);
    for (enum who who = EMPTY + 1; who < COMPARED; who++) {
        const struct figure ratio = figure_ratio(&scale->figures[SIZES - 1][who], &scale->figures[0][who]);
        char what[96];

        snprintf(what, sizeof(what), "%s, 10,000 UIDs / 10", candidate_names[who]);
        results_ratio(what, &ratio, who >= SHARED ? &aim : NULL);
    }
}

static int compare_alone(struct scale *scale)
{
    static const struct table table = {
        .id = "scale_program",
        .title = "Many UIDs in the maps",
        .unit = "ns",
        .how = "BPF_PROG_TEST_RUN of the outgoing program, one socket, tagged, while so many UIDs are on the lists of "
               "three chains and have rows of counters; less the empty program.",
        .x = "UIDs",
    };

    if (measure(scale, run_alone))
        return 1;
    results_table(&table);
    tell(scale);
    return 0;
}

static int open_world(struct scale *scale)
{
    const struct world_options options = {.no_daemon = true};
    int r = world_new(&options, &scale->world) ?: turns_open(scale->world, &scale->turns);

    for (size_t size = 0; size < SIZES && r == 0; size++)
        for (enum who who = EMPTY; who < COMPARED && r == 0; who++)
            r = lo_tag(&scale->competitors[size][who], scale->turns.fds, sizes[size], APP);
    return r;
}

#define TURNS_HOW                                                                                                      \
    "The kernel's own time of the outgoing program on loopback: a socket of each UID in turn, tagged, three chains "   \
    "on; "                                                                                                             \
    "less the empty program over the same sockets. Of each "

static int compare_turns(struct scale *scale)
{
    static const struct table table = {
        .id = "scale_turns",
        .title = "Many UIDs, one packet of each in turn",
        .unit = "ns",
        .how = TURNS_HOW "one small packet.",
        .x = "UIDs",
    };

    if (measure(scale, run_turns))
        return 1;
    results_table(&table);
    tell(scale);
    results_note("The worst there is. With 10,000 sockets nothing of a socket's is in the CPU's nearer caches when its "
                 "turn comes, whoever counts; and it comes so seldom that a part of the packets find their stored "
                 "answer older than 100 ms, and all maps are asked.");
    return 0;
}

static int compare_flows(struct scale *scale)
{
    static const struct table table = {
        .id = "scale_flows",
        .title = "Many UIDs, 16 packets of each in turn",
        .unit = "ns",
        .how = TURNS_HOW "16 small packets.",
        .x = "UIDs",
    };

    if (measure(scale, run_flows))
        return 1;
    results_table(&table);
    tell(scale);
    return 0;
}

static int compare_traffic(struct scale *scale)
{
    _cleanup_fd_ int stats = run_time_switch_on();

    return stats < 0 || open_world(scale) < 0 || compare_turns(scale) || compare_flows(scale);
}

int scale_compare(void)
{
    struct scale *scale = calloc(1, sizeof(*scale));
    cpu_set_t before;
    int failed = !scale;

    if (!scale)
        return 1;
    cpu_stay(CPU_LAST, &before);
    for (size_t size = 0; size < SIZES; size++)
        for (enum who who = EMPTY; who < COMPARED; who++)
            scale->competitors[size][who] = (struct competitor)NO_COMPETITOR;
    for (size_t size = 0; size < SIZES && !failed; size++)
        failed = competitors_load(sizes[size], true, scale->competitors[size]) < 0;
    failed = failed || compare_alone(scale) || compare_traffic(scale);
    turns_close(&scale->turns);
    world_free(scale->world);
    for (size_t size = 0; size < SIZES; size++)
        competitors_done(scale->competitors[size]);
    sched_setaffinity(0, sizeof(before), &before);
    free(scale);
    return failed;
}
