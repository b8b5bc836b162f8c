/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "candidates.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>

#include "kernel.h"
#include "traffic.skel.h"
#include "traffic_abi.h"

#define REPEAT 300000
#define MAX_LISTED 4000
#define COOKIES 4000 /* sockets that BPF_PROG_TEST_RUN may make in a whole run */

#define APP 10000 /* first of the UIDs that are listed beside the one whose packets they are, 0 */

static void put(struct bpf_map *map, uint32_t key, uint8_t value)
{
    bpf_map__update_elem(map, &key, sizeof(key), &value, sizeof(value), BPF_ANY);
}

static bool is_allow_list(uint32_t chain)
{
    return TCTL_ALLOW_LISTS & TCTL_BIT(chain);
}

static void fill_netd_chain(struct bpf_map *map, uint32_t chain, const struct candidate *how)
{
    if (!(how->chains & TCTL_BIT(chain)))
        return;
    put(map, TCTL_CHAIN_SWITCH, 1);
    for (uint32_t i = 0; i < how->listed; i++)
        put(map, i == 0 && is_allow_list(chain) ? 0 : APP + i, is_allow_list(chain));
}

/* The other chains' lists are bits of one row for each UID. */
static void fill_own_chains(struct bpf_map *map, const struct candidate *how)
{
    const uint32_t own = how->chains & ~TCTL_NETD_CHAINS;

    for (uint32_t i = 0; own && i <= how->listed; i++) {
        struct tctl_uid_rules row = {.uid = i ? APP + i : 0, .rules = i ? own : own & TCTL_ALLOW_LISTS};

        bpf_map__update_elem(map, &row.uid, sizeof(row.uid), &row, sizeof(row), BPF_ANY);
    }
}

static void fill_chains(struct traffic *programs, const struct candidate *how)
{
    fill_netd_chain(programs->maps.dozable_uid_map, TCTL_DOZABLE, how);
    fill_netd_chain(programs->maps.standby_uid_map, TCTL_STANDBY, how);
    fill_netd_chain(programs->maps.powersave_uid_map, TCTL_POWERSAVE, how);
    fill_own_chains(programs->maps.uid_rules_map, how);
}

void candidates_tag_sockets_to_come(struct bpf_map *cookie_tag, uint32_t uid)
{
    struct tctl_tag tag = {.uid = uid, .tag = 42};
    uint64_t cookie = 0;
    socklen_t size = sizeof(cookie);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size);
    close(fd);
    for (uint64_t last = cookie + COOKIES; cookie < last; cookie++)
        bpf_map__update_elem(cookie_tag, &cookie, sizeof(cookie), &tag, sizeof(tag), BPF_ANY);
}

static void configure(struct traffic *programs, const struct candidate *how)
{
    struct tctl_config config = {
        .range_count = 1,
        .fold_user_namespaces = 1,
        .chains = how->chains & ~TCTL_NETD_CHAINS,
        .row_limit = {1000, 1000, 1000, 1000},
        .app_uids = {{0, UINT32_MAX - 1}},
    };
    uint64_t generation = 1;
    uint32_t zero = 0;

    bpf_map__update_elem(programs->maps.config_map, &zero, sizeof(zero), &config, sizeof(config), BPF_ANY);
    bpf_map__update_elem(programs->maps.generation_map, &zero, sizeof(zero), &generation, sizeof(generation), BPF_ANY);
}

static void size_maps(struct traffic *programs, const struct candidate *how)
{
    struct bpf_map *lists[] = {programs->maps.dozable_uid_map, programs->maps.standby_uid_map,
                               programs->maps.powersave_uid_map, programs->maps.uid_rules_map};
    struct bpf_map *stats[] = {programs->maps.app_uid_stats_map, programs->maps.uid_stats_map,
                               programs->maps.tag_stats_map, programs->maps.iface_stats_map};

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        bpf_map__set_max_entries(lists[i], MAX_LISTED + 1);
    if (!how->percpu) {
        bpf_map__set_autocreate(programs->maps.spill_map, false);
        bpf_map__set_autocreate(programs->maps.busy_map, false);
        return;
    }
    for (size_t i = 0; i < sizeof(stats) / sizeof(stats[0]); i++)
        bpf_map__set_type(stats[i], BPF_MAP_TYPE_PERCPU_HASH);
}

struct traffic *candidates_load(const struct candidate *how)
{
    struct traffic *programs = traffic__open();
    struct tctl_kernel found = {};

    if (!programs)
        return NULL;
    kernel_find_out(how->percpu, &found);
    found.stored_answers = how->stored_answers;
    memcpy((void *)&programs->rodata->kernel, &found, sizeof(found));
    size_maps(programs, how);
    if (traffic__load(programs) < 0) {
        fprintf(stderr, "bench: cannot load the programs: %s\n", strerror(errno));
        traffic__destroy(programs);
        return NULL;
    }
    configure(programs, how);
    fill_chains(programs, how);
    candidates_tag_sockets_to_come(programs->maps.cookie_tag_map, 0);
    return programs;
}

int candidates_load_empty(void)
{
    const struct bpf_insn pass[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1},
        {.code = BPF_JMP | BPF_EXIT},
    };
    LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_CGROUP_INET_EGRESS);
    int fd = bpf_prog_load(BPF_PROG_TYPE_CGROUP_SKB, "empty", "GPL", pass, sizeof(pass) / sizeof(pass[0]), &options);

    return fd < 0 ? -errno : fd;
}

double candidates_run(int prog_fd)
{
    uint8_t packet[ETH_HLEN + 64] = {[12] = ETH_P_IP >> 8, [13] = ETH_P_IP & 0xff};
    struct iphdr *ip = (struct iphdr *)(packet + ETH_HLEN);
    LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet, .data_size_in = sizeof(packet), .repeat = REPEAT);

    ip->version = 4;
    ip->ihl = 5;
    ip->tot_len = htons(64);
    ip->protocol = IPPROTO_UDP;
    return bpf_prog_test_run_opts(prog_fd, &run) < 0 ? (double)-errno : (double)run.duration;
}
