/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Several threads, each with a handle of its own, while the maps change. */
#include "pinned.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include <cmocka.h>

#include <trafficctl/firewall.h>

#include "cleanup.h"

#define STAYING 1000u /* UIDs from 1 on; others come and go */
#define ETH 4000001u
#define READERS 4
#define ROUNDS 20

struct reader {
    const struct pinned *pinned;
    pthread_t thread;
    size_t wrong; /* no assert in a thread */
};

static void put(const struct pinned *pinned, uint32_t uid)
{
    const struct tctl_stats_key key = {.uid = uid, .iface_index = ETH};
    pinned_put(pinned, PIN_APP_UID_STATS, &uid, 0, uid);
    pinned_put(pinned, PIN_UID_STATS, &key, 0, uid);
}

static bool reads_users(struct tctl *traffic)
{
    _cleanup_free_ struct tctl_uid_row *rows = NULL;
    size_t count = 0, staying = 0;
    struct tctl_counters one = {0};
    if (tctl_read_uids(traffic, &rows, &count) < 0 || tctl_read_uid(traffic, STAYING, &one) < 0)
        return false;
    for (size_t i = 0; i < count; i++)
        staying += rows[i].uid <= STAYING && rows[i].counters.rx_packets == rows[i].uid;
    return staying == STAYING && one.rx_packets == STAYING;
}

static bool reads_details(struct tctl *traffic)
{
    const char *const names[] = {"lo", "eth0"};
    const struct tctl_filter filter = {.ifaces = names, .iface_count = 2};
    _cleanup_free_ struct tctl_detail_row *rows = NULL;
    _cleanup_free_ struct tctl_drop_row *drops = NULL;
    size_t count = 0, staying = 0, dropped;
    if (tctl_read_details(traffic, &filter, &rows, &count) < 0 || tctl_read_drops(traffic, &drops, &dropped) < 0)
        return false;
    for (size_t i = 0; i < count; i++)
        staying += rows[i].uid <= STAYING && strcmp(rows[i].iface, "eth0") == 0;
    return staying == STAYING;
}

static bool reads_interfaces(struct tctl *traffic)
{
    struct tctl_counters all = {0}, lo = {0};
    struct tctl_status status;
    return tctl_read_iface(traffic, NULL, &all) == 0 && tctl_read_iface(traffic, "lo", &lo) == 0 &&
           all.rx_packets == 7 + 9 && lo.rx_packets == 7 && tctl_status(traffic, &status) == 0;
}

static void *read_often(void *context)
{
    struct reader *reader = context;
    struct tctl *traffic = NULL;
    for (int round = 0; round < ROUNDS; round++) {
        if (round % 5 == 0) {
            traffic = tctl_close(traffic);
            reader->wrong += tctl_open(reader->pinned->bpffs, &traffic) < 0;
        }
        reader->wrong += !traffic || !reads_users(traffic) || !reads_details(traffic) || !reads_interfaces(traffic);
    }
    tctl_close(traffic);
    return NULL;
}

struct churn {
    const struct pinned *pinned;
    bool stop;
};

static void *come_and_go(void *context)
{
    struct churn *churn = context;
    while (!__atomic_load_n(&churn->stop, __ATOMIC_ACQUIRE)) {
        for (uint32_t uid = STAYING + 1; uid <= STAYING + 500; uid++)
            put(churn->pinned, uid);
        for (uint32_t uid = STAYING + 1; uid <= STAYING + 500; uid++) {
            const struct tctl_stats_key key = {.uid = uid, .iface_index = ETH};
            bpf_map_delete_elem(churn->pinned->fd[PIN_APP_UID_STATS], &uid);
            bpf_map_delete_elem(churn->pinned->fd[PIN_UID_STATS], &key);
        }
    }
    return NULL;
}

static void fill(const struct pinned *pinned)
{
    pinned_name(pinned, ETH, "eth0");
    pinned_put(pinned, PIN_IFACE_STATS, &(uint32_t){1}, 0, 7);
    pinned_put(pinned, PIN_IFACE_STATS, &(uint32_t){ETH}, 0, 9);
    for (uint32_t uid = 1; uid <= STAYING; uid++)
        put(pinned, uid);
}

