/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "veth_world.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <trafficctl/firewall.h>
#include <trafficctl/tag.h>

#include "fd.h"
#include "iperf.h"
#include "veth_traffic.h"

#define TAG 42

/* Who is listed passes an allow list, and who is not, a deny list. */
static int fill_chain(struct tctl_firewall *firewall, unsigned chain, unsigned users)
{
    _cleanup_free_ uint32_t *uids = calloc(users, sizeof(*uids));

    if (!uids)
        return -ENOMEM;
    for (unsigned i = 0; i < users; i++)
        uids[i] = VETH_UID + i + (tctl_chain_is_allow_list(chain) ? 0 : users);
    return tctl_firewall_replace(firewall, chain, uids, users, TCTL_RUNTIME)
               ?: tctl_firewall_enable(firewall, chain, true, TCTL_RUNTIME);
}

static int fill_chains(struct world *world, unsigned users)
{
    struct tctl_firewall *firewall = NULL;
    int r = tctl_firewall_open(world->bpffs, &firewall);

    for (unsigned chain = 1; chain <= TCTL_FIREWALL_CHAINS && r == 0; chain++)
        r = fill_chain(firewall, chain, users);
    if (r < 0)
        fprintf(stderr, "bench: chains: %s: %s\n", strerror(-r), firewall ? tctl_firewall_problem(firewall) : "");
    tctl_firewall_close(firewall);
    return r
               ?: world_run(world, PLACE_A, TCTL_BUILD "/trafficctl --bpffs %s iface metered --runtime %s on",
                            world->bpffs, VETH_IFACE);
}

static int count_by(struct world *world, const struct veth_way *way, const struct veth_sockets *sockets)
{
    int r = way->trafficd ? world_start_daemon(world) : 0;

    if (r == 0)
        r = veth_rules_load(world, way->rules, way->users);
    if (r == 0 && way->firewall)
        r = fill_chains(world, way->users);
    if (r == 0 && way->firewall)
        r = tctl_tag(world->fwmarkd, sockets->ours, VETH_UID, TAG);
    return r;
}

static bool both(const struct tctl_counters *counters)
{
    return counters->rx_packets >= VETH_BURST && counters->tx_packets >= VETH_BURST;
}

static int check_iface(struct world *world)
{
    _cleanup_free_ struct tctl_iface_row *rows = NULL;
    size_t count = 0;
    int r = tctl_read_ifaces(world->traffic, &rows, &count);

    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].iface, VETH_IFACE) == 0 && both(&rows[i].counters))
            return 0;
    return r < 0 ? r : -ENODATA;
}

static int check_users(struct world *world, bool tagged)
{
    const struct tctl_filter wanted = {.has_uid = true, .uid = VETH_UID, .has_tag = true, .tag = tagged ? TAG : 0};
    _cleanup_free_ struct tctl_detail_row *rows = NULL;
    size_t count = 0;
    int r = tctl_read_details(world->traffic, &wanted, &rows, &count);

    return r < 0 ? r : count == 1 && both(&rows[0].counters) ? 0 : -ENODATA;
}

/* What counts nothing costs nothing: no figure of it would be one of counting. */
static int check(struct world *world, const struct veth_way *way, const struct veth_sockets *sockets)
{
    int r = veth_udp_pass(sockets, true) ?: veth_udp_pass(sockets, false);

    if (r == 0)
        r = veth_rules_check(world, way->rules);
    if (r == 0 && way->trafficd)
        r = check_users(world, way->firewall);
    if (r == 0 && way->netfilter)
        r = check_iface(world);
    if (r < 0)
        fprintf(stderr, "bench: %s: a burst is not counted: %s\n", way->name, strerror(-r));
    return r;
}

static int64_t measure(struct world *world, const struct veth_sockets *sockets, enum veth_measure what)
{
    return what == VETH_TCP_OUT ? iperf_rate(world, VETH_UID, VETH_THEIRS)
                                : veth_udp_rate(sockets, what == VETH_UDP_OUT);
}

static void serve(struct world *world, const struct veth_sockets *sockets, int channel)
{
    uint64_t what;

    while (channel_recv(channel, &what) == 0 && what < VETH_MEASURES)
        if (channel_send(channel, (uint64_t)measure(world, sockets, what)) < 0)
            return;
}

/* trafficd is started when the pair is there, and hears of it as of other interfaces. */
static void live(const struct veth_way *way, int channel)
{
    const struct world_options options = {
        .no_daemon = true, .netfilter = way->netfilter, .config = "app_uids = 10000-20000\n"};
    struct veth_sockets sockets = {-1, -1};
    struct world *world = NULL;
    int r = world_new(&options, &world);

    if (r == 0)
        r = veth_new(world) ?: veth_open(world, &sockets) ?: count_by(world, way, &sockets);
    if (r == 0)
        r = check(world, way, &sockets);
    if (channel_send(channel, (uint64_t)(int64_t)r) == 0 && r == 0)
        serve(world, &sockets, channel);
    veth_close(&sockets);
    world_free(world);
}

static int64_t answer(struct veth_world *world)
{
    uint64_t word;
    int r = channel_recv(world->channel, &word);

    return r < 0 ? r : (int64_t)word;
}

int veth_world_start(const struct veth_way *way, struct veth_world *ret_world)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        fd_close(ends[0]);
        live(way, ends[1]);
        _exit(0);
    }
    fd_close(ends[1]);
    *ret_world = (struct veth_world){pid < 0 ? 0 : pid, ends[0]};
    int r = pid < 0 ? -EAGAIN : (int)answer(ret_world);
    if (r < 0)
        veth_worlds_end(ret_world, 1);
    return r;
}

int64_t veth_world_measure(struct veth_world *world, enum veth_measure what)
{
    int r = channel_send(world->channel, what);

    return r < 0 ? r : answer(world);
}

/* By a word: the end of a channel is known to those that were started after it, too, and is not seen. */
void veth_worlds_end(struct veth_world *worlds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (worlds[i].pid > 0)
            channel_send(worlds[i].channel, VETH_MEASURES);
    for (size_t i = 0; i < count; i++) {
        if (worlds[i].pid > 0) {
            waitpid(worlds[i].pid, NULL, 0);
            fd_close(worlds[i].channel);
        }
        worlds[i] = (struct veth_world){0, -1};
    }
}
