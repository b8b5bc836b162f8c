/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "fixture.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <mntent.h>
#include <sched.h>

#include "generation.h"

static struct fixture *live;

static void find_cgroup2(char *path, size_t size)
{
    FILE *mounts = setmntent("/proc/self/mounts", "r");
    struct mntent *entry;

    assert_non_null(mounts);
    while ((entry = getmntent(mounts)) && strcmp(entry->mnt_type, "cgroup2") != 0)
        ;
    if (entry)
        snprintf(path, size, "%s/trafficctl-prog-%d", entry->mnt_dir, getpid());
    else
        fail_msg("no cgroup2 is mounted");
    endmntent(mounts);
}

static void take_down(void)
{
    struct fault fault = {};

    if (!live)
        return;
    live->loaded = loaded_free(live->loaded);
    if (loader_unload(live->bpffs, &fault) < 0)
        fprintf(stderr, "unload: %s\n", fault.text);
    umount2(live->bpffs, MNT_DETACH);
    rmdir(live->bpffs);
    rmdir(live->cgroup);
    free(live);
    live = NULL;
}

void fixture_stay_on_this_cpu(void)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(sched_getcpu(), &set);
    assert_return_code(sched_setaffinity(0, sizeof(set), &set), errno);
}

struct fixture *fixture_new(bool percpu)
{
    static bool registered;

    assert_null(live);
    live = calloc(1, sizeof(*live));
    assert_non_null(live);
    if (!registered)
        registered = atexit(take_down) == 0;
    strcpy(live->bpffs, "/tmp/trafficctl-prog-XXXXXX");
    assert_non_null(mkdtemp(live->bpffs));
    assert_return_code(mount("bpf", live->bpffs, "bpf", 0, "mode=0700"), errno);
    find_cgroup2(live->cgroup, sizeof(live->cgroup));
    assert_return_code(mkdir(live->cgroup, 0755), errno);
    live->options = (struct load_options){
        .backend = LOAD_BACKEND_BPF, /* whatever the kernel lacks: these tests are about the programs */
        .bpffs = live->bpffs,
        .cgroup = live->cgroup,
        .percpu = percpu,
        .app_uids = {{0, UINT32_MAX - 1}},
        .app_uid_count = 1,
        .fold_user_namespaces = true,
        .rows_per_uid = 10000,
        .accounting_group = "0",
        .read_group = "0",
        .effective = "",
    };
    for (int map = 0; map < LOAD_MAPS; map++)
        live->options.entries[map] = load_map_default_entries(map);
    return live;
}

static void print_warning(const char *text)
{
    print_message("loader: %s\n", text);
}

void fixture_load(struct fixture *fixture)
{
    struct fault fault = {};
    int r = loader_start(&fixture->options, true, print_warning, &fixture->loaded, &fault);

    if (r < 0)
        fail_msg("loader_start: %s (%s)", fault.text, strerror(-r));
}

struct fixture *fixture_free(struct fixture *fixture)
{
    assert_ptr_equal(fixture, live);
    take_down();
    return NULL;
}

int fixture_set_up(void **state)
{
    *state = fixture_new(false);
    return 0;
}

int fixture_tear_down(void **state)
{
    *state = fixture_free(*state);
    return 0;
}

const char *fixture_path(const struct fixture *fixture, const char *below)
{
    static char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s", fixture->bpffs, below);
    return path;
}

int fixture_pin(const struct fixture *fixture, enum pin_id id)
{
    const char *path = fixture_path(fixture, pins[id].path);
    int fd = bpf_obj_get(path);

    if (fd < 0)
        fail_msg("%s: %s", path, strerror(errno));
    return fd;
}

void fixture_unpin_link(const struct fixture *fixture, enum pin_id id)
{
    int fd = fixture_pin(fixture, id);

    assert_return_code(bpf_link_detach(fd), errno);
    close(fd);
    assert_return_code(unlink(fixture_path(fixture, pins[id].path)), errno);
}

void fixture_put(const struct fixture *fixture, enum pin_id id, const void *key, const void *value)
{
    int fd = fixture_pin(fixture, id);

    assert_return_code(bpf_map_update_elem(fd, key, value, BPF_ANY), errno);
    close(fd);
}

bool fixture_get(const struct fixture *fixture, enum pin_id id, const void *key, void *value)
{
    int fd = fixture_pin(fixture, id);
    bool found = bpf_map_lookup_elem(fd, key, value) == 0;

    close(fd);
    return found;
}

void fixture_raise(const struct fixture *fixture)
{
    int fd = fixture_pin(fixture, PIN_GENERATION);

    assert_return_code(generation_raise(fd), 0);
    close(fd);
}

