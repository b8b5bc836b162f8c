/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "veth.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "iperf.h"
#include "rounds.h"
#include "veth_traffic.h"
#include "veth_world.h"

#define LISTED 1000

/* The first is what all others are divided by. */
static const struct veth_way ways[] = {
    {.name = "nothing"},
    {.name = "accounting", .trafficd = true},
    {.name = "accounting, link", .trafficd = true, .netfilter = "link"},
    {.name = "accounting, nft", .trafficd = true, .netfilter = "nft"},
    {.name = "accounting, legacy", .trafficd = true, .netfilter = "legacy"},
    {.name = "everything, link", .trafficd = true, .netfilter = "link", .firewall = true, .users = LISTED},
    {.name = "nft, 10 rules", .rules = VETH_NFT_RULES, .users = 10},
    {.name = "nft, 100 rules", .rules = VETH_NFT_RULES, .users = 100},
    {.name = "nft, 1000 rules", .rules = VETH_NFT_RULES, .users = 1000},
    {.name = "nft, set of 1000", .rules = VETH_NFT_SETS, .users = 1000},
    {.name = "iptables-nft, 10 rules", .rules = VETH_IPTABLES_NFT, .users = 10},
    {.name = "iptables-nft, 100 rules", .rules = VETH_IPTABLES_NFT, .users = 100},
    {.name = "iptables-nft, 1000 rules", .rules = VETH_IPTABLES_NFT, .users = 1000},
};
#define WAYS ARRAY_SIZE(ways)

static const struct {
    const char *name;
    double unit;
    int decimals;
} columns[VETH_MEASURES] = {
    [VETH_UDP_OUT] = {"UDP out, 1000/s", 1e3, 0},
    [VETH_UDP_IN] = {"UDP in, 1000/s", 1e3, 0},
    [VETH_TCP_OUT] = {"TCP out, Gbit/s", 1e9, 1},
};

struct results {
    struct figure rate[VETH_MEASURES][WAYS], ratio[VETH_MEASURES][WAYS]; /* ratio: to nothing, in the same round */
};

static int measure_round(struct veth_world worlds[WAYS], enum veth_measure what, int round, struct results *results)
{
    for (size_t way = 0; way < WAYS; way++) {
        if (worlds[way].pid == 0)
            continue;
        int64_t rate = veth_world_measure(&worlds[way], what);
        if (rate <= 0) {
            fprintf(stderr, "bench: %s, %s: %s\n", columns[what].name, ways[way].name, strerror((int)-rate));
            return 1;
        }
        results->rate[what][way].round[round] = (double)rate / columns[what].unit;
        results->ratio[what][way].round[round] =
            results->rate[what][way].round[round] / results->rate[what][0].round[round];
    }
    return 0;
}

static int measure(struct veth_world worlds[WAYS], enum veth_measure what, struct results *results)
{
    int failed = 0;

    for (int round = 0; round < ROUNDS && !failed; round++)
        failed = measure_round(worlds, what, round, results);
    for (size_t way = 0; way < WAYS && !failed; way++) {
        figure_finish(&results->rate[what][way]);
        figure_finish(&results->ratio[what][way]);
    }
    return failed;
}

static void print_cell(const struct results *results, enum veth_measure what, size_t way)
{
    const struct figure *rate = &results->rate[what][way], *ratio = &results->ratio[what][way];

    if (way == 0)
        printf("  %-11s", "1");
    else if (ratio_is_known(ratio))
        printf("  %4.2f ± %-4.2f", ratio->median, ratio->spread / 2);
    else
        printf("  %-11s", "not said");
    printf(" %5.*f ± %-4.*f", columns[what].decimals, rate->median, columns[what].decimals, rate->spread / 2);
}

static void print_row(const struct veth_world *world, const struct results *results, size_t way)
{
    printf("  %-24s", ways[way].name);
    for (enum veth_measure what = 0; what < VETH_MEASURES && world->pid; what++)
        print_cell(results, what, way);
    puts(world->pid ? "" : "  not here; why is said above");
}

static void print(const struct veth_world worlds[WAYS], const struct results *results)
{
    printf("  %-24s", "the rate / with nothing");
    for (enum veth_measure what = 0; what < VETH_MEASURES; what++)
        printf("  %-24s", columns[what].name);
    puts("");
    for (size_t way = 0; way < WAYS; way++)
        print_row(&worlds[way], results, way);
}

/* A kernel may lack a way. But what is there and counts nothing, and no figure to compare with, are failures. */
static int start(struct veth_world worlds[WAYS])
{
    for (size_t way = 0; way < WAYS; way++) {
        int r = veth_world_start(&ways[way], &worlds[way]);
        if (r < 0)
            fprintf(stderr, "bench: %s: %s\n", ways[way].name, strerror(-r));
        if (r < 0 && (way == 0 || r == -ENODATA))
            return 1;
    }
    return 0;
}

/*
 * All of them are there all the time, and traffic runs through one after the other. So what the kernel switches on at
 * the first program in a cgroup and the first rule anywhere is on for nothing too, as on any system with systemd.
 */
int veth_compare(void)
{
    struct veth_world worlds[WAYS] = {0};
    struct results results = {0};
    int failed;

    printf("over a veth pair: bursts of %d UDP packets of %d bytes, sent and taken on one CPU; iperf3, one connection, "
           "%d s\n",
           VETH_BURST, VETH_UDP_BYTES, IPERF_SECONDS);
    printf(
        "  everything: 12 chains on, %d listed on each, the UDP socket tagged; not said: the spread is larger than the "
        "distance from 1; owner rules exist for out alone\n",
        LISTED);
    failed = start(worlds);
    for (enum veth_measure what = 0; what < VETH_MEASURES && !failed; what++)
        failed = measure(worlds, what, &results);
    if (!failed)
        print(worlds, &results);
    veth_worlds_end(worlds, WAYS);
    return failed;
}
