/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "traffic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "results.h"
#include "traffic_abi.h"
#include "traffic_world.h"

#define LISTED 1000
#define VISITS 3 /* to each world in a round, of which the median counts: what disturbs one of them is not in it */

/* The first is what most are divided by; then the programs, as they are numbered elsewhere. */
#define NOTHING 0
#define OF(who) (1 + (who))

static const struct traffic_way ways[] = {
    {.name = "nothing", .tcp = true},
    [OF(EMPTY)] = {.attached = true, .who = EMPTY, .tcp = true},
    [OF(NETD_9)] = {.attached = true, .who = NETD_9, .tcp = true},
    [OF(NETD_15)] = {.attached = true, .who = NETD_15, .tcp = true},
    [OF(SHARED)] = {.attached = true, .who = SHARED, .tcp = true},
    [OF(PERCPU)] = {.attached = true, .who = PERCPU, .tcp = true},
    [OF(SHARED_ASKED)] = {.attached = true, .who = SHARED_ASKED},
    [OF(PERCPU_ASKED)] = {.attached = true, .who = PERCPU_ASKED},
    {.name = "trafficd, link", .trafficd = true, .netfilter = "link", .tcp = true},
    {.name = "trafficd, nft", .trafficd = true, .netfilter = "nft"},
    {.name = "trafficd, legacy", .trafficd = true, .netfilter = "legacy"},
    {.name = "trafficd, link, 12 chains", .trafficd = true, .netfilter = "link", .users = LISTED, .tcp = true},
    {.name = "trafficd --backend nft", .trafficd = true, .backend = "nft", .tcp = true},
    {.name = "trafficd --backend nft, 12 chains", .trafficd = true, .backend = "nft", .users = LISTED, .tcp = true},
    {.name = "nft, dynamic set", .rules = TRAFFIC_NFT_SET, .users = LISTED, .tcp = true},
    {.name = "iptables-nft, 10 rules", .rules = TRAFFIC_IPTABLES_NFT, .users = 10},
    {.name = "iptables-nft, 100 rules", .rules = TRAFFIC_IPTABLES_NFT, .users = 100},
    {.name = "iptables-nft, 1000 rules", .rules = TRAFFIC_IPTABLES_NFT, .users = 1000, .tcp = true},
    {.name = "iptables-legacy, 10 rules", .rules = TRAFFIC_IPTABLES_LEGACY, .users = 10},
    {.name = "iptables-legacy, 100 rules", .rules = TRAFFIC_IPTABLES_LEGACY, .users = 100},
    {.name = "iptables-legacy, 1000 rules", .rules = TRAFFIC_IPTABLES_LEGACY, .users = 1000},
};
#define WAYS ARRAY_SIZE(ways)

#define UDP_HOW                                                                                                        \
    "Bursts of 64 packets of 18 bytes of data, sent and taken by one thread on one CPU; the median burst of "          \
    "30 ms, the median of three such. Tagged, three chains on, where there are tags and chains."
#define TCP_HOW "iperf3, 512 MiB, each end on a CPU; not tagged: the sockets are iperf3's own."
#define TIME_HOW                                                                                                       \
    "UDP of an app on loopback, tagged, three chains on: run_time_ns / run_cnt of the attached program, less the "     \
    "empty program. The kernel reads its clock twice for each run; that goes with the empty program's time, but not "  \
    "to the last ns. Rates are measured without."

#define EMPTY_NOTE "The empty program's ratio is what the kernel takes to run any program at all."
#define LOOPBACK_NOTE                                                                                                  \
    EMPTY_NOTE " nft knows no owner of what comes in on loopback: it counts what goes out alone, as iptables does."
#define CONNECTIONS_NOTE                                                                                               \
    "A connection is eight packets, seen out and in; both its sockets are resolved, and given storage, for them "      \
    "alone."

static const struct aim fast = {MORE, 0.9}, connects = {MORE, 0.95}, shared = {LESS, 0.6}, percpu = {LESS, 0.4};

