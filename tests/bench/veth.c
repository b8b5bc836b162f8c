/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "veth.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "iperf.h"
#include "results.h"
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

#define UDP_HOW "Bursts of 64 packets of 18 bytes of data, sent and taken by one thread on one CPU."

static const struct table tables[VETH_MEASURES] = {
    [VETH_UDP_OUT] = {.id = "veth_udp_out", .title = "UDP over veth, out", .unit = "packets/s", .how = UDP_HOW},
    [VETH_UDP_IN] = {.id = "veth_udp_in", .title = "UDP over veth, in", .unit = "packets/s", .how = UDP_HOW},
    [VETH_TCP_OUT] = {.id = "veth_tcp", .title = "TCP over veth, one stream, out", .unit = "bits/s", .how = "iperf3."},
};

static int measure_round(struct veth_world worlds[WAYS], enum veth_measure what, int round, struct figure rates[WAYS])
{
    for (size_t way = 0; way < WAYS; way++) {
        if (worlds[way].pid == 0)
            continue;
        int64_t rate = veth_world_measure(&worlds[way], what);
        if (rate <= 0) {
            fprintf(stderr, "bench: %s, %s: %s\n", tables[what].title, ways[way].name, strerror((int)-rate));
            return 1;
        }
        rates[way].round[round] = (double)rate;
    }
    return 0;
}

static void tell(const struct veth_world worlds[WAYS], enum veth_measure what, struct figure rates[WAYS])
{
    struct table table = tables[what];

    table.better = MORE;
    results_table(&table);
    for (size_t way = 0; way < WAYS; way++) {
        figure_finish(&rates[way]);
        if (worlds[way].pid)
            results_figure(ways[way].name, &rates[way]);
        else
            results_missing(ways[way].name, "this kernel lacks it");
    }
    for (size_t way = 1; way < WAYS; way++) {
        const struct figure ratio = figure_ratio(&rates[way], &rates[0]);
        char name[96];

        snprintf(name, sizeof(name), "%s / %s", ways[way].name, ways[0].name);
        if (worlds[way].pid)
            results_ratio(name, &ratio, NULL);
    }
}

static int measure(struct veth_world worlds[WAYS], enum veth_measure what)
{
    struct figure rates[WAYS] = {};

    for (int round = 0; round < ROUNDS; round++)
        if (measure_round(worlds, what, round, rates))
            return 1;
    tell(worlds, what, rates);
    return 0;
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
    int failed = start(worlds);

    for (enum veth_measure what = 0; what < VETH_MEASURES && !failed; what++)
        failed = measure(worlds, what);
    veth_worlds_end(worlds, WAYS);
    return failed;
}
