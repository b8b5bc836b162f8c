/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "programs.h"

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
#define COOKIES 4000 /* sockets that BPF_PROG_TEST_RUN may make in a whole run */

static void put(struct bpf_map *map, uint32_t key, uint8_t value)
{
    bpf_map__update_elem(map, &key, sizeof(key), &value, sizeof(value), BPF_ANY);
}

static void switch_chains_on(struct traffic *programs)
{
    struct bpf_map *chains[] = {programs->maps.dozable_uid_map, programs->maps.standby_uid_map,
                                programs->maps.powersave_uid_map};

    for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++) {
        put(chains[i], TCTL_CHAIN_SWITCH, 1);
        put(chains[i], 0, 1);
    }
}

/* Cookies are handed out in sequence: the next ones are those of the run's sockets. */
static void tag_sockets_to_come(struct traffic *programs)
{
    struct tctl_tag tag = {.uid = 0, .tag = 42};
    uint64_t cookie = 0;
    socklen_t size = sizeof(cookie);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size);
    close(fd);
    for (uint64_t last = cookie + COOKIES; cookie < last; cookie++)
        bpf_map__update_elem(programs->maps.cookie_tag_map, &cookie, sizeof(cookie), &tag, sizeof(tag), BPF_ANY);
}

static void configure(struct traffic *programs)
{
    struct tctl_config config = {
        .range_count = 1,
        .fold_user_namespaces = 1,
        .row_limit = {1000, 1000, 1000, 1000},
        .app_uids = {{0, UINT32_MAX - 1}},
    };
    uint64_t generation = 1;
    uint32_t zero = 0;

    bpf_map__update_elem(programs->maps.config_map, &zero, sizeof(zero), &config, sizeof(config), BPF_ANY);
    bpf_map__update_elem(programs->maps.generation_map, &zero, sizeof(zero), &generation, sizeof(generation), BPF_ANY);
}

static void size_maps(struct traffic *programs, bool percpu)
{
    struct bpf_map *stats[] = {programs->maps.app_uid_stats_map, programs->maps.uid_stats_map,
                               programs->maps.tag_stats_map, programs->maps.iface_stats_map};

    if (!percpu) {
        bpf_map__set_autocreate(programs->maps.spill_map, false);
        bpf_map__set_autocreate(programs->maps.busy_map, false);
        return;
    }
    for (size_t i = 0; i < sizeof(stats) / sizeof(stats[0]); i++)
        bpf_map__set_type(stats[i], BPF_MAP_TYPE_PERCPU_HASH);
}

struct traffic *programs_load(bool percpu, bool stored_answers)
{
    struct traffic *programs = traffic__open();
    struct tctl_kernel found = {};

    if (!programs)
        return NULL;
    kernel_find_out(percpu, &found);
    found.stored_answers = stored_answers;
    memcpy((void *)&programs->rodata->kernel, &found, sizeof(found));
    size_maps(programs, percpu);
    if (traffic__load(programs) < 0) {
        fprintf(stderr, "bench: cannot load the programs: %s\n", strerror(errno));
        traffic__destroy(programs);
        return NULL;
    }
    configure(programs);
    switch_chains_on(programs);
    tag_sockets_to_come(programs);
    return programs;
}

int programs_load_empty(void)
{
    const struct bpf_insn pass[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1},
        {.code = BPF_JMP | BPF_EXIT},
    };
    LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_CGROUP_INET_EGRESS);
    int fd = bpf_prog_load(BPF_PROG_TYPE_CGROUP_SKB, "empty", "GPL", pass, sizeof(pass) / sizeof(pass[0]), &options);

    return fd < 0 ? -errno : fd;
}

double programs_run(int prog_fd)
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
