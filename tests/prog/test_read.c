/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The library's readers at real maps. netd's BpfNetworkStatsTest, as far as it is about maps. */
#include "pinned.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cmocka.h>

#include <trafficctl/traffic.h>

#include "cleanup.h"
#include "fd.h"
#include "read.h"
#include "stats.h"

#define UID1 10001u
#define UID2 0x80000001u
#define TAG 0x1234u
#define ETH 4000001u /* no interface of this machine has such a number */
#define WLAN 4000002u

static struct tctl *open_reader(const struct pinned *pinned)
{
    struct tctl *traffic = NULL;
    assert_int_equal(tctl_open(pinned->bpffs, &traffic), 0);
    return traffic;
}

static void put_detail(const struct pinned *pinned, uint32_t uid, uint32_t tag, uint32_t set, uint32_t iface,
                       uint64_t n)
{
    struct tctl_stats_key key = {.uid = uid, .tag = tag, .counter_set = set, .iface_index = iface};
    pinned_put(pinned, tag ? PIN_TAG_STATS : PIN_UID_STATS, &key, 0, n);
}

/* TestGetUidStatsTotal: exact, by UID and in the list. */
static void test_uid_totals_are_exact(void **state)
{
    const struct pinned *pinned = *state;
    pinned_put(pinned, PIN_APP_UID_STATS, &(uint32_t){UID2}, 0, 1ull << 40);
    pinned_put(pinned, PIN_APP_UID_STATS, &(uint32_t){UID1}, 0, 7);
    struct tctl *traffic = open_reader(pinned);
    struct tctl_counters counters;
    assert_int_equal(tctl_read_uid(traffic, UID1, &counters), 0);
    pinned_assert_counters(&counters, 7);
    assert_int_equal(tctl_read_uid(traffic, UID2, &counters), 0);
    pinned_assert_counters(&counters, 1ull << 40);

    struct tctl_uid_row *rows = NULL;
    size_t count;
    assert_int_equal(tctl_read_uids(traffic, &rows, &count), 0);
    assert_int_equal(count, 2);
    assert_int_equal(rows[0].uid, UID1);
    pinned_assert_counters(&rows[0].counters, 7);
    assert_int_equal(rows[1].uid, UID2);
    pinned_assert_counters(&rows[1].counters, 1ull << 40);
    free(rows);
    tctl_close(traffic);
}

/* TestUidStatsNoTraffic, and nothing is made by asking. */
static void test_uid_without_traffic_has_zeroes(void **state)
{
    const struct pinned *pinned = *state;
    struct tctl *traffic = open_reader(pinned);
    struct tctl_counters counters = {1, 2, 3, 4};
    assert_int_equal(tctl_read_uid(traffic, UID1, &counters), 0);
    pinned_assert_counters(&counters, 0);

    struct tctl_uid_row *rows = (void *)&counters;
    size_t count = 7;
    assert_int_equal(tctl_read_uids(traffic, &rows, &count), 0);
    assert_null(rows);
    assert_int_equal(count, 0);
    tctl_close(traffic);
}

/* TestGetStatsDetail, TestGetStatsSortedAndGrouped: from both maps, names from the map. */
static void test_details_of_both_maps(void **state)
{
    const struct pinned *pinned = *state;
    pinned_name(pinned, ETH, "eth0");
    pinned_name(pinned, WLAN, "eth0");
    put_detail(pinned, UID1, 0, 0, ETH, 1);
    put_detail(pinned, UID1, 0, 0, WLAN, 2);
    put_detail(pinned, UID1, TAG, 1, ETH, 4);
    put_detail(pinned, UID2, 0, 0, ETH, 8);
    struct tctl *traffic = open_reader(pinned);
    struct tctl_detail_row *rows;
    size_t count;
    assert_int_equal(tctl_read_details(traffic, NULL, &rows, &count), 0);
    assert_int_equal(count, 3);
    assert_string_equal(rows[0].iface, "eth0");
    assert_int_equal(rows[0].uid, UID1);
    assert_int_equal(rows[0].tag, 0);
    pinned_assert_counters(&rows[0].counters, 1 + 2);
    assert_int_equal(rows[1].tag, TAG);
    assert_int_equal(rows[1].set, 1);
    pinned_assert_counters(&rows[1].counters, 4);
    assert_int_equal(rows[2].uid, UID2);
    free(rows);

    struct tctl_filter filter = {.ifaces = (const char *const[]){"eth0"},
                                 .iface_count = 1,
                                 .has_uid = true,
                                 .uid = UID1,
                                 .has_tag = true,
                                 .tag = TAG};
    assert_int_equal(tctl_read_details(traffic, &filter, &rows, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].tag, TAG);
    free(rows);
    tctl_close(traffic);
}

