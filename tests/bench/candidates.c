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

static bool is_percpu(const struct competitor *competitor)
{
    return competitor->who == PERCPU || competitor->who == PERCPU_ASKED;
}

static void add(struct tctl_stats_value *sum, const struct tctl_stats_value *value)
{
    sum->rx_packets += value->rx_packets;
    sum->tx_packets += value->tx_packets;
}

static void add_row(const struct competitor *competitor, int map, const void *key, struct tctl_stats_value *sum)
{
    const int cpus = is_percpu(competitor) ? libbpf_num_possible_cpus() : 1;
    _cleanup_free_ struct tctl_stats_value *values = calloc(1, row_size());

    if (!values || bpf_map_lookup_elem(map, key, values) < 0)
        return;
    for (int cpu = 0; cpu < cpus; cpu++)
        add(sum, &values[cpu]);
}

/* tag 0: whatever its tag. */
static void add_hot(const struct competitor *competitor, uint32_t uid, uint32_t tag, struct tctl_stats_value *sum)
{
    const uint32_t cpus = is_percpu(competitor) ? (uint32_t)libbpf_num_possible_cpus() : 0;
    struct tctl_hot hot;

    for (uint32_t entry = 0; entry < cpus * TCTL_HOT_CHUNKS; entry++) {
        if (bpf_map_lookup_elem(competitor->hot, &entry, &hot) < 0)
            return;
        for (size_t i = 0; i < TCTL_HOT_CHUNK; i++) {
            const struct tctl_hot_row *row = &hot.row[i];

            if (row->used & TCTL_HOT_COUNTS && row->key.uid == uid && (tag == 0 || row->key.tag == tag))
                add(sum, &row->value);
        }
    }
}

uint64_t competitor_counted(const struct competitor *competitor, uint32_t uid)
{
    struct tctl_stats_value sum = {0};

    add_row(competitor, competitor->app_stats, &uid, &sum);
    add_hot(competitor, uid, 0, &sum);
    return sum.rx_packets + sum.tx_packets;
}

struct tctl_stats_value competitor_counted_tag(const struct competitor *competitor, uint32_t uid, uint32_t tag)
{
    struct tctl_stats_value sum = {0};
    struct tctl_stats_key key, *before = NULL;

    for (; bpf_map_get_next_key(competitor->tag_stats, before, &key) == 0; before = &key)
        if (key.uid == uid && key.tag == tag)
            add_row(competitor, competitor->tag_stats, &key, &sum);
    add_hot(competitor, uid, tag, &sum);
    return sum;
}
