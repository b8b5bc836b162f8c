/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "pinned.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cmocka.h>

#include <trafficctl/traffic.h>

#include "cleanup.h"
#include "fd.h"
#include "hot_change.h"
#include "state.h"

/* Mounts of this process are seen by nobody else and end with it. */
static void leave_mount_namespace(void)
{
    static bool left;
    if (left)
        return;
    assert_return_code(unshare(CLONE_NEWNS), errno);
    assert_return_code(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), errno);
    left = true;
}

static int make_map(const struct pinned *pinned, enum pin_id id)
{
    const struct pin *pin = &pins[id];
    enum bpf_map_type type = pin->counters && pinned->percpu ? BPF_MAP_TYPE_PERCPU_HASH : BPF_MAP_TYPE_HASH;
    uint32_t flags = 0, entries = pin->entries ? pin->entries : 1000;
    if (id == PIN_STATE || id == PIN_GENERATION || id == PIN_HOT) {
        type = BPF_MAP_TYPE_ARRAY;
        flags = BPF_F_MMAPABLE;
    }
    if (id == PIN_CONFIG || id == PIN_HOT_MOVES)
        type = BPF_MAP_TYPE_ARRAY;
    if (id == PIN_HOT)
        entries = (uint32_t)libbpf_num_possible_cpus() * TCTL_HOT_CHUNKS;
    LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = flags);
    return bpf_map_create(type, NULL, pin->key_size, pin->value_size, entries, &options);
}

static void pin_map(struct pinned *pinned, enum pin_id id)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", pinned->bpffs, pins[id].path);
    pinned->fd[id] = make_map(pinned, id);
    assert_return_code(pinned->fd[id], errno);
    assert_return_code(bpf_obj_pin(pinned->fd[id], path), errno);
}

static void mount_bpffs(struct pinned *pinned)
{
    char path[PATH_MAX];
    strcpy(pinned->bpffs, "/tmp/trafficctl-pinned-XXXXXX");
    assert_non_null(mkdtemp(pinned->bpffs));
    assert_return_code(mount("bpf", pinned->bpffs, "bpf", 0, "mode=0711"), errno);
    snprintf(path, sizeof(path), "%s/" TCTL_DIR, pinned->bpffs);
    assert_return_code(mkdir(path, 0711), errno);
    snprintf(path, sizeof(path), "%s/" PINS_RUNNING_DIR, pinned->bpffs);
    assert_return_code(mkdir(path, 0700), errno);
}

static void fill_state(struct pinned *pinned)
{
    struct stat netns;
    assert_return_code(stat("/proc/self/ns/net", &netns), errno);
    assert_int_equal(state_map(pinned->fd[PIN_STATE], &pinned->state), 0);
    pinned->state->abi_version = state_version(pinned->percpu);
    pinned->state->percpu = pinned->percpu;
    pinned->state->netns_inum = (uint32_t)netns.st_ino;
}

static int set_up(void **state, bool percpu)
{
    struct pinned *pinned = calloc(1, sizeof(*pinned));
    assert_non_null(pinned);
    *state = pinned;
    pinned->percpu = percpu;
    memset(pinned->fd, -1, sizeof(pinned->fd));
    leave_mount_namespace();
    mount_bpffs(pinned);
    for (enum pin_id id = 0; id < PINS_NETD_MAPS; id++)
        pin_map(pinned, id);
    pin_map(pinned, PIN_STATE);
    pin_map(pinned, PIN_GENERATION);
    pin_map(pinned, PIN_CONFIG);
    pin_map(pinned, PIN_DROPS);
    pin_map(pinned, PIN_ROW_COUNT);
    pin_map(pinned, PIN_IFACE_PARTS);
    pin_map(pinned, PIN_IFACE_BASE);
    for (enum pin_id id = PIN_SPILL; percpu && id <= PIN_HOT_MOVES; id++)
        pin_map(pinned, id);
    fill_state(pinned);
    return 0;
}

int pinned_setup(void **state)
{
    return set_up(state, false);
}

int pinned_setup_percpu(void **state)
{
    return set_up(state, true);
}

int pinned_teardown(void **state)
{
    struct pinned *pinned = *state;
    state_unmap(pinned->state);
    for (size_t i = 0; i < PINS; i++)
        fd_close(pinned->fd[i]);
    umount2(pinned->bpffs, MNT_DETACH);
    rmdir(pinned->bpffs);
    free(pinned);
    return 0;
}

static struct tctl_stats_value value_of(uint64_t n)
{
    return (struct tctl_stats_value){n, 10 * n, 100 * n, 1000 * n};
}

void pinned_put(const struct pinned *pinned, enum pin_id id, const void *key, uint32_t cpu, uint64_t n)
{
    bool each_cpu = pins[id].counters && pinned->percpu;
    int cpus = libbpf_num_possible_cpus();
    assert_true(cpus > 0);
    _cleanup_free_ struct tctl_stats_value *values = calloc((size_t)cpus, sizeof(*values));
    assert_non_null(values);
    /* What other CPUs have stays. */
    if (each_cpu)
        bpf_map_lookup_elem(pinned->fd[id], key, values);
    values[each_cpu ? cpu : 0] = value_of(n);
    assert_return_code(bpf_map_update_elem(pinned->fd[id], key, values, BPF_ANY), errno);
}

/* For hot_unmap(). */
static struct tctl_hot_row *map_place(const struct pinned *pinned, uint32_t cpu, uint32_t place,
                                      struct hot_pages *ret_pages)
{
    const uint32_t entry = cpu * TCTL_HOT_CHUNKS + place / TCTL_HOT_CHUNK;
    assert_int_equal(hot_map(pinned->bpffs, ret_pages), 0);
    assert_in_range(entry, 0, ret_pages->entries - 1);
    return &ret_pages->entry[entry].row[place % TCTL_HOT_CHUNK];
}

void pinned_put_hot(const struct pinned *pinned, uint32_t cpu, uint32_t place, const struct tctl_stats_key *key,
                    uint64_t n)
{
    struct hot_pages pages;
    struct tctl_hot_row *row = map_place(pinned, cpu, place, &pages);
    row->key = *key;
    row->value = value_of(n);
    row->used = (row->used & ~(uint64_t)TCTL_HOT_USE) + TCTL_HOT_TURN + TCTL_HOT_AGAIN;
    hot_unmap(&pages);
}

void pinned_count_hot(const struct pinned *pinned, uint32_t cpu, uint32_t place, uint64_t n)
{
    struct hot_pages pages;
    struct tctl_hot_row *row = map_place(pinned, cpu, place, &pages);
    row->value = value_of(row->value.rx_packets + n);
    hot_unmap(&pages);
}

void pinned_assert_counters(const struct tctl_counters *counters, uint64_t n)
{
    assert_int_equal(counters->rx_packets, n);
    assert_int_equal(counters->rx_bytes, 10 * n);
    assert_int_equal(counters->tx_packets, 100 * n);
    assert_int_equal(counters->tx_bytes, 1000 * n);
}

void pinned_name(const struct pinned *pinned, uint32_t index, const char *name)
{
    char text[TCTL_IFNAME_LEN];
    memset(text, 0, sizeof(text));
    memcpy(text, name, strnlen(name, sizeof(text)));
    assert_return_code(bpf_map_update_elem(pinned->fd[PIN_IFACE_INDEX_NAME], &index, text, BPF_ANY), errno);
}
