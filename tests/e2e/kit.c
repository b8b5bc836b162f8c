/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#include <cmocka.h>

#include "fd.h"
#include "kit.h"

void each_offload(void (*run)(int family))
{
    static const struct {
        bool tso, gso, gro;
    } offload[] = {
        {false, false, false}, {false, true, false}, {false, true, true}, {true, true, false}, {true, true, true}};

    for (size_t i = 0; i < ARRAY_SIZE(offload); i++) {
        assert_int_equal(world_offload(the_world, offload[i].tso, offload[i].gso, offload[i].gro), 0);
        run(AF_INET);
        run(AF_INET6);
    }
}

void route_to_b(const char *suffix)
{
    assert_int_equal(
        world_run(the_world, PLACE_A, "ip route replace 198.51.100.0/24 via 198.51.100.1 dev a0 onlink %s", suffix), 0);
    assert_int_equal(
        world_run(the_world, PLACE_A, "ip route replace fd00:b::/64 via fd00:b::1 dev a0 onlink %s", suffix), 0);
}

void receive_all(int fd, size_t size)
{
    static char block[65536];

    for (size_t got = 0; got < size;) {
        ssize_t n;

        wait_for(fd, POLLIN);
        n = recv(fd, block, sizeof(block), 0);
        assert_true(n > 0);
        got += (size_t)n;
    }
}

uint64_t cookie_of(int fd)
{
    uint64_t cookie = 0;
    socklen_t size = sizeof(cookie);

    assert_return_code(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size), errno);
    return cookie;
}

static int pin_open(struct world *world, const char *pin)
{
    int fd = world_map(world, pin);

    assert_true(fd >= 0);
    return fd;
}

void tag_write(struct world *world, int fd, uint32_t uid, uint32_t tag)
{
    _cleanup_fd_ int map = pin_open(world, "traffic_cookie_tag_map");
    struct tctl_tag value = {.uid = uid, .tag = tag};
    uint64_t cookie = cookie_of(fd);

    if (uid == UINT32_MAX)
        assert_int_equal(bpf_map_delete_elem(map, &cookie), 0);
    else
        assert_int_equal(bpf_map_update_elem(map, &cookie, &value, BPF_ANY), 0);
}

void answer_drop(struct world *world, int fd)
{
    _cleanup_fd_ int map = pin_open(world, TCTL_DIR "/socket_storage");
    int r = bpf_map_delete_elem(map, &fd);

    assert_true(r == 0 || errno == ENOENT);
}

void policy_raise(struct world *world)
{
    _cleanup_fd_ int map = pin_open(world, TCTL_DIR "/generation");
    uint64_t *generation = mmap(NULL, sizeof(*generation), PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);

    assert_ptr_not_equal(generation, MAP_FAILED);
    __atomic_fetch_add(generation, 1, __ATOMIC_SEQ_CST);
    munmap(generation, sizeof(*generation));
}

void byte_write(struct world *world, const char *pin, uint32_t key, uint8_t value)
{
    _cleanup_fd_ int map = pin_open(world, pin);

    assert_int_equal(bpf_map_update_elem(map, &key, &value, BPF_ANY), 0);
}

void byte_remove(struct world *world, const char *pin, uint32_t key)
{
    row_remove(world, pin, &key);
}

void stats_write(struct world *world, const char *pin, const void *key, struct tctl_stats_value value)
{
    _cleanup_free_ struct tctl_stats_value *values = calloc((size_t)libbpf_num_possible_cpus(), sizeof(*values));
    _cleanup_fd_ int map = pin_open(world, pin);

    assert_non_null(values);
    values[0] = value;
    assert_return_code(bpf_map_update_elem(map, key, values, BPF_ANY), errno);
}

void row_remove(struct world *world, const char *pin, const void *key)
{
    _cleanup_fd_ int map = pin_open(world, pin);

    assert_int_equal(bpf_map_delete_elem(map, key), 0);
}

size_t bpffs_entries(struct world *world)
{
    DIR *dir = opendir(world->bpffs);
    struct dirent *entry;
    size_t count = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir)))
        count += entry->d_name[0] != '.' && !strstr(entry->d_name, ".debug");
    closedir(dir);
    return count;
}

static bool is_of_uids(const char *pin)
{
    return strcmp(pin, "traffic_app_uid_stats_map") == 0 || strcmp(pin, "traffic_uid_stats_map") == 0 ||
           strcmp(pin, "traffic_tag_stats_map") == 0;
}