/* What is told of a measure: everything divided by each base; or ours alone, less the empty program. */
static const struct subject {
    struct table table;
    double unit; /* of what a world answers */
    size_t visits;
    size_t bases[2]; /* the second one: or NOTHING */
    bool less_empty;
    const char *note; /* or NULL */
    const struct aim *aims[WAYS];
} subjects[TRAFFIC_MEASURES] = {
    [TRAFFIC_UDP_LOOPBACK] = {.table = {"udp_loopback", "UDP on loopback", "packets/s", UDP_HOW, NULL, MORE},
                              .unit = 1,
                              .visits = VISITS,
                              .bases = {NOTHING},
                              .note = LOOPBACK_NOTE,
                              .aims = {[OF(SHARED)] = &fast, [OF(PERCPU)] = &fast}},
    [TRAFFIC_UDP_OUT] = {.table = {"veth_udp_out", "UDP over veth, out", "packets/s", UDP_HOW, NULL, MORE},
                         .unit = 1,
                         .visits = VISITS,
                         .bases = {NOTHING},
                         .note = EMPTY_NOTE,
                         .aims = {[OF(SHARED)] = &fast, [OF(PERCPU)] = &fast}},
    [TRAFFIC_UDP_IN] = {.table = {"veth_udp_in", "UDP over veth, in", "packets/s", UDP_HOW, NULL, MORE},
                        .unit = 1,
                        .visits = VISITS,
                        .bases = {NOTHING},
                        .note = EMPTY_NOTE,
                        .aims = {[OF(SHARED)] = &fast, [OF(PERCPU)] = &fast}},
    [TRAFFIC_TCP] = {.table = {"veth_tcp", "TCP over veth, one stream, out", "bits/s", TCP_HOW, NULL, MORE},
                     .unit = 1,
                     .visits = 1,
                     .bases = {NOTHING}},
    [TRAFFIC_TCP_EIGHT] = {.table = {"veth_tcp8", "TCP over veth, eight streams, out", "bits/s", TCP_HOW, NULL, MORE},
                           .unit = 1,
                           .visits = 1,
                           .bases = {NOTHING}},
    [TRAFFIC_CONNECTIONS] =
        {.table = {"connections", "Short connections on loopback", "connections/s",
                   "Connect, accept, one byte, close, both ends an app's, by one thread on one "
                   "CPU; the median eight of 30 ms, the median of three such. Not tagged: each is new, and a "
                   "stored answer cannot pay.",
                   NULL, MORE},
         .unit = 1,
         .visits = VISITS,
         .bases = {OF(EMPTY)},
         .note = CONNECTIONS_NOTE,
         .aims = {[OF(SHARED)] = &connects, [OF(PERCPU)] = &connects}},
    [TRAFFIC_TIME_OUT] = {.table = {"time_out", "Program time under traffic, outgoing", "ns", TIME_HOW, NULL, LESS},
                          .unit = 1e-3,
                          .visits = VISITS,
                          .bases = {OF(NETD_9), OF(NETD_15)},
                          .less_empty = true,
                          .aims = {[OF(SHARED)] = &shared, [OF(PERCPU)] = &percpu}},
    [TRAFFIC_TIME_IN] = {.table = {"time_in", "Program time under traffic, incoming", "ns", TIME_HOW, NULL, LESS},
                         .unit = 1e-3,
                         .visits = VISITS,
                         .bases = {OF(NETD_9), OF(NETD_15)},
                         .less_empty = true,
                         .aims = {[OF(SHARED)] = &shared, [OF(PERCPU)] = &percpu}},
};

static const char *name_of(size_t way)
{
    return ways[way].name ?: candidate_names[ways[way].who];
}

static bool takes_part(const struct traffic_way *way, enum traffic_measure what)
{
    if (what == TRAFFIC_TCP || what == TRAFFIC_TCP_EIGHT)
        return way->tcp;
    if (what == TRAFFIC_UDP_IN) /* iptables' match exists at output alone */
        return way->rules != TRAFFIC_IPTABLES_NFT && way->rules != TRAFFIC_IPTABLES_LEGACY;
    return !subjects[what].less_empty || way->attached;
}

