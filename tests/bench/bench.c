/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * What the stored answer saves: both programs by BPF_PROG_TEST_RUN, a 64-byte UDP packet, tagged, three chains on,
 * beside the same programs that ask the maps for every packet; less an empty program; rounds interleaved. What the
 * firewall's lists and chains cost a packet, and a new list beside nft's. trafficd's memory. Tagging through
 * fwmarkd. Reading many rows, and scraping them. And the rates that traffic reaches beside all of it, and beside rules
 * of nft and iptables.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>

#include <bpf/libbpf.h>

#include "candidates.h"
#include "exporter.h"
#include "firewall.h"
#include "fwmarkd.h"
#include "memory.h"
#include "reading.h"
#include "replace.h"
#include "rounds.h"
#include "traffic_abi.h"
#include "veth.h"

#include "traffic.skel.h"

#define AIM_STORED 0.6
#define AIM_MEMORY_KIB 4096

enum way { EMPTY, EGRESS_STORED, EGRESS_ASKED, INGRESS_STORED, INGRESS_ASKED, WAYS };

static const char *const way_names[WAYS] = {
    "empty program",          "egress, stored answer",    "egress, asked each time",
    "ingress, stored answer", "ingress, asked each time",
};

static void interleave(const int fds[WAYS], struct figure figures[WAYS])
{
    for (int round = 0; round < ROUNDS; round++)
        for (int way = 0; way < WAYS; way++)
            figures[way].round[round] = candidates_run(fds[way]);
    for (int way = 0; way < WAYS; way++)
        figure_finish(&figures[way]);
    for (int way = WAYS - 1; way > EMPTY; way--)
        figures[way].median -= figures[EMPTY].median;
}

static int compare(bool percpu)
{
    const struct candidate store = {percpu, true, TCTL_NETD_CHAINS, 1}, ask = {percpu, false, TCTL_NETD_CHAINS, 1};
    struct traffic *stored = candidates_load(&store), *asked = candidates_load(&ask);
    struct figure figures[WAYS] = {};
    int empty = candidates_load_empty(), failed = 1;

    if (stored && asked && empty >= 0) {
        const int fds[WAYS] = {empty, bpf_program__fd(stored->progs.egress), bpf_program__fd(asked->progs.egress),
                               bpf_program__fd(stored->progs.ingress), bpf_program__fd(asked->progs.ingress)};

        interleave(fds, figures);
        printf("counters %s\n", percpu ? "percpu" : "shared");
        ratio_print("egress: stored / asked", &figures[EGRESS_STORED], &figures[EGRESS_ASKED], AIM_STORED);
        ratio_print("ingress: stored / asked", &figures[INGRESS_STORED], &figures[INGRESS_ASKED], AIM_STORED);
        for (int way = 0; way < WAYS; way++)
            printf("  %-34s %.0f ns ± %.0f%s\n", way_names[way], figures[way].median, figures[way].spread / 2,
                   way == EMPTY ? "" : " (less the empty program)");
        failed = 0;
    }
    traffic__destroy(stored);
    traffic__destroy(asked);
    return failed;
}

static int report_memory(void)
{
    struct memory trafficd, server;

    if (memory_after_ready(&trafficd, &server) < 0)
        return 1;
    printf("trafficd after READY: VmRSS %ld KiB   aim for trafficd itself < %d KiB: %s; RssAnon %ld KiB\n",
           trafficd.resident, AIM_MEMORY_KIB, trafficd.resident < AIM_MEMORY_KIB ? "reached" : "NOT reached",
           trafficd.anonymous);
    printf("trafficd-tags, its child that serves the socket: VmRSS %ld KiB, RssAnon %ld KiB; pages that are still the "
           "parent's too are in both\n",
           server.resident, server.anonymous);
    return 0;
}

int main(void)
{
    struct utsname machine;

    if (uname(&machine) == 0)
        printf("%s %s %s, %d CPUs; medians of %d interleaved rounds, ± half the distance of the quartiles\n",
               machine.sysname, machine.release, machine.machine, libbpf_num_possible_cpus(), ROUNDS);
    return compare(false) || compare(true) || firewall_compare() || replace_compare() || report_memory() ||
           fwmarkd_compare() || reading_compare() || exporter_compare() || veth_compare();
}