/* TestGetIfaceStatsInternal, TestGetIfaceStatsDetail: a name that fills the value is cut to 15. */
static void test_ifaces_by_name(void **state)
{
    const struct pinned *pinned = *state;
    pinned_name(pinned, ETH, "0123456789abcdef");
    pinned_put(pinned, PIN_IFACE_STATS, &(uint32_t){ETH}, 0, 3);
    pinned_put(pinned, PIN_IFACE_STATS, &(uint32_t){WLAN}, 0, 5);
    pinned_put(pinned, PIN_IFACE_STATS, &(uint32_t){1}, 0, 7);
    struct tctl *traffic = open_reader(pinned);
    struct tctl_iface_row *rows;
    size_t count;
    assert_int_equal(tctl_read_ifaces(traffic, &rows, &count), 0);
    assert_int_equal(count, 3);
    assert_string_equal(rows[0].iface, "0123456789abcde");
    pinned_assert_counters(&rows[0].counters, 3);
    assert_string_equal(rows[1].iface, "4000002");
    pinned_assert_counters(&rows[1].counters, 5);
    assert_string_equal(rows[2].iface, "lo");
    pinned_assert_counters(&rows[2].counters, 7);
    free(rows);
    tctl_close(traffic);
}

/* The kernel here knows nothing of the interfaces of the namespace that was counted in. */
static void test_ifaces_of_another_namespace_keep_their_number(void **state)
{
    const struct pinned *pinned = *state;
    pinned->state->netns_inum++;
    pinned_put(pinned, PIN_IFACE_STATS, &(uint32_t){1}, 0, 7);
    struct tctl *traffic = open_reader(pinned);
    struct tctl_iface_row *rows;
    size_t count;
    assert_int_equal(tctl_read_ifaces(traffic, &rows, &count), 0);
    assert_int_equal(count, 1);
    assert_string_equal(rows[0].iface, "1");
    free(rows);
    tctl_close(traffic);
}

static int no_batch(int fd, void *in, void *out, void *keys, void *values, __u32 *count,
                    const struct bpf_map_batch_opts *options)
{
    (void)fd, (void)in, (void)out, (void)keys, (void)values, (void)options;
    *count = 0;
    return -EINVAL; /* as kernels before 5.6 */
}

static int delete_at, times_listed;

/* Deletes the key that it has just handed out, once. */
static int next_key_then_delete(int fd, const void *key, void *next_key)
{
    int r = bpf_map_get_next_key(fd, key, next_key);
    if (r == 0 && ++times_listed == delete_at)
        assert_return_code(bpf_map_delete_elem(fd, next_key), errno);
    return r;
}

#define MANY 5000u

static void put_many(const struct pinned *pinned)
{
    for (uint32_t uid = 1; uid <= MANY; uid++)
        pinned_put(pinned, PIN_APP_UID_STATS, &uid, 0, uid);
}

/* All of app_uid_stats by calls, each row checked and there once. Returns how many. */
static size_t read_many(const struct pinned *pinned, const struct read_calls *calls)
{
    _cleanup_(stats_rows_done) struct stats_rows rows = {0};
    static bool seen[MANY + 1];
    memset(seen, 0, sizeof(seen));
    struct stats_map map = {.fd = pinned->fd[PIN_APP_UID_STATS]};
    const struct stats_beside none = STATS_BESIDE_NONE;
    assert_int_equal(read_shape_of(map.fd, &map.shape), 0);
    assert_int_equal(stats_read(calls, &map, &none, TCTL_APP_UID_STATS, &rows), 0);
    for (size_t i = 0; i < rows.count; i++) {
        uint32_t uid = rows.rows[i].key.uid;
        if (uid > MANY)
            continue; /* somebody else's */
        assert_false(seen[uid]);
        seen[uid] = true;
        assert_int_equal(rows.rows[i].value.tx_bytes, 1000 * (uint64_t)uid);
    }
    return rows.count;
}

