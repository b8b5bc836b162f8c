/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "scale.h"

#include <stdio.h>

#include "candidates.h"
#include "cleanup.h"
#include "cpu.h"
#include "fd.h"
#include "lo_traffic.h"
#include "results.h"
#include "run_time.h"
#include "scale_state.h"
#include "scale_whole.h"
#include "test_run.h"
#include "traffic_abi.h"

#define REPEAT 50000
#define FLOW 16 /* packets of a socket in a row */

const unsigned scale_sizes[SCALE_SIZES] = {10, 100, 1000, TURNS_UIDS};
/* The last one is there to tell apart what the age of answers costs from what caches cost. */
const enum who scale_lines[SCALE_LINES] = {EMPTY, NETD_9, NETD_15, SHARED, PERCPU, SHARED_AGELESS};

/* ns of one round of one, with so many UIDs, or -1. */
typedef double (*one_fn)(const struct scale *scale, size_t size, int line);

static double run_alone(const struct scale *scale, size_t size, int line)
{
    return test_run(&scale->competitors[size][line], true, APP, REPEAT);
}

static double run_turns(const struct scale *scale, size_t size, int line)
{
    return turns_run(scale->world, &scale->turns, &scale->competitors[size][line], scale_sizes[size], 1);
}

static double run_flows(const struct scale *scale, size_t size, int line)
{
    return turns_run(scale->world, &scale->turns, &scale->competitors[size][line], scale_sizes[size], FLOW);
}

static int measure(struct scale *scale, one_fn one)
{
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t size = 0; size < SCALE_SIZES; size++) {
            for (int line = 0; line < SCALE_LINES; line++) {
                scale->figures[size][line].round[round] = one(scale, size, line);
                if (scale->figures[size][line].round[round] < 0)
                    return 1;
            }
        }
    }
    for (size_t size = 0; size < SCALE_SIZES; size++)
        for (int line = 1; line < SCALE_LINES; line++)
            scale->figures[size][line] = figure_less(&scale->figures[size][line], &scale->figures[size][0]);
    return 0;
}

static bool is_promised(enum who who)
{
    return who == SHARED || who == PERCPU;
}

static void tell(const struct scale *scale)
{
    static const struct aim aim = {LESS, 1.1};

    for (int line = 1; line < SCALE_LINES; line++)
        for (size_t size = 0; size < SCALE_SIZES; size++)
            results_point(candidate_names[scale_lines[line]], scale_sizes[size], &scale->figures[size][line]);
    for (int line = 1; line < SCALE_LINES; line++) {
        const struct figure ratio = figure_ratio(&scale->figures[SCALE_SIZES - 1][line], &scale->figures[0][line]);
        char what[96];

        snprintf(what, sizeof(what), "%s, 10,000 UIDs / 10", candidate_names[scale_lines[line]]);
        results_ratio(what, &ratio, is_promised(scale_lines[line]) ? &aim : NULL);
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

    for (size_t size = 0; size < SCALE_SIZES && r == 0; size++)
        for (int line = 0; line < SCALE_LINES && r == 0; line++)
            r = lo_tag(&scale->competitors[size][line], scale->turns.fds, scale_sizes[size], APP);
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
    results_note("With 10,000 sockets the turn comes so seldom that all maps are asked once for each sixteen packets.");
    return 0;
}

/* The clock on programs is off where the whole way is measured. */
static int compare_by_clock(struct scale *scale)
{
    _cleanup_fd_ int stats = run_time_switch_on();

    return stats < 0 || compare_turns(scale) || compare_flows(scale);
}

static int load(struct scale *scale)
{
    for (size_t size = 0; size < SCALE_SIZES; size++) {
        for (int line = 0; line < SCALE_LINES; line++) {
            const struct candidate how = {
                .who = scale_lines[line], .chains = TCTL_NETD_CHAINS, .listed = scale_sizes[size], .rows = true};

            if (competitor_load(&how, &scale->competitors[size][line]) < 0 ||
                test_run_check(&scale->competitors[size][line]) < 0)
                return 1;
        }
    }
    return 0;
}

static int compare(struct scale *scale)
{
    return load(scale) || compare_alone(scale) || open_world(scale) < 0 || compare_by_clock(scale) ||
           scale_whole_compare(scale);
}

int scale_compare(void)
{
    static struct scale scale;
    cpu_set_t before;
    int failed;

    for (size_t size = 0; size < SCALE_SIZES; size++)
        for (int line = 0; line < SCALE_LINES; line++)
            scale.competitors[size][line] = (struct competitor)NO_COMPETITOR;
    turns_init(&scale.turns);
    cpu_stay(CPU_LAST, &before);
    failed = compare(&scale);
    turns_close(&scale.turns);
    scale.world = world_free(scale.world);
    for (size_t size = 0; size < SCALE_SIZES; size++)
        for (int line = 0; line < SCALE_LINES; line++)
            competitor_done(&scale.competitors[size][line]);
    sched_setaffinity(0, sizeof(before), &before);
    return failed;
}
