/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "program.h"

#include <stdio.h>

#include "candidates.h"
#include "cpu.h"
#include "results.h"
#include "sizes.h"
#include "test_run.h"
#include "traffic_abi.h"

#define REPEAT 100000
#define LINES (PERCPU_ASKED + 1)

/* Of what we promise something, beside each of netd's. */
static const struct aim aims[WHO] = {[SHARED] = {LESS, 0.6}, [PERCPU] = {LESS, 0.4}};

static int measure(const struct competitor competitors[LINES], bool out, struct figure figures[LINES])
{
    for (int round = 0; round < ROUNDS; round++) {
        for (enum who who = EMPTY; who < LINES; who++) {
            figures[who].round[round] = test_run(&competitors[who], out, APP, REPEAT);
            if (figures[who].round[round] < 0)
                return 1;
        }
    }
    figure_finish(&figures[EMPTY]);
    for (enum who who = EMPTY + 1; who < LINES; who++)
        figures[who] = figure_less(&figures[who], &figures[EMPTY]);
    return 0;
}

static void tell_ratios(const struct figure figures[LINES], enum who netd)
{
    for (enum who who = SHARED; who < LINES; who++) {
        const struct figure ratio = figure_ratio(&figures[who], &figures[netd]);
        char what[96];

        snprintf(what, sizeof(what), "%s / %s", candidate_names[who], candidate_names[netd]);
        results_ratio(what, &ratio, aims[who].bound > 0 ? &aims[who] : NULL);
    }
}

static int compare(const struct competitor competitors[LINES], bool out)
{
    const struct table table = {
        .id = out ? "program_egress" : "program_ingress",
        .title = out ? "The program alone, outgoing" : "The program alone, incoming",
        .unit = "ns",
        .how = "BPF_PROG_TEST_RUN, UDP of 64 bytes, tagged, three chains on; all less the empty program. netd 9 asks "
               "only the first chain that is on, and netd 15 has one row for all chains.",
    };
    struct figure figures[LINES] = {};

    if (measure(competitors, out, figures))
        return 1;
    results_table(&table);
    for (enum who who = EMPTY; who < LINES; who++)
        results_figure(candidate_names[who], &figures[who]);
    tell_ratios(figures, NETD_9);
    tell_ratios(figures, NETD_15);
    return 0;
}

static int load(struct competitor competitors[LINES])
{
    for (enum who who = EMPTY; who < LINES; who++) {
        const struct candidate how = {.who = who, .chains = TCTL_NETD_CHAINS, .listed = 1};

        if (competitor_load(&how, &competitors[who]) < 0 || test_run_check(&competitors[who]) < 0)
            return 1;
    }
    return 0;
}

int program_compare(void)
{
    struct competitor competitors[LINES] = {[0 ... LINES - 1] = NO_COMPETITOR};
    cpu_set_t before;
    int failed;

    cpu_stay(CPU_LAST, &before);
    failed = load(competitors) || compare(competitors, true) || compare(competitors, false) || sizes_tell(competitors);
    for (enum who who = EMPTY; who < LINES; who++)
        competitor_done(&competitors[who]);
    sched_setaffinity(0, sizeof(before), &before);
    return failed;
}
