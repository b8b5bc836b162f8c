/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "firewall.h"

#include "candidates.h"
#include "cpu.h"
#include "results.h"
#include "test_run.h"
#include "traffic_abi.h"

#define REPEAT 100000
#define FEW 10
#define MANY 4000
#define EVERY_CHAIN (TCTL_BIT(TCTL_CHAINS) - 2)

/* Beside the empty program; the last two ask the maps for every packet, as the first one of a socket does. */
enum list { NO_PROGRAM, SHORT_LISTS, LONG_LISTS, ONE_CHAIN, ASKED_ALL, ASKED_ONE, LISTS };

static const struct {
    const char *name;
    struct candidate how;
} lists[LISTS] = {
    [NO_PROGRAM] = {.how = {.who = EMPTY}},
    [SHORT_LISTS] = {"12 chains, 10 listed", {.who = SHARED, .chains = EVERY_CHAIN, .listed = FEW}},
    [LONG_LISTS] = {"12 chains, 4000 listed", {.who = SHARED, .chains = EVERY_CHAIN, .listed = MANY}},
    [ONE_CHAIN] = {"one chain, 4000 listed", {.who = SHARED, .chains = TCTL_BIT(TCTL_DOZABLE), .listed = MANY}},
    [ASKED_ALL] = {"a socket's first packet, 12 chains", {.who = SHARED_ASKED, .chains = EVERY_CHAIN, .listed = MANY}},
    [ASKED_ONE] = {"a socket's first packet, one chain",
                   {.who = SHARED_ASKED, .chains = TCTL_BIT(TCTL_DOZABLE), .listed = MANY}},
};

static int measure(const struct competitor competitors[LISTS], bool out, struct figure figures[LISTS])
{
    for (int round = 0; round < ROUNDS; round++) {
        for (enum list list = NO_PROGRAM; list < LISTS; list++) {
            figures[list].round[round] = test_run(&competitors[list], out, APP, REPEAT);
            if (figures[list].round[round] < 0)
                return 1;
        }
    }
    for (enum list list = SHORT_LISTS; list < LISTS; list++)
        figures[list] = figure_less(&figures[list], &figures[NO_PROGRAM]);
    return 0;
}

static int compare(const struct competitor competitors[LISTS], bool out)
{
    static const struct aim aim = {LESS, 1.1};
    const struct table table = {
        .id = out ? "firewall_egress" : "firewall_ingress",
        .title = out ? "A packet that passes the firewall, outgoing" : "A packet that passes the firewall, incoming",
        .unit = "ns",
        .how = "BPF_PROG_TEST_RUN, UDP of 64 bytes, tagged, shared counters; all less the empty program.",
    };
    struct figure figures[LISTS] = {}, ratio;

    if (measure(competitors, out, figures))
        return 1;
    results_table(&table);
    for (enum list list = SHORT_LISTS; list < LISTS; list++)
        results_figure(lists[list].name, &figures[list]);
    ratio = figure_ratio(&figures[LONG_LISTS], &figures[SHORT_LISTS]);
    results_ratio("4000 listed / 10", &ratio, &aim);
    ratio = figure_ratio(&figures[LONG_LISTS], &figures[ONE_CHAIN]);
    results_ratio("12 chains / one", &ratio, &aim);
    return 0;
}

int firewall_compare(void)
{
    struct competitor competitors[LISTS] = {[0 ... LISTS - 1] = NO_COMPETITOR};
    cpu_set_t before;
    int failed = 0;

    cpu_stay(CPU_LAST, &before);
    for (enum list list = NO_PROGRAM; list < LISTS && !failed; list++)
        failed = competitor_load(&lists[list].how, &competitors[list]) < 0 || test_run_check(&competitors[list]) < 0;
    failed = failed || compare(competitors, true) || compare(competitors, false);
    for (enum list list = NO_PROGRAM; list < LISTS; list++)
        competitor_done(&competitors[list]);
    sched_setaffinity(0, sizeof(before), &before);
    return failed;
}