static void test_readers_beside_each_other(void **state)
{
    struct churn churn = {.pinned = *state};
    struct reader readers[READERS];
    pthread_t thread;
    fill(*state);
    assert_int_equal(pthread_create(&thread, NULL, come_and_go, &churn), 0);
    for (size_t i = 0; i < READERS; i++) {
        readers[i] = (struct reader){.pinned = *state};
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_often, &readers[i]), 0);
    }
    for (size_t i = 0; i < READERS; i++)
        pthread_join(readers[i].thread, NULL);
    __atomic_store_n(&churn.stop, true, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    for (size_t i = 0; i < READERS; i++)
        assert_int_equal(readers[i].wrong, 0);
}

/* The number of an interface means nothing to a thread that is elsewhere, whatever it means to the others. */
static void *read_elsewhere(void *context)
{
    struct reader *reader = context;
    struct tctl *traffic = NULL;
    struct tctl_counters lo = {0}, number = {0};
    if (unshare(CLONE_NEWNET) < 0 || tctl_open(reader->pinned->bpffs, &traffic) < 0 ||
        tctl_read_iface(traffic, "lo", &lo) < 0 || tctl_read_iface(traffic, "1", &number) < 0)
        reader->wrong++;
    reader->wrong += lo.rx_packets != 0 || number.rx_packets != 7;
    tctl_close(traffic);
    return NULL;
}

static void test_thread_of_another_network_namespace(void **state)
{
    struct reader reader = {.pinned = *state};
    fill(*state);
    assert_int_equal(pthread_create(&reader.thread, NULL, read_elsewhere, &reader), 0);
    pthread_join(reader.thread, NULL);
    assert_int_equal(reader.wrong, 0);
}

/* Somebody who moves traffic between what a CPU counts often and the maps, as the programs do, until told to stop. */
struct moving {
    const struct pinned *pinned;
    pthread_t thread;
    bool stop;
};

#define MOVED 7u
#define PAUSE 100 /* system calls: readers shall come to an end */

static void say_moves(const struct moving *moving, uint64_t begun, uint64_t ended)
{
    const struct tctl_hot_moves moves = {.begun = begun, .ended = ended};
    bpf_map_update_elem(moving->pinned->fd[PIN_HOT_MOVES], &(uint32_t){0}, &moves, BPF_ANY);
}

static void put_where(const struct moving *moving, bool in_maps)
{
    const struct tctl_stats_key key = {.uid = STAYING, .iface_index = ETH};
    const uint64_t n = in_maps ? STAYING : STAYING - MOVED;
    pinned_put(moving->pinned, PIN_APP_UID_STATS, &key.uid, 0, n);
    pinned_put(moving->pinned, PIN_UID_STATS, &key, 0, n);
    pinned_put_hot(moving->pinned, 0, 3, &key, STAYING - n);
}

static void *keep_moving(void *context)
{
    const struct moving *moving = context;
    for (uint64_t i = 0; !__atomic_load_n(&moving->stop, __ATOMIC_SEQ_CST); i++) {
        say_moves(moving, i + 1, i);
        put_where(moving, i % 2);
        say_moves(moving, i + 1, i + 1);
        for (int pause = 0; pause < PAUSE; pause++)
            sched_yield();
    }
    return NULL;
}

#define READINGS 3000

static void test_what_moves_is_read_once(void **state)
{
    struct moving moving = {.pinned = *state};
    struct tctl *traffic;
    size_t wrong = 0;
    for (uint32_t uid = 1; uid <= STAYING; uid++)
        put(*state, uid);
    pinned_name(*state, ETH, "eth0");
    assert_int_equal(tctl_open(moving.pinned->bpffs, &traffic), 0);
    assert_int_equal(pthread_create(&moving.thread, NULL, keep_moving, &moving), 0);
    for (int i = 0; i < READINGS; i++)
        wrong += !reads_users(traffic) + !reads_details(traffic);
    __atomic_store_n(&moving.stop, true, __ATOMIC_SEQ_CST);
    pthread_join(moving.thread, NULL);
    tctl_close(traffic);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_readers_beside_each_other, pinned_setup, pinned_teardown),
        cmocka_unit_test_setup_teardown(test_readers_beside_each_other, pinned_setup_percpu, pinned_teardown),
        cmocka_unit_test_setup_teardown(test_what_moves_is_read_once, pinned_setup_percpu, pinned_teardown),
        cmocka_unit_test_setup_teardown(test_thread_of_another_network_namespace, pinned_setup, pinned_teardown),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
