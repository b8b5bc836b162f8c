/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "iface_kit.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <cmocka.h>

#include <trafficctl/traffic.h>

#include "cleanup.h"

void kit_set(const struct pinned *pinned, uint32_t index, const char *name)
{
    _cleanup_(iface_names_done) struct iface_names names;
    assert_int_equal(iface_names_open(pinned->bpffs, &names), 0);
    assert_int_equal(iface_names_set(&names, index, name), 0);
    assert_false(names.full);
}

static int remove_and_fold(const char *bpffs, const struct iface_name *gone, size_t count)
{
    _cleanup_(iface_names_done) struct iface_names names;
    int r = iface_names_open(bpffs, &names);
    if (r == 0)
        r = iface_names_remove(&names, gone, count);
    return r < 0 ? r : iface_names_fold(&names);
}

void kit_remove_all(const struct pinned *pinned, const struct iface_name *gone, size_t count)
{
    assert_int_equal(remove_and_fold(pinned->bpffs, gone, count), 0);
}

void kit_remove(const struct pinned *pinned, uint32_t index, const char *name)
{
    struct iface_name gone = {.index = index};
    strncat(gone.name, name, sizeof(gone.name) - 1);
    kit_remove_all(pinned, &gone, 1);
}

void kit_kill_in(const struct pinned *pinned, const struct iface_name *gone, size_t count, unsigned int step)
{
    int begun[2], status;
    char byte;
    assert_return_code(pipe(begun), errno);
    pid_t child = fork();
    assert_return_code(child, errno);
    if (child == 0) {
        if (write(begun[1], "", 1) != 1)
            _exit(2);
        _exit(remove_and_fold(pinned->bpffs, gone, count) < 0);
    }
    assert_int_equal(read(begun[0], &byte, 1), 1);
    const struct timespec later = {.tv_nsec = 20000L * step};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &later, NULL);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    close(begun[0]);
    close(begun[1]);
}

static void raise_share(const struct pinned *pinned, uint32_t uid)
{
    struct tctl_row_count count = {0};
    bpf_map_lookup_elem(pinned->fd[PIN_ROW_COUNT], &uid, &count);
    count.rows[TCTL_UID_STATS]++;
    assert_return_code(bpf_map_update_elem(pinned->fd[PIN_ROW_COUNT], &uid, &count, BPF_ANY), errno);
}

void kit_count_on(const struct pinned *pinned, uint32_t index, uint32_t uid, uint32_t cpu, uint64_t n)
{
    const struct tctl_stats_key key = {.uid = uid, .iface_index = index};
    pinned_put(pinned, PIN_UID_STATS, &key, cpu, n);
}

void kit_count(const struct pinned *pinned, uint32_t index, uint32_t uid, uint64_t n)
{
    kit_count_on(pinned, index, uid, 0, n);
    raise_share(pinned, uid);
}

void kit_count_iface(const struct pinned *pinned, uint32_t index, uint64_t n)
{
    pinned_put(pinned, PIN_IFACE_STATS, &index, 0, n);
}

void kit_limit(const struct pinned *pinned, uint32_t rows)
{
    const uint32_t zero = 0;
    struct tctl_config config = {0};
    for (size_t i = 0; i < TCTL_COUNTED_MAPS; i++)
        config.row_limit[i] = rows;
    assert_return_code(bpf_map_update_elem(pinned->fd[PIN_CONFIG], &zero, &config, BPF_ANY), errno);
}

static struct tctl *open_reader(const struct pinned *pinned)
{
    struct tctl *traffic = NULL;
    assert_int_equal(tctl_open(pinned->bpffs, &traffic), 0);
    return traffic;
}

void kit_assert_detail(const struct pinned *pinned, const char *iface, uint32_t uid, uint64_t n)
{
    const struct tctl_filter filter = {.ifaces = &iface, .iface_count = 1, .has_uid = true, .uid = uid};
    _cleanup_free_ struct tctl_detail_row *rows = NULL;
    struct tctl *traffic = open_reader(pinned);
    size_t count;
    assert_int_equal(tctl_read_details(traffic, &filter, &rows, &count), 0);
    tctl_close(traffic);
    assert_int_equal(count, n > 0);
    if (n > 0)
        pinned_assert_counters(&rows->counters, n);
}