/* TestBpfIterateMap */
static void test_every_row_once_in_batches_and_by_key(void **state)
{
    const struct pinned *pinned = *state;
    const struct read_calls by_key = {no_batch, bpf_map_get_next_key, bpf_map_lookup_elem};
    put_many(pinned);
    assert_int_equal(read_many(pinned, &read_kernel), MANY);
    assert_int_equal(read_many(pinned, &by_key), MANY);
}

static int batches;

static int count_batches(int fd, void *in, void *out, void *keys, void *values, __u32 *count,
                         const struct bpf_map_batch_opts *options)
{
    batches++;
    return bpf_map_lookup_batch(fd, in, out, keys, values, count, options);
}

/* As if the fullest bucket had more rows than there was room for. */
static int want_more_room(int fd, void *in, void *out, void *keys, void *values, __u32 *count,
                          const struct bpf_map_batch_opts *options)
{
    return batches++ ? bpf_map_lookup_batch(fd, in, out, keys, values, count, options) : -ENOSPC;
}

static void test_all_rows_are_one_call(void **state)
{
    const struct pinned *pinned = *state;
    const struct read_calls counted = {count_batches, bpf_map_get_next_key, bpf_map_lookup_elem};
    const struct read_calls little = {want_more_room, bpf_map_get_next_key, bpf_map_lookup_elem};
    put_many(pinned);
    batches = 0;
    assert_int_equal(read_many(pinned, &counted), MANY);
    assert_int_equal(batches, 1);
    batches = 0;
    assert_int_equal(read_many(pinned, &little), MANY);
    assert_int_equal(batches, 2);
}

/* TestIterateMapWithDeletion: the kernel starts again after a deleted key; the rows read before do not come twice. */
static void test_deletion_of_the_current_key(void **state)
{
    const struct pinned *pinned = *state;
    const struct read_calls by_key = {no_batch, next_key_then_delete, bpf_map_lookup_elem};
    put_many(pinned);
    delete_at = MANY / 2;
    times_listed = 0;
    assert_int_equal(read_many(pinned, &by_key), MANY - 1);
    assert_true(times_listed > (int)MANY);
}

struct churn {
    const struct pinned *pinned;
    bool stop;
    uint64_t rounds;
};

/* Rows of other UIDs come and go until told to stop. */
static void *churn(void *context)
{
    struct churn *churn = context;
    int fd = churn->pinned->fd[PIN_APP_UID_STATS];
    const struct tctl_stats_value value = {0};
    while (!__atomic_load_n(&churn->stop, __ATOMIC_ACQUIRE)) {
        for (uint32_t uid = MANY + 1; uid <= MANY + 2000; uid++)
            bpf_map_update_elem(fd, &uid, &value, BPF_ANY);
        for (uint32_t uid = MANY + 1; uid <= MANY + 2000; uid++)
            bpf_map_delete_elem(fd, &uid);
        __atomic_fetch_add(&churn->rounds, 1, __ATOMIC_RELEASE);
    }
    return NULL;
}

/* How many rows a reading has of those that nobody takes away. No assert: the other thread runs. */
static size_t read_staying(struct tctl *traffic)
{
    _cleanup_free_ struct tctl_uid_row *rows = NULL;
    size_t count = 0, staying = 0;
    tctl_read_uids(traffic, &rows, &count);
    for (size_t i = 0; i < count; i++)
        staying += rows[i].uid <= MANY;
    return staying;
}