uint64_t *fixture_map_generation(const struct fixture *fixture)
{
    int fd = fixture_pin(fixture, PIN_GENERATION);
    uint64_t *generation = mmap(NULL, sizeof(*generation), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    assert_ptr_not_equal(generation, MAP_FAILED);
    close(fd);
    return generation;
}

static void add(struct tctl_stats_value *sum, const struct tctl_stats_value *value)
{
    sum->rx_packets += value->rx_packets;
    sum->rx_bytes += value->rx_bytes;
    sum->tx_packets += value->tx_packets;
    sum->tx_bytes += value->tx_bytes;
}

static bool is_counted_for(const struct tctl_hot_row *row, enum pin_id id, const void *key)
{
    const struct tctl_stats_key *wanted = key;

    if (!(row->used & TCTL_HOT_COUNTS))
        return false;
    if (id == PIN_APP_UID_STATS)
        return row->key.uid == *(const uint32_t *)key;
    if (id != PIN_UID_STATS && id != PIN_TAG_STATS)
        return false;
    return row->key.uid == wanted->uid && row->key.iface_index == wanted->iface_index &&
           row->key.counter_set == wanted->counter_set &&
           (id == PIN_UID_STATS || (row->key.tag && row->key.tag == wanted->tag));
}

static void add_hot(const struct fixture *fixture, enum pin_id id, const void *key, struct tctl_stats_value *sum)
{
    const uint32_t entries = (uint32_t)libbpf_num_possible_cpus() * TCTL_HOT_CHUNKS;
    struct tctl_hot hot;

    for (uint32_t entry = 0; entry < entries; entry++) {
        assert_true(fixture_get(fixture, PIN_HOT, &entry, &hot));
        for (size_t i = 0; i < TCTL_HOT_CHUNK; i++)
            if (is_counted_for(&hot.row[i], id, key))
                add(sum, &hot.row[i].value);
    }
}

struct tctl_stats_value fixture_map_row(const struct fixture *fixture, enum pin_id id, const void *key)
{
    struct tctl_stats_value *cpu = calloc(libbpf_num_possible_cpus(), sizeof(*cpu)), sum = {};

    assert_non_null(cpu);
    if (fixture_get(fixture, id, key, cpu))
        for (int i = 0; i < (fixture->options.percpu ? libbpf_num_possible_cpus() : 1); i++)
            add(&sum, &cpu[i]);
    free(cpu);
    return sum;
}

struct tctl_stats_value fixture_row(const struct fixture *fixture, enum pin_id id, const void *key)
{
    struct tctl_stats_value sum = fixture_map_row(fixture, id, key);

    if (fixture->options.percpu)
        add_hot(fixture, id, key, &sum);
    return sum;
}

uint64_t fixture_lost(const struct fixture *fixture, enum tctl_stats_map map)
{
    struct tctl_state state = {};
    uint32_t zero = 0;

    assert_true(fixture_get(fixture, PIN_STATE, &zero, &state));
    return state.lost[map];
}

static struct packet ethernet(uint16_t type, uint32_t length)
{
    struct packet packet = {.length = length};

    assert_in_range(length, 1, FIXTURE_PACKET);
    packet.data[12] = type >> 8;
    packet.data[13] = type & 0xff;
    return packet;
}

struct packet packet_ipv4(uint8_t protocol, uint32_t options, uint32_t l4_length)
{
    struct packet packet = ethernet(ETH_P_IP, sizeof(struct iphdr) + options + l4_length);
    struct iphdr *ip = (struct iphdr *)(packet.data + FIXTURE_ETHERNET);

    ip->version = 4;
    ip->ihl = (sizeof(*ip) + options) / 4;
    ip->tot_len = htons(packet.length);
    ip->ttl = 64;
    ip->protocol = protocol;
    return packet;
}

struct packet packet_ipv6(uint8_t next_header, uint32_t l4_length)
{
    struct packet packet = ethernet(ETH_P_IPV6, sizeof(struct ipv6hdr) + l4_length);
    struct ipv6hdr *ip = (struct ipv6hdr *)(packet.data + FIXTURE_ETHERNET);

    ip->version = 6;
    ip->payload_len = htons(l4_length);
    ip->nexthdr = next_header;
    ip->hop_limit = 64;
    return packet;
}

void packet_extend(struct packet *packet, uint8_t type, uint32_t units)
{
    uint8_t *fixed = packet->data + FIXTURE_ETHERNET, *behind = fixed + sizeof(struct ipv6hdr);
    uint32_t length = units * 8;

    assert_in_range(packet->length + length, 1, FIXTURE_PACKET);
    memmove(behind + length, behind, packet->length - sizeof(struct ipv6hdr));
    memset(behind, 0, length);
    behind[0] = ((struct ipv6hdr *)fixed)->nexthdr;
    behind[1] = units - 1;
    ((struct ipv6hdr *)fixed)->nexthdr = type;
    packet->length += length;
}

void packet_tcp(struct packet *packet, uint32_t l3_header, uint32_t tcp_header)
{
    packet->data[FIXTURE_ETHERNET + l3_header + 12] = tcp_header / 4 << 4;
}

uint32_t fixture_run(const struct fixture *fixture, enum pin_id prog, const struct packet *packet, uint32_t repeat)
{
    struct __sk_buff skb = {.gso_size = packet->gso_size, .gso_segs = packet->gso_segs};
    LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet->data, .data_size_in = packet->length + FIXTURE_ETHERNET,
                .ctx_in = &skb, .ctx_size_in = sizeof(skb), .repeat = repeat);
    int fd = fixture_pin(fixture, prog);

    assert_return_code(bpf_prog_test_run_opts(fd, &run), errno);
    close(fd);
    return run.retval;
}

uint64_t fixture_next_cookie(void)
{
    uint64_t cookie = 0;
    socklen_t size = sizeof(cookie);

    fixture_stay_on_this_cpu();
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_return_code(fd, errno);
    assert_return_code(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size), errno);
    close(fd);
    return cookie + 1;
}
