/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "program.h"

#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "candidates.h"
#include "cleanup.h"
#include "netd_candidate.h"
#include "results.h"
#include "traffic_abi.h"

#include "netd_like.skel.h"
#include "traffic.skel.h"

enum way { EMPTY, NETD, SHARED, SHARED_ASKED, PERCPU, PERCPU_ASKED, WAYS };

static const char *const names[WAYS] = {
    [EMPTY] = "empty program", [NETD] = "netd-like",
    [SHARED] = "shared",       [SHARED_ASKED] = "shared, no stored answer",
    [PERCPU] = "percpu",       [PERCPU_ASKED] = "percpu, no stored answer",
};

/* Of which ways we promise something, beside netd's. */
static const struct aim aims[WAYS] = {[SHARED] = {LESS, 0.6}, [PERCPU] = {LESS, 0.4}};

static const struct candidate ours[WAYS] = {
    [SHARED] = {.stored_answers = true, .chains = TCTL_NETD_CHAINS, .listed = 1},
    [SHARED_ASKED] = {.chains = TCTL_NETD_CHAINS, .listed = 1},
    [PERCPU] = {.percpu = true, .stored_answers = true, .chains = TCTL_NETD_CHAINS, .listed = 1},
    [PERCPU_ASKED] = {.percpu = true, .chains = TCTL_NETD_CHAINS, .listed = 1},
};

struct programs {
    int empty;
    struct netd_like *netd;
    struct traffic *ours[WAYS];
};

static void programs_done(struct programs *programs)
{
    if (programs->empty >= 0)
        close(programs->empty);
    netd_like__destroy(programs->netd);
    for (enum way way = SHARED; way < WAYS; way++)
        traffic__destroy(programs->ours[way]);
}

static bool programs_load(struct programs *programs)
{
    bool loaded;

    programs->empty = candidates_load_empty();
    programs->netd = netd_candidate_load(0);
    loaded = programs->empty >= 0 && programs->netd;
    for (enum way way = SHARED; way < WAYS && loaded; way++)
        loaded = (programs->ours[way] = candidates_load(&ours[way]));
    return loaded;
}

static int program_of(const struct programs *programs, enum way way, bool out)
{
    const struct traffic *traffic = programs->ours[way];

    if (way == EMPTY)
        return programs->empty;
    if (way == NETD)
        return bpf_program__fd(out ? programs->netd->progs.egress : programs->netd->progs.ingress);
    return bpf_program__fd(out ? traffic->progs.egress : traffic->progs.ingress);
}

static int measure(const struct programs *programs, bool out, struct figure figures[WAYS])
{
    for (int round = 0; round < ROUNDS; round++) {
        for (enum way way = EMPTY; way < WAYS; way++) {
            figures[way].round[round] = candidates_run(program_of(programs, way, out));
            if (figures[way].round[round] < 0)
                return 1;
        }
    }
    figure_finish(&figures[EMPTY]);
    for (enum way way = NETD; way < WAYS; way++)
        figures[way] = figure_less(&figures[way], &figures[EMPTY]);
    return 0;
}

static int compare(const struct programs *programs, bool out)
{
    const struct table table = {
        .id = out ? "program_egress" : "program_ingress",
        .title = out ? "The program alone, outgoing" : "The program alone, incoming",
        .unit = "ns",
        .how = "BPF_PROG_TEST_RUN, UDP of 64 bytes, tagged, three chains on; all less the empty program.",
    };
    struct figure figures[WAYS] = {};

    if (measure(programs, out, figures))
        return 1;
    results_table(&table);
    for (enum way way = EMPTY; way < WAYS; way++)
        results_figure(names[way], &figures[way]);
    for (enum way way = SHARED; way < WAYS; way++) {
        const struct figure ratio = figure_ratio(&figures[way], &figures[NETD]);
        char what[64];

        snprintf(what, sizeof(what), "%s / %s", names[way], names[NETD]);
        results_ratio(what, &ratio, aims[way].bound > 0 ? &aims[way] : NULL);
    }
    return 0;
}

int program_compare(void)
{
    _cleanup_(programs_done) struct programs programs = {.empty = -1};

    return !programs_load(&programs) || compare(&programs, true) || compare(&programs, false);
}