static void test_rows_that_stay_are_read_while_others_come_and_go(void **state)
{
    const struct pinned *pinned = *state;
    struct tctl *traffic = open_reader(pinned);
    struct churn others = {.pinned = pinned};
    pthread_t thread;
    put_many(pinned);
    assert_int_equal(pthread_create(&thread, NULL, churn, &others), 0);
    size_t wrong = 0;
    for (int scan = 0; scan < 50 || __atomic_load_n(&others.rounds, __ATOMIC_ACQUIRE) < 10; scan++)
        wrong += read_staying(traffic) != MANY;
    __atomic_store_n(&others.stop, true, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    assert_int_equal(wrong, 0);
    tctl_close(traffic);
}

static void put_spill(const struct pinned *pinned, enum tctl_stats_map map, struct tctl_stats_key key, uint64_t n)
{
    struct tctl_spill_key spill = {.map = map, .key = key};
    pinned_put(pinned, PIN_SPILL, &spill, 0, n);
}

/* CPU 0 has 1, and what programs spilt has the larger powers of two: no sum can be mistaken for another. */
static void test_percpu_uid_totals_include_the_spill(void **state)
{
    const struct pinned *pinned = *state;
    uint32_t uid = UID1, cpu = (uint32_t)libbpf_num_possible_cpus() - 1;
    pinned_put(pinned, PIN_APP_UID_STATS, &uid, 0, 1);
    pinned_put(pinned, PIN_APP_UID_STATS, &uid, cpu, 2);
    uint64_t sum = cpu ? 1 + 2 : 2;
    put_spill(pinned, TCTL_APP_UID_STATS, (struct tctl_stats_key){.uid = UID1, .iface_index = ETH}, 4);
    put_spill(pinned, TCTL_APP_UID_STATS, (struct tctl_stats_key){.uid = UID1, .counter_set = 1}, 8);
    put_spill(pinned, TCTL_UID_STATS, (struct tctl_stats_key){.uid = UID1}, 16);
    put_spill(pinned, TCTL_APP_UID_STATS, (struct tctl_stats_key){.uid = UID2}, 32);
    struct tctl *traffic = open_reader(pinned);
    struct tctl_counters counters;
    assert_int_equal(tctl_read_uid(traffic, UID1, &counters), 0);
    pinned_assert_counters(&counters, sum + 4 + 8);

    struct tctl_uid_row *rows;
    size_t count;
    assert_int_equal(tctl_read_uids(traffic, &rows, &count), 0);
    assert_int_equal(count, 2);
    pinned_assert_counters(&rows[0].counters, sum + 4 + 8);
    assert_int_equal(rows[1].uid, UID2);
    pinned_assert_counters(&rows[1].counters, 32);
    free(rows);
    tctl_close(traffic);
}

static void test_percpu_details_and_ifaces_include_the_spill(void **state)
{
    const struct pinned *pinned = *state;
    struct tctl_stats_key key = {.uid = UID1, .tag = TAG, .iface_index = ETH};
    pinned_put(pinned, PIN_TAG_STATS, &key, 0, 1);
    put_spill(pinned, TCTL_TAG_STATS, key, 2);
    put_spill(pinned, TCTL_UID_STATS, (struct tctl_stats_key){.uid = UID1, .iface_index = ETH}, 4);
    pinned_put(pinned, PIN_IFACE_STATS, &(uint32_t){ETH}, 0, 8);
    put_spill(pinned, TCTL_IFACE_STATS, (struct tctl_stats_key){.iface_index = ETH}, 16);
    struct tctl *traffic = open_reader(pinned);
    struct tctl_detail_row *details;
    struct tctl_iface_row *ifaces;
    size_t count;
    assert_int_equal(tctl_read_details(traffic, NULL, &details, &count), 0);
    assert_int_equal(count, 2);
    pinned_assert_counters(&details[0].counters, 4);
    pinned_assert_counters(&details[1].counters, 1 + 2);
    free(details);
    assert_int_equal(tctl_read_ifaces(traffic, &ifaces, &count), 0);
    assert_int_equal(count, 1);
    pinned_assert_counters(&ifaces[0].counters, 8 + 16);
    free(ifaces);
    tctl_close(traffic);
}

/* Of each CPU, and more than once where a tag was deleted; each is in the UID's total, in its row, and in its tag's. */
static void test_percpu_rows_include_what_is_counted_often(void **state)
{
    const struct pinned *pinned = *state;
    const uint32_t uid = UID1, cpu = (uint32_t)libbpf_num_possible_cpus() - 1;
    const struct tctl_stats_key plain = {.uid = UID1, .iface_index = ETH},
                                tagged = {.uid = UID1, .tag = TAG, .iface_index = ETH}, other = {.uid = UID2};
    struct tctl *traffic = open_reader(pinned);
    struct tctl_counters counters;
    pinned_put(pinned, PIN_APP_UID_STATS, &uid, 0, 1);
    pinned_put_hot(pinned, 0, 0, &plain, 2);
    pinned_put_hot(pinned, cpu, TCTL_HOT_ROWS - 1, &plain, 4);
    pinned_put_hot(pinned, cpu, 5, &tagged, 8);
    pinned_put_hot(pinned, 0, 6, &other, 16);
    assert_int_equal(tctl_read_uid(traffic, UID1, &counters), 0);
    pinned_assert_counters(&counters, 1 + 2 + 4 + 8);

    struct tctl_uid_row *uids;
    struct tctl_detail_row *details;
    size_t count;
    assert_int_equal(tctl_read_uids(traffic, &uids, &count), 0);
    assert_int_equal(count, 2);
    pinned_assert_counters(&uids[0].counters, 1 + 2 + 4 + 8);
    pinned_assert_counters(&uids[1].counters, 16);
    free(uids);
    const struct tctl_filter filter = {.has_uid = true, .uid = UID1};
    assert_int_equal(tctl_read_details(traffic, &filter, &details, &count), 0);
    assert_int_equal(count, 2);
    pinned_assert_counters(&details[0].counters, 2 + 4 + 8);
    pinned_assert_counters(&details[1].counters, 8);
    free(details);
    tctl_close(traffic);
}

static void set_moves(int fd, uint64_t moves)
{
    const struct tctl_interfaces page = {.moves = moves};
    assert_return_code(bpf_map_update_elem(fd, &(uint32_t){0}, &page, BPF_ANY), errno);
}

/* Maps were replaced, and one of them cannot be opened: the handle is as good as before once it can. */
static void test_maps_that_cannot_be_opened_at_first(void **state)
{
    const struct pinned *pinned = *state;
    char page[96], map[96];
    struct tctl_counters counters;
    snprintf(page, sizeof(page), "%s/%s", pinned->bpffs, pins[PIN_INTERFACES].path);
    snprintf(map, sizeof(map), "%s/%s", pinned->bpffs, pins[PIN_TAG_STATS].path);
    _cleanup_fd_ int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, 4, sizeof(struct tctl_interfaces), 1, NULL);
    assert_return_code(bpf_obj_pin(fd, page), errno);
    pinned_put(pinned, PIN_APP_UID_STATS, &(uint32_t){UID1}, 0, 7);
    struct tctl *traffic = open_reader(pinned);
    set_moves(fd, 2);
    assert_return_code(unlink(map), errno);
    for (int i = 0; i < 2; i++)
        assert_int_equal(tctl_read_uid(traffic, UID1, &counters), -ENOENT);
    assert_return_code(bpf_obj_pin(pinned->fd[PIN_TAG_STATS], map), errno);
    assert_int_equal(tctl_read_uid(traffic, UID1, &counters), 0);
    pinned_assert_counters(&counters, 7);
    tctl_close(traffic);
}

#define SHARED(test) cmocka_unit_test_setup_teardown(test, pinned_setup, pinned_teardown)
#define PERCPU(test) cmocka_unit_test_setup_teardown(test, pinned_setup_percpu, pinned_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARED(test_uid_totals_are_exact),
        SHARED(test_uid_without_traffic_has_zeroes),
        SHARED(test_details_of_both_maps),
        SHARED(test_ifaces_by_name),
        SHARED(test_ifaces_of_another_namespace_keep_their_number),
        SHARED(test_every_row_once_in_batches_and_by_key),
        SHARED(test_all_rows_are_one_call),
        SHARED(test_deletion_of_the_current_key),
        SHARED(test_rows_that_stay_are_read_while_others_come_and_go),
        SHARED(test_maps_that_cannot_be_opened_at_first),
        PERCPU(test_percpu_uid_totals_include_the_spill),
        PERCPU(test_percpu_details_and_ifaces_include_the_spill),
        PERCPU(test_percpu_rows_include_what_is_counted_often),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
