/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "traffic_world.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "burst.h"
#include "connections.h"
#include "fd.h"
#include "iperf.h"
#include "traffic_daemon.h"

/* What a process has. */
struct scene {
    const struct traffic_way *way;
    struct world *world;
    struct attached attached;
    struct burst_pair veth, loopback;
};

static int open_sockets(struct scene *scene)
{
    return burst_new_veth(scene->world)
               ?: burst_open_veth(scene->world, &scene->veth)
               ?: burst_open_loopback(scene->world, &scene->loopback)
               ?: connections_prepare(scene->world);
}

static int count_by(struct scene *scene)
{
    const struct traffic_way *way = scene->way;
    const int sockets[] = {scene->veth.ours, scene->loopback.ours, scene->loopback.theirs};
    int r = traffic_rules_load(scene->world, way->rules, way->users);

    if (r == 0 && way->attached)
        r = attached_start(scene->world, way->who, &scene->attached);
    for (size_t i = 0; i < ARRAY_SIZE(sockets) && r == 0 && way->attached; i++)
        r = lo_tag(&scene->attached.competitor, &sockets[i], 1, APP);
    if (r == 0 && way->trafficd)
        r = traffic_daemon_start(scene->world, way->users, sockets, ARRAY_SIZE(sockets));
    return r;
}

static bool judges(const struct traffic_way *way)
{
    return (way->attached && way->who != EMPTY) || (way->trafficd && way->users) || way->rules == TRAFFIC_NFT_SET;
}

/* What counts nothing costs nothing: no figure of it would be one of counting. */
static int check(const struct scene *scene)
{
    const struct traffic_way *way = scene->way;
    int r = burst_pass(&scene->veth, true) ?: burst_pass(&scene->veth, false) ?: burst_pass(&scene->loopback, true);

    if (r == 0)
        r = traffic_rules_check(scene->world, way->rules);
    if (r == 0 && way->attached)
        r = attached_check(&scene->attached, &scene->loopback);
    if (r == 0 && way->trafficd)
        r = traffic_daemon_check(scene->world, BURST_PACKETS);
    if (r < 0)
        fprintf(stderr, "bench: %s: a burst is not counted: %s\n", way->name, strerror(-r));
    if (r < 0 || !judges(way))
        return r;
    r = burst_is_refused(scene->world, TRAFFIC_DENIED);
    if (r < 0)
        fprintf(stderr, "bench: %s: who is denied is not refused: %s\n", way->name, strerror(-r));
    return r;
}

static int64_t measure(const struct scene *scene, enum traffic_measure what)
{
    switch (what) {
    case TRAFFIC_UDP_LOOPBACK:
        return burst_rate(&scene->loopback, true);
    case TRAFFIC_UDP_OUT:
    case TRAFFIC_UDP_IN:
        return burst_rate(&scene->veth, what == TRAFFIC_UDP_OUT);
    case TRAFFIC_TCP:
    case TRAFFIC_TCP_EIGHT:
        return iperf_rate(scene->world, APP, BURST_THEIRS, what == TRAFFIC_TCP ? 1 : 8);
    case TRAFFIC_CONNECTIONS:
        return connections_rate(scene->world, APP);
    case TRAFFIC_TIME_OUT:
    case TRAFFIC_TIME_IN:
        return attached_time(&scene->attached, &scene->loopback, what == TRAFFIC_TIME_OUT);
    default:
        return -EINVAL;
    }
}

static void serve(const struct scene *scene, int channel)
{
    uint64_t what;

    while (channel_recv(channel, &what) == 0 && what < TRAFFIC_MEASURES)
        if (channel_send(channel, (uint64_t)measure(scene, what)) < 0)
            return;
}

/* trafficd is started when the pair is there, and hears of it as of other interfaces. */
static void live(const struct traffic_way *way, int channel)
{
    const struct world_options options = {
        .no_daemon = true, .backend = way->backend, .netfilter = way->netfilter, .config = "app_uids = 10000-20000\n"};
    struct scene scene = {.way = way, .attached = ATTACHED_NOTHING, .veth = {-1, -1}, .loopback = {-1, -1}};
    int r = world_new(&options, &scene.world);

    if (r == 0)
        r = open_sockets(&scene) ?: count_by(&scene) ?: check(&scene);
    if (channel_send(channel, (uint64_t)(int64_t)r) == 0 && r == 0)
        serve(&scene, channel);
    burst_close(&scene.loopback);
    burst_close(&scene.veth);
    attached_done(&scene.attached);
    world_free(scene.world);
}

static int64_t answer(struct traffic_world *world)
{
    uint64_t word;
    int r = channel_recv(world->channel, &word);

    return r < 0 ? r : (int64_t)word;
}

int traffic_world_start(const struct traffic_way *way, struct traffic_world *ret_world)
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
    *ret_world = (struct traffic_world){pid < 0 ? 0 : pid, ends[0]};
    int r = pid < 0 ? -EAGAIN : (int)answer(ret_world);
    if (r < 0)
        traffic_worlds_end(ret_world, 1);
    return r;
}

int64_t traffic_world_measure(struct traffic_world *world, enum traffic_measure what)
{
    int r = channel_send(world->channel, what);

    return r < 0 ? r : answer(world);
}

/* By a word: the end of a channel is known to those that were started after it, too, and is not seen. */
void traffic_worlds_end(struct traffic_world *worlds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (worlds[i].pid > 0)
            channel_send(worlds[i].channel, TRAFFIC_MEASURES);
    for (size_t i = 0; i < count; i++) {
        if (worlds[i].pid > 0) {
            waitpid(worlds[i].pid, NULL, 0);
            fd_close(worlds[i].channel);
        }
        worlds[i] = (struct traffic_world){0, -1};
    }
}
