/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "candidates.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "cleanup.h"
#include "fd.h"
#include "netd_candidate.h"
#include "our_candidate.h"
#include "traffic_abi.h"

#include "netd_like.skel.h"
#include "traffic.skel.h"

const char *const candidate_names[WHO] = {
    [EMPTY] = "an empty program",
    [NETD_9] = "netd 9's questions",
    [NETD_15] = "netd 15's questions",
    [SHARED] = "shared",
    [PERCPU] = "percpu",
    [SHARED_ASKED] = "shared, no stored answer",
    [PERCPU_ASKED] = "percpu, no stored answer",
    [SHARED_AGELESS] = "shared, if answers did not age",
};

static int load_empty(struct competitor *competitor)
{
    const struct bpf_insn pass[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1},
        {.code = BPF_JMP | BPF_EXIT},
    };
    LIBBPF_OPTS(bpf_prog_load_opts, out, .expected_attach_type = BPF_CGROUP_INET_EGRESS);
    LIBBPF_OPTS(bpf_prog_load_opts, in, .expected_attach_type = BPF_CGROUP_INET_INGRESS);

    competitor->egress = bpf_prog_load(BPF_PROG_TYPE_CGROUP_SKB, "empty", "GPL", pass, ARRAY_SIZE(pass), &out);
    competitor->ingress = bpf_prog_load(BPF_PROG_TYPE_CGROUP_SKB, "empty", "GPL", pass, ARRAY_SIZE(pass), &in);
    return competitor->egress < 0 || competitor->ingress < 0 ? -errno : 0;
}

/* A value for each CPU; more room than any row needs. */
static size_t row_size(void)
{
    return (size_t)libbpf_num_possible_cpus() * sizeof(struct tctl_stats_value);
}

/* Loopback; but ours have not been told whose network namespace is theirs, and to them it is of another. */
static struct tctl_stats_key key_of(const struct competitor *competitor, uint32_t uid, uint32_t tag)
{
    return (struct tctl_stats_key){.uid = uid, .tag = tag, .iface_index = competitor->ours ? 0 : 1};
}

static int put_rows(const struct competitor *competitor, uint32_t uid, const void *nothing)
{
    const struct tctl_stats_key plain = key_of(competitor, uid, 0), tagged = key_of(competitor, uid, APP_TAG);
    int r = bpf_map_update_elem(competitor->app_stats, &uid, nothing, BPF_ANY);

    if (r == 0 && competitor->uid_stats >= 0)
        r = bpf_map_update_elem(competitor->uid_stats, &plain, nothing, BPF_ANY);
    return r < 0 ? r : bpf_map_update_elem(competitor->tag_stats, &tagged, nothing, BPF_ANY);
}

static int fill_rows(const struct competitor *competitor, uint32_t count)
{
    _cleanup_free_ void *nothing = calloc(1, row_size());
    int r = nothing ? 0 : -ENOMEM;

    for (uint32_t i = 0; i < count && r == 0 && competitor->who != EMPTY; i++)
        r = put_rows(competitor, APP + i, nothing);
    return r;
}

static int load(const struct candidate *how, struct competitor *competitor)
{
    if (how->who == EMPTY)
        return load_empty(competitor);
    if (how->who == NETD_9 || how->who == NETD_15)
        return netd_candidate_load(how, competitor);
    return our_candidate_load(how, competitor);
}

int competitor_load(const struct candidate *how, struct competitor *ret_competitor)
{
    struct competitor competitor = NO_COMPETITOR;
    int r;

    competitor.who = how->who;
    r = load(how, &competitor);
    if (r == 0 && how->rows)
        r = fill_rows(&competitor, how->listed);
    if (r < 0) {
        fprintf(stderr, "bench: %s: %s\n", candidate_names[how->who], strerror(-r));
        competitor_done(&competitor);
        return r;
    }
    *ret_competitor = competitor;
    return 0;
}

void competitor_done(struct competitor *competitor)
{
    if (competitor->who == EMPTY) {
        fd_close(competitor->egress);
        fd_close(competitor->ingress);
    }
    netd_like__destroy(competitor->netd);
    traffic__destroy(competitor->ours);
    *competitor = (struct competitor)NO_COMPETITOR;
}

int competitors_load(uint32_t listed, bool rows, struct competitor competitors[COMPARED])
{
    int r = 0;

    for (enum who who = EMPTY; who < COMPARED && r == 0; who++) {
        const struct candidate how = {.who = who, .chains = TCTL_NETD_CHAINS, .listed = listed, .rows = rows};

        r = competitor_load(&how, &competitors[who]);
    }
    return r;
}

void competitors_done(struct competitor competitors[COMPARED])
{
    for (enum who who = EMPTY; who < COMPARED; who++)
        competitor_done(&competitors[who]);
}

static uint64_t packets_of(const struct competitor *competitor, int map, const void *key)
{
    const bool percpu = competitor->who == PERCPU || competitor->who == PERCPU_ASKED;
    const int cpus = percpu ? libbpf_num_possible_cpus() : 1;
    _cleanup_free_ struct tctl_stats_value *rows = calloc(1, row_size());
    uint64_t packets = 0;

    if (!rows || bpf_map_lookup_elem(map, key, rows) < 0)
        return 0;
    for (int cpu = 0; cpu < cpus; cpu++)
        packets += rows[cpu].rx_packets + rows[cpu].tx_packets;
    return packets;
}

uint64_t competitor_counted(const struct competitor *competitor, uint32_t uid)
{
    return packets_of(competitor, competitor->app_stats, &uid);
}

uint64_t competitor_counted_tag(const struct competitor *competitor, uint32_t uid, uint32_t tag)
{
    const struct tctl_stats_key key = key_of(competitor, uid, tag);

    return packets_of(competitor, competitor->tag_stats, &key);
}
