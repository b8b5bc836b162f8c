/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "cpus.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "both_cpus.h"
#include "candidates.h"
#include "cleanup.h"
#include "clock.h"
#include "lo_traffic.h"
#include "results.h"
#include "test_run.h"

#define REPEAT 100000
#define WARM_NS INT64_C(5000000)
#define WINDOW_NS INT64_C(50000000)

enum load { ONE_CPU, ONE_UID, TWO_UIDS, LOADS };

static const char *const load_names[LOADS] = {"one CPU", "two CPUs, one UID", "two CPUs, two UIDs"};

/* The last line is that nothing is attached, which the programs alone have not. */
enum { NOTHING = COMPARED, LINES };

/* Worker number n: sockets 2n (sends) and 2n + 1 of that UID. */
struct job {
    const struct competitor *competitor;
    enum load load;
    const int *fds;
};

static double run_program(void *context, int number)
{
    const struct job *job = context;
    double ns = test_run(job->competitor, true, APP + (job->load == TWO_UIDS && number), REPEAT);

    return ns < 0 ? -1 : 1e9 / ns;
}

static double rate_for(int from, int to, int64_t ns)
{
    int64_t start = clock_now_ns(), elapsed = 0, packets = 0;

    for (; elapsed < ns; elapsed = clock_now_ns() - start) {
        int r = lo_pass(from, to, LO_BURST);

        if (r < 0) {
            fprintf(stderr, "bench: loopback: %s\n", strerror(-r));
            return -1;
        }
        packets += LO_BURST;
    }
    return (double)packets * 1e9 / (double)elapsed;
}

/* Sockets 0 to 3 are the first UID's, 4 and 5 the second's. */
static double run_traffic(void *context, int number)
{
    const struct job *job = context;
    const int *pair = job->fds + (number == 0 ? 0 : job->load == TWO_UIDS ? 4 : 2);

    return rate_for(pair[0], pair[1], WARM_NS) < 0 ? -1 : rate_for(pair[0], pair[1], WINDOW_NS);
}

static void tell_loads(const char *name, const struct figure rates[LOADS])
{
    for (enum load load = ONE_CPU; load < LOADS; load++) {
        char line[96];

        snprintf(line, sizeof(line), "%s, %s", name, load_names[load]);
        results_figure(line, &rates[load]);
    }
}

static struct figure gain(const struct figure rates[LOADS], enum load load)
{
    return figure_ratio(&rates[load], &rates[ONE_CPU]);
}

static void tell_gain(const char *name, const struct figure rates[LOADS], enum load load, const struct aim *aim)
{
    const struct figure ratio = gain(rates, load);
    char line[96];

    snprintf(line, sizeof(line), "%s, %s / %s", name, load_names[load], load_names[ONE_CPU]);
    results_ratio(line, &ratio, aim);
}

static int measure_programs(const struct competitor competitors[COMPARED], struct figure rates[COMPARED][LOADS])
{
    for (int round = 0; round < ROUNDS; round++) {
        for (enum load load = ONE_CPU; load < LOADS; load++) {
            for (enum who who = EMPTY; who < COMPARED; who++) {
                struct job job = {.competitor = &competitors[who], .load = load};

                rates[who][load].round[round] = both_cpus(load != ONE_CPU, run_program, &job);
                if (rates[who][load].round[round] < 0)
                    return 1;
            }
        }
    }
    return 0;
}

static int compare_programs(const struct competitor competitors[COMPARED])
{
    static const struct aim aim = {MORE, 1.9};
    static const struct table table = {
        .id = "cpus_program",
        .title = "Two CPUs, the programs alone",
        .unit = "packets/s",
        .how = "BPF_PROG_TEST_RUN of the same loaded program by a thread on each CPU at once, UDP of 64 bytes, tagged, "
               "three chains on; with what such a run costs itself.",
        .better = MORE,
    };
    struct figure rates[COMPARED][LOADS] = {};

    if (measure_programs(competitors, rates))
        return 1;
    results_table(&table);
    for (enum who who = EMPTY; who < COMPARED; who++) {
        for (enum load load = ONE_CPU; load < LOADS; load++)
            figure_finish(&rates[who][load]);
        tell_loads(candidate_names[who], rates[who]);
    }
    for (enum who who = EMPTY; who < COMPARED; who++) {
        tell_gain(candidate_names[who], rates[who], ONE_UID, who == PERCPU ? &aim : NULL);
        tell_gain(candidate_names[who], rates[who], TWO_UIDS, NULL);
    }
    results_note("The empty program writes nothing: what it gains is what these two CPUs are worth.");
    return 0;
}