void kit_assert_iface(const struct pinned *pinned, const char *iface, uint64_t n)
{
    _cleanup_free_ struct tctl_iface_row *rows = NULL;
    struct tctl *traffic = open_reader(pinned);
    size_t count;
    assert_int_equal(tctl_read_ifaces(traffic, &rows, &count), 0);
    tctl_close(traffic);
    assert_int_equal(count, 1);
    assert_string_equal(rows->iface, iface);
    pinned_assert_counters(&rows->counters, n);
}

uint64_t kit_sum(const struct pinned *pinned, uint32_t uid)
{
    const struct tctl_filter filter = {.has_uid = true, .uid = uid};
    _cleanup_free_ struct tctl_detail_row *rows = NULL;
    struct tctl *traffic = open_reader(pinned);
    uint64_t sum = 0;
    size_t count;
    assert_int_equal(tctl_read_details(traffic, &filter, &rows, &count), 0);
    tctl_close(traffic);
    for (size_t i = 0; i < count; i++)
        sum += rows[i].counters.rx_packets;
    return sum;
}

void kit_assert_name(const struct pinned *pinned, uint32_t index, const char *name)
{
    char text[TCTL_IFNAME_LEN];
    int r = bpf_map_lookup_elem(pinned->fd[PIN_IFACE_INDEX_NAME], &index, text);
    assert_int_equal(r, name ? 0 : -ENOENT);
    if (name)
        assert_string_equal(text, name);
}

static size_t count_rows(int fd, int (*wanted)(const void *key, const void *context), const void *context)
{
    unsigned char key[64];
    size_t count = 0;
    for (const void *last = NULL; bpf_map_get_next_key(fd, last, key) == 0; last = key)
        count += wanted(key, context) != 0;
    return count;
}

static int is_any(const void *key, const void *context)
{
    (void)key;
    (void)context;
    return 1;
}

static int is_index(const void *key, const void *index)
{
    return memcmp(key, index, sizeof(uint32_t)) == 0;
}

static int is_detail(const void *key, const void *index)
{
    return ((const struct tctl_stats_key *)key)->iface_index == *(const uint32_t *)index;
}

static int is_spilt(const void *key, const void *index)
{
    return ((const struct tctl_spill_key *)key)->key.iface_index == *(const uint32_t *)index;
}

static int is_uid(const void *key, const void *uid)
{
    return ((const struct tctl_stats_key *)key)->uid == *(const uint32_t *)uid;
}

size_t kit_names(const struct pinned *pinned)
{
    return count_rows(pinned->fd[PIN_IFACE_INDEX_NAME], is_any, NULL);
}

void kit_assert_names(const struct pinned *pinned, size_t count)
{
    assert_int_equal(kit_names(pinned), count);
}

void kit_assert_no_rows(const struct pinned *pinned, uint32_t index)
{
    assert_int_equal(count_rows(pinned->fd[PIN_UID_STATS], is_detail, &index), 0);
    assert_int_equal(count_rows(pinned->fd[PIN_TAG_STATS], is_detail, &index), 0);
    assert_int_equal(count_rows(pinned->fd[PIN_IFACE_STATS], is_index, &index), 0);
    assert_int_equal(count_rows(pinned->fd[PIN_IFACE_PARTS], is_index, &index), 0);
    assert_int_equal(count_rows(pinned->fd[PIN_IFACE_BASE], is_index, &index), 0);
    if (pinned->percpu)
        assert_int_equal(count_rows(pinned->fd[PIN_SPILL], is_spilt, &index), 0);
}

void kit_assert_share(const struct pinned *pinned, uint32_t uid, uint32_t rows)
{
    struct tctl_row_count count;
    assert_return_code(bpf_map_lookup_elem(pinned->fd[PIN_ROW_COUNT], &uid, &count), errno);
    assert_int_equal(count.rows[TCTL_UID_STATS], rows);
    assert_int_equal(count_rows(pinned->fd[PIN_UID_STATS], is_uid, &uid), rows);
}
