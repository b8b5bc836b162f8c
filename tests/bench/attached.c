/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "attached.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "fd.h"
#include "run_time.h"
#include "traffic_abi.h"

#include "traffic.skel.h"

#define LAST_APP 20000

static int attach(struct world *world, struct attached *attached, int program, enum bpf_attach_type type)
{
    for (size_t i = 0; i < ARRAY_SIZE(attached->links); i++) {
        if (attached->links[i] >= 0)
            continue;
        attached->links[i] = bpf_link_create(program, world->cgroup_fd, type, NULL);
        return attached->links[i] < 0 ? -errno : 0;
    }
    return -ENOSPC;
}

/* Whose interfaces are numbered, and who is judged. */
static int configure(struct world *world, struct traffic *ours)
{
    const int map = bpf_map__fd(ours->maps.config_map);
    const uint32_t zero = 0;
    struct tctl_config config;
    struct stat netns;

    if (fstat(world->netns[PLACE_A], &netns) < 0 || bpf_map_lookup_elem(map, &zero, &config) < 0)
        return -errno;
    config.netns_inum = (uint32_t)netns.st_ino;
    config.app_uids[0] = (struct tctl_uid_range){APP, LAST_APP};
    return bpf_map_update_elem(map, &zero, &config, BPF_ANY) < 0 ? -errno : 0;
}

static int attach_others(struct world *world, struct attached *attached, struct traffic *ours)
{
    return attach(world, attached, bpf_program__fd(ours->progs.release), BPF_CGROUP_INET_SOCK_RELEASE)
               ?: attach(world, attached, bpf_program__fd(ours->progs.connect4), BPF_CGROUP_INET4_CONNECT)
               ?: attach(world, attached, bpf_program__fd(ours->progs.connect6), BPF_CGROUP_INET6_CONNECT);
}

int attached_start(struct world *world, enum who who, struct attached *attached)
{
    const struct candidate how = {.who = who, .chains = TCTL_NETD_CHAINS, .listed = 1};
    const struct competitor *competitor = &attached->competitor;
    int r = competitor_load(&how, &attached->competitor);

    if (r == 0 && competitor->ours)
        r = configure(world, competitor->ours) ?: attach_others(world, attached, competitor->ours);
    if (r < 0)
        return r;
    return attach(world, attached, competitor->egress, BPF_CGROUP_INET_EGRESS)
               ?: attach(world, attached, competitor->ingress, BPF_CGROUP_INET_INGRESS);
}

void attached_done(struct attached *attached)
{
    for (size_t i = 0; i < ARRAY_SIZE(attached->links); i++)
        attached->links[i] = fd_close(attached->links[i]);
    competitor_done(&attached->competitor);
}

int attached_check(const struct attached *attached, const struct burst_pair *loopback)
{
    const struct competitor *competitor = &attached->competitor;
    _cleanup_fd_ int stats = run_time_switch_on();
    struct run_time out = {0}, in = {0};
    int r = stats < 0 ? stats
                      : burst_pass(loopback, true)
                            ?: run_time_read(competitor->egress, &out) ?: run_time_read(competitor->ingress, &in);

    if (r < 0)
        return r;
    if (out.runs < BURST_PACKETS || in.runs < BURST_PACKETS)
        return -ENODATA;
    const struct tctl_stats_value sum = competitor_counted_tag(competitor, APP, APP_TAG);

    return competitor->who == EMPTY || (sum.rx_packets >= BURST_PACKETS && sum.tx_packets >= BURST_PACKETS) ? 0
                                                                                                            : -ENODATA;
}

int64_t attached_time(const struct attached *attached, const struct burst_pair *loopback, bool out)
{
    const int program = out ? attached->competitor.egress : attached->competitor.ingress;
    _cleanup_fd_ int stats = run_time_switch_on();
    struct run_time before = {0}, after = {0};
    int r = stats < 0 ? stats : run_time_read(program, &before);
    int64_t rate = r < 0 ? r : burst_rate(loopback, true);

    if (rate < 0)
        return rate;
    r = run_time_read(program, &after);
    return r < 0 ? r : (int64_t)(run_time_between(&before, &after) * 1000);
}