/* In turn, each so many times. */
static int visit(struct traffic_world worlds[WAYS], enum traffic_measure what, double answers[WAYS][VISITS])
{
    const struct subject *subject = &subjects[what];

    for (size_t i = 0; i < WAYS * subject->visits; i++) {
        const size_t way = i % WAYS;
        if (worlds[way].pid == 0 || !takes_part(&ways[way], what))
            continue;
        int64_t answer = traffic_world_measure(&worlds[way], what);
        if (answer <= 0) {
            fprintf(stderr, "bench: %s, %s: %s\n", subject->table.title, name_of(way), strerror((int)-answer));
            return 1;
        }
        answers[way][i / WAYS] = (double)answer * subject->unit;
    }
    return 0;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static int measure_round(struct traffic_world worlds[WAYS], enum traffic_measure what, int round,
                         struct figure figures[WAYS])
{
    const size_t visits = subjects[what].visits;
    double answers[WAYS][VISITS] = {};

    if (visit(worlds, what, answers))
        return 1;
    for (size_t way = 0; way < WAYS; way++) {
        qsort(answers[way], visits, sizeof(answers[way][0]), by_size);
        figures[way].round[round] = answers[way][visits / 2];
    }
    return 0;
}

static void tell_figures(const struct traffic_world worlds[WAYS], enum traffic_measure what,
                         struct figure figures[WAYS])
{
    const struct figure empty = figures[OF(EMPTY)];

    results_table(&subjects[what].table);
    for (size_t way = 0; way < WAYS; way++) {
        if (!takes_part(&ways[way], what))
            continue;
        figure_finish(&figures[way]);
        if (subjects[what].less_empty && way != OF(EMPTY))
            figures[way] = figure_less(&figures[way], &empty);
        if (worlds[way].pid)
            results_figure(name_of(way), &figures[way]);
        else
            results_missing(name_of(way), "this kernel lacks it");
    }
}

static void tell_ratios(const struct traffic_world worlds[WAYS], enum traffic_measure what,
                        const struct figure figures[WAYS], size_t base)
{
    const struct subject *subject = &subjects[what];

    for (size_t way = subject->less_empty ? OF(SHARED) : 0; way < WAYS; way++) {
        const struct figure ratio = figure_ratio(&figures[way], &figures[base]);
        char name[96];

        if (way == base || !worlds[way].pid || !takes_part(&ways[way], what))
            continue;
        snprintf(name, sizeof(name), "%s / %s", name_of(way), name_of(base));
        results_ratio(name, &ratio, subject->aims[way]);
    }
}

static int measure(struct traffic_world worlds[WAYS], enum traffic_measure what)
{
    struct figure figures[WAYS] = {};

    for (int round = 0; round < ROUNDS; round++)
        if (measure_round(worlds, what, round, figures))
            return 1;
    tell_figures(worlds, what, figures);
    tell_ratios(worlds, what, figures, subjects[what].bases[0]);
    if (subjects[what].bases[1])
        tell_ratios(worlds, what, figures, subjects[what].bases[1]);
    if (subjects[what].note)
        results_note(subjects[what].note);
    return 0;
}

/* A kernel may lack rules. But what is there and counts nothing, and what others are compared with, are failures. */
static int start(struct traffic_world worlds[WAYS])
{
    for (size_t way = 0; way < WAYS; way++) {
        int r = traffic_world_start(&ways[way], &worlds[way]);
        if (r < 0)
            fprintf(stderr, "bench: %s: %s\n", name_of(way), strerror(-r));
        if (r < 0 && (way <= OF(PERCPU_ASKED) || r == -ENODATA))
            return 1;
    }
    return 0;
}

/*
 * All of them are there all the time, and traffic runs through one after the other. So what the kernel switches on at
 * the first program in a cgroup and the first rule anywhere is on for nothing too, as on any system with systemd.
 */
int traffic_compare(void)
{
    struct traffic_world worlds[WAYS] = {0};
    int failed = start(worlds);

    for (enum traffic_measure what = 0; what < TRAFFIC_MEASURES && !failed; what++)
        failed = measure(worlds, what);
    traffic_worlds_end(worlds, WAYS);
    return failed;
}