static uint64_t counted_for_both(const struct competitor *competitor)
{
    return competitor ? competitor_counted(competitor, APP) + competitor_counted(competitor, APP + 1) : 0;
}

static double measure_traffic(struct world *world, const struct competitor *competitor, enum load load, const int *fds)
{
    struct job job = {.competitor = competitor, .load = load, .fds = fds};
    uint64_t before = counted_for_both(competitor);
    int r = lo_attach(world, competitor);
    double rate = r < 0 ? -1 : both_cpus(load != ONE_CPU, run_traffic, &job);

    lo_detach(world, competitor);
    if (rate < 0 || !competitor || competitor->who == EMPTY)
        return rate;
    /* each packet out and in, and those of the warm-up */
    if ((double)(counted_for_both(competitor) - before) > 2 * rate * WINDOW_NS / 1e9)
        return rate;
    fprintf(stderr, "bench: %s: not all is counted\n", candidate_names[competitor->who]);
    return -1;
}

static int measure_worlds(struct world *world, const struct competitor competitors[COMPARED], const int *fds,
                          struct figure rates[LINES][LOADS])
{
    for (int round = 0; round < ROUNDS; round++) {
        for (enum load load = ONE_CPU; load < LOADS; load++) {
            for (int line = 0; line < LINES; line++) {
                const struct competitor *competitor = line == NOTHING ? NULL : &competitors[line];

                rates[line][load].round[round] = measure_traffic(world, competitor, load, fds);
                if (rates[line][load].round[round] < 0)
                    return 1;
            }
        }
    }
    return 0;
}

static void tell_traffic(struct figure rates[LINES][LOADS])
{
    for (int line = 0; line < LINES; line++) {
        for (enum load load = ONE_CPU; load < LOADS; load++)
            figure_finish(&rates[line][load]);
        tell_loads(line == NOTHING ? "nothing" : candidate_names[line], rates[line]);
    }
    for (int line = 0; line < LINES; line++)
        tell_gain(line == NOTHING ? "nothing" : candidate_names[line], rates[line], ONE_UID, NULL);
    for (int line = 0; line < NOTHING; line++) {
        const struct figure here = gain(rates[line], ONE_UID), nothing = gain(rates[NOTHING], ONE_UID),
                            ratio = figure_ratio(&here, &nothing);
        char what[96];

        snprintf(what, sizeof(what), "%s: what a second CPU gains, one UID / nothing's", candidate_names[line]);
        results_ratio(what, &ratio, NULL);
    }
}

static int compare_traffic(struct world *world, const struct competitor competitors[COMPARED], const int *fds)
{
    static const struct table table = {
        .id = "cpus_udp",
        .title = "Two CPUs, UDP on loopback",
        .unit = "packets/s",
        .how = "A thread on each CPU with two sockets of its own sends bursts of 64 small packets and takes them; both "
               "directions are counted, tagged, three chains on.",
        .better = MORE,
    };
    struct figure rates[LINES][LOADS] = {};

    if (measure_worlds(world, competitors, fds, rates))
        return 1;
    results_table(&table);
    tell_traffic(rates);
    return 0;
}

/* Four sockets of APP's and two of the next UID's, in pairs. */
static int open_pairs(struct world *world, const struct competitor competitors[COMPARED], int fds[6])
{
    int r = 0;

    for (unsigned i = 0; i < 6 && r == 0; i++) {
        r = lo_open(world, APP + i / 4, 1, &fds[i]);
        for (enum who who = EMPTY; who < COMPARED && r == 0; who++)
            r = lo_tag(&competitors[who], &fds[i], 1, APP + i / 4);
    }
    for (unsigned i = 0; i < 6 && r == 0; i += 2)
        r = lo_connect(fds[i], fds[i + 1]);
    if (r < 0)
        fprintf(stderr, "bench: sockets: %s\n", strerror(-r));
    return r;
}

int cpus_compare(void)
{
    const struct world_options options = {.no_daemon = true};
    struct competitor competitors[COMPARED] = {[0 ... COMPARED - 1] = NO_COMPETITOR};
    struct world *world = NULL;
    int fds[6] = {-1, -1, -1, -1, -1, -1};
    int failed = sysconf(_SC_NPROCESSORS_ONLN) < 2;

    if (failed)
        fprintf(stderr, "bench: there are no two CPUs\n");
    failed = failed || competitors_load(2, false, competitors) < 0 || competitors_check(competitors) < 0 ||
             compare_programs(competitors) || world_new(&options, &world) < 0 ||
             open_pairs(world, competitors, fds) < 0 || compare_traffic(world, competitors, fds);
    lo_close(fds, ARRAY_SIZE(fds));
    world_free(world);
    competitors_done(competitors);
    return failed;
}
