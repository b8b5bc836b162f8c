/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "firewall.h"

#include <stdio.h>
#include <stdlib.h>

#include <bpf/libbpf.h>

#include "candidates.h"
#include "results.h"
#include "traffic_abi.h"

#include "traffic.skel.h"

#define AIM_SAME 1.10
#define FEW 10
#define MANY 4000
#define EVERY_CHAIN (TCTL_BIT(TCTL_CHAINS) - 2)

/* What is compared; the last two ask the maps for every packet, as the first one of a socket does. */
enum list { SHORT_LISTS, LONG_LISTS, ONE_CHAIN, ASKED_ALL, ASKED_ONE, LISTS };

static const struct candidate hows[LISTS] = {
    [SHORT_LISTS] = {.stored_answers = true, .chains = EVERY_CHAIN, .listed = FEW},
    [LONG_LISTS] = {.stored_answers = true, .chains = EVERY_CHAIN, .listed = MANY},
    [ONE_CHAIN] = {.stored_answers = true, .chains = TCTL_BIT(TCTL_DOZABLE), .listed = MANY},
    [ASKED_ALL] = {.chains = EVERY_CHAIN, .listed = MANY},
    [ASKED_ONE] = {.chains = TCTL_BIT(TCTL_DOZABLE), .listed = MANY},
};

struct packet_figures {
    struct figure ns[LISTS], by_length, by_chains;
};

/* Everything less the empty program. */
static int measure(int empty, const int fds[LISTS], struct packet_figures *figures)
{
    for (int round = 0; round < ROUNDS; round++) {
        double base = candidates_run(empty), ns[LISTS];

        for (int list = 0; list < LISTS; list++) {
            ns[list] = candidates_run(fds[list]) - base;
            if (base < 0 || ns[list] <= 0)
                return -1;
            figures->ns[list].round[round] = ns[list];
        }
        figures->by_length.round[round] = ns[LONG_LISTS] / ns[SHORT_LISTS];
        figures->by_chains.round[round] = ns[LONG_LISTS] / ns[ONE_CHAIN];
    }
    for (int list = 0; list < LISTS; list++)
        figure_finish(&figures->ns[list]);
    figure_finish(&figures->by_length);
    figure_finish(&figures->by_chains);
    return 0;
}

static int compare_direction(const char *direction, int empty, const int fds[LISTS])
{
    struct packet_figures figures = {};
    static const struct aim aim = {LESS, AIM_SAME};
    struct table table = {
        .id = direction,
        .title = direction,
        .unit = "ns",
        .how = "A packet that passes the firewall, by BPF_PROG_TEST_RUN, less the empty program.",
    };

    if (measure(empty, fds, &figures) < 0) {
        fprintf(stderr, "bench: the programs did not run\n");
        return 1;
    }
    results_table(&table);
    results_figure("12 chains, 10 listed", &figures.ns[SHORT_LISTS]);
    results_figure("12 chains, 4000 listed", &figures.ns[LONG_LISTS]);
    results_figure("one chain, 4000 listed", &figures.ns[ONE_CHAIN]);
    results_figure("a socket's first packet, 12 chains", &figures.ns[ASKED_ALL]);
    results_figure("a socket's first packet, one chain", &figures.ns[ASKED_ONE]);
    results_ratio("4000 listed / 10", &figures.by_length, &aim);
    results_ratio("12 chains / one", &figures.by_chains, &aim);
    return 0;
}

int firewall_compare(void)
{
    struct traffic *programs[LISTS] = {};
    int empty = candidates_load_empty(), egress[LISTS], ingress[LISTS], failed = empty < 0;

    for (int list = 0; list < LISTS && !failed; list++) {
        programs[list] = candidates_load(&hows[list]);
        failed = !programs[list];
        egress[list] = failed ? -1 : bpf_program__fd(programs[list]->progs.egress);
        ingress[list] = failed ? -1 : bpf_program__fd(programs[list]->progs.ingress);
    }
    failed = failed || compare_direction("firewall_egress", empty, egress) ||
             compare_direction("firewall_ingress", empty, ingress);
    for (int list = 0; list < LISTS; list++)
        traffic__destroy(programs[list]);
    return failed;
}