static void hot_empty(struct world *world)
{
    const uint32_t entries = (uint32_t)libbpf_num_possible_cpus() * TCTL_HOT_CHUNKS;
    _cleanup_fd_ int map = pin_open(world, TCTL_DIR "/hot");
    const struct tctl_hot none = {0};

    for (uint32_t entry = 0; entry < entries; entry++)
        assert_return_code(bpf_map_update_elem(map, &entry, &none, BPF_ANY), errno);
}

void map_empty(struct world *world, const char *pin)
{
    _cleanup_fd_ int map = pin_open(world, pin);
    char key[32];

    if (world->options.percpu && is_of_uids(pin))
        hot_empty(world);

    while (bpf_map_get_next_key(map, NULL, key) == 0)
        assert_int_equal(bpf_map_delete_elem(map, key), 0);
}

size_t map_rows(struct world *world, const char *pin)
{
    _cleanup_fd_ int map = pin_open(world, pin);
    char key[32], next[32];
    size_t rows = 0;

    for (void *at = NULL; bpf_map_get_next_key(map, at, next) == 0; at = key) {
        memcpy(key, next, sizeof(key));
        rows++;
    }
    return rows;
}

static void rows_add(struct world *world, const char *pin, struct rows *rows)
{
    _cleanup_fd_ int map = pin_open(world, pin);
    struct bpf_map_info info = {0};
    uint32_t size = sizeof(info);
    unsigned char *at = rows->bytes + rows->size;
    void *key = NULL;

    assert_int_equal(bpf_obj_get_info_by_fd(map, &info, &size), 0);
    size = info.key_size + info.value_size;
    for (; at + size <= rows->bytes + sizeof(rows->bytes) && bpf_map_get_next_key(map, key, at) == 0; at += size) {
        assert_int_equal(bpf_map_lookup_elem(map, at, at + info.key_size), 0);
        key = at;
    }
    rows->size = (size_t)(at - rows->bytes);
    assert_true(rows->size + size <= sizeof(rows->bytes)); /* else there may be more */
}

void rows_read(struct world *world, struct rows *ret_rows)
{
    static const char *const names[] = {"traffic_cookie_tag_map", "traffic_uid_counterSet_map", TCTL_DIR "/tag_count",
                                        TCTL_DIR "/tags_ended", TCTL_DIR "/deletions"};

    ret_rows->size = 0;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        rows_add(world, names[i], ret_rows);
}

void assert_rows_equal(const struct rows *rows, const struct rows *expected)
{
    assert_int_equal(rows->size, expected->size);
    assert_memory_equal(rows->bytes, expected->bytes, expected->size);
}

bool tag_read(struct world *world, int fd, struct tctl_tag *ret_tag)
{
    _cleanup_fd_ int map = pin_open(world, "traffic_cookie_tag_map");
    uint64_t cookie = cookie_of(fd);

    return bpf_map_lookup_elem(map, &cookie, ret_tag) == 0;
}

void assert_tag(struct world *world, int fd, uint32_t uid, uint32_t tag)
{
    struct tctl_tag now;
    bool tagged = tag_read(world, fd, &now);

    assert_int_equal(tagged, uid != UINT32_MAX);
    if (tagged && (now.uid != uid || now.tag != tag))
        fail_msg("tagged {%u, %u}, not {%u, %u}", now.uid, now.tag, uid, tag);
}

uint8_t byte_read(struct world *world, const char *pin, uint32_t key)
{
    _cleanup_fd_ int map = pin_open(world, pin);
    uint8_t value = 0;

    return bpf_map_lookup_elem(map, &key, &value) == 0 ? value : 0;
}

struct tctl_counters tag_sum(struct world *world, uint32_t uid, uint32_t tag)
{
    return detail_sum(world, &(struct tctl_filter){.has_uid = true, .uid = uid, .has_tag = true, .tag = tag});
}

struct tctl_counters uid_total(struct world *world, uint32_t uid)
{
    struct tctl_counters counters;

    assert_int_equal(tctl_read_uid(world->traffic, uid, &counters), 0);
    return counters;
}

bool uid_has_row(struct world *world, uint32_t uid)
{
    struct tctl_counters c = uid_total(world, uid);

    return c.rx_packets || c.tx_packets;
}

uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool soon(bool (*is_so)(uint64_t wanted), uint64_t wanted, uint64_t within_ms)
{
    for (uint64_t start = now_ms(); !is_so(wanted); nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL))
        if (now_ms() - start > within_ms)
            return is_so(wanted);
    return true;
}

int loopback_up(void)
{
    _cleanup_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};

    return fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) < 0 ? -errno : 0;
}
