/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "lacks.h"

#include <ifaces.h>
#include <string.h>

#include "cleanup.h"
#include "fd.h"

struct lack {
    const char *name, *lost;
};

static const struct lack lacks[] = {
    {"received without early demux",
     "nobody's, so neither counted nor judged by user: what comes to unconnected sockets (answers to sendto), in "
     "fragments, by multicast, to ping and raw sockets, before accept(), and to connected UDP sockets that are not the "
     "first in their hash slot"},
    {"received on loopback", "nobody's: what stays on this machine is counted and judged for who sends it alone"},
    {"sent after close", "nobody's: what a socket still had to send when it was closed passes, and is not counted"},
    {"super-packets and fragments",
     "counted as they pass nf_tables: one packet with its headers once, where the wire has several"},
    {"names of interfaces", "rows of an interface that is renamed stay under its old name"},
    {"control groups", "the whole network namespace is counted: --cgroup is refused"},
    {"other network namespaces", "users there are neither counted nor judged"},
    {"rootless containers", "their UIDs are counted and judged as they are, not as the user's who owns them"},
    {"owners after fchown", "a socket stays its opener's"},
    {"crafted packets", "what is exempt passes also where a raw socket made it: resets without data, ESP if asked for"},
    {"refused connects", "they fail with ECONNREFUSED instead of EPERM"},
    {"flush opens the firewall",
     "who flushes the ruleset takes the table: until trafficd has put it back nobody is judged, and what was counted "
     "in the last 10 seconds is lost"},
    {"shares of rows", "who has very many UIDs can fill the sets; what finds no room is counted as lost"},
    {"tags", "sockets cannot be tagged, and no row has a tag"},
    {"counter sets", "every row is of set 0"},
    {"readers without trafficd", "only root can read the counters while trafficd does not run"},
    {"events", "nobody can be told of drops: no trafficctl monitor"},
    {"verify", "nothing explains what interfaces have more than users: no trafficctl verify"},
    {"dump", "there are no maps: no trafficctl dump"},
};

static const struct lack no_early_demux = {
    "early demux is off",
    "nobody's: all that is received, since net.ipv4.ip_early_demux, tcp_early_demux or udp_early_demux is 0"};

_Static_assert(ARRAY_SIZE(lacks) < TCTL_BACKEND_LACKS, "room for all, and for one that goes by the machine");

/* Old kernels have the first one alone. */
bool nft_lacks_early_demux(void)
{
    static const char *const files[] = {"/proc/sys/net/ipv4/ip_early_demux", "/proc/sys/net/ipv4/tcp_early_demux",
                                        "/proc/sys/net/ipv4/udp_early_demux"};
    bool off = false;
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        _cleanup_free_ char *text = NULL;
        off |= fd_read_file(files[i], 16, &text) == 0 && strcmp(text, "0\n") == 0;
    }
    return off;
}

static void append(struct tctl_backend *backend, const struct lack *lack)
{
    backend->lacks[backend->lack_count].name = lack->name;
    backend->lacks[backend->lack_count++].lost = lack->lost;
}

void nft_lacks(const struct tctl_state *state, struct tctl_backend *backend)
{
    bool here = false;
    for (size_t i = 0; i < ARRAY_SIZE(lacks); i++)
        append(backend, &lacks[i]);
    if (ifaces_are_of(state->netns_inum, &here) == 0 && here && nft_lacks_early_demux())
        append(backend, &no_early_demux);
}
