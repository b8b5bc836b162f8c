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

/*
 * Somebody who counts and gives places to other keys as the programs do: what a UID has counted at a place goes into
 * the maps, another one has the place for a while, and then the UID again.
 */
struct moving {
    const struct pinned *pinned;
    pthread_t thread;
    uint64_t moves, in_maps; /* packets of MOVER */
    uint64_t begun, done;    /* the same, wherever they are; when they were about to be counted, and were */
    bool stop;
};

#define MOVER 2000000001u
#define GUEST 2000000002u
#define PLACE 3
#define COUNTED 7u /* in a turn */
#define PAUSE 1000 /* system calls: some hundred moves a second */

static const struct tctl_stats_key mover_key = {.uid = MOVER, .iface_index = ETH},
                                   guest_key = {.uid = GUEST, .iface_index = ETH};

static void say_moves(const struct moving *moving, uint64_t begun)
{
    const struct tctl_hot_moves moves = {.begun = begun, .ended = moving->moves};
    bpf_map_update_elem(moving->pinned->fd[PIN_HOT_MOVES], &(uint32_t){0}, &moves, BPF_ANY);
}

static void give_place(struct moving *moving, const struct tctl_stats_key *key, uint64_t counted)
{
    say_moves(moving, moving->moves + 1);
    moving->in_maps += counted;
    if (counted) {
        pinned_put(moving->pinned, PIN_APP_UID_STATS, &mover_key.uid, 0, moving->in_maps);
        pinned_put(moving->pinned, PIN_UID_STATS, &mover_key, 0, moving->in_maps);
    }
    pinned_put_hot(moving->pinned, 0, PLACE, key, 0);
    moving->moves++;
    say_moves(moving, moving->moves);
}

static void rest(void)
{
    for (int i = 0; i < PAUSE; i++)
        sched_yield();
}

static void *keep_moving(void *context)
{
    struct moving *moving = context;
    while (!__atomic_load_n(&moving->stop, __ATOMIC_SEQ_CST)) {
        give_place(moving, &mover_key, 0);
        __atomic_add_fetch(&moving->begun, COUNTED, __ATOMIC_SEQ_CST);
        pinned_count_hot(moving->pinned, 0, PLACE, COUNTED);
        __atomic_add_fetch(&moving->done, COUNTED, __ATOMIC_SEQ_CST);
        rest();
        give_place(moving, &guest_key, COUNTED);
        rest();
    }
    return NULL;
}

static uint64_t read_one(struct tctl *traffic)
{
    struct tctl_counters counters = {0};
    return tctl_read_uid(traffic, MOVER, &counters) < 0 ? UINT64_MAX : counters.rx_packets;
}

static uint64_t read_all(struct tctl *traffic)
{
    _cleanup_free_ struct tctl_uid_row *rows = NULL;
    uint64_t sum = 0;
    size_t count = 0;
    if (tctl_read_uids(traffic, &rows, &count) < 0)
        return UINT64_MAX;
    for (size_t i = 0; i < count; i++)
        sum += rows[i].uid == MOVER ? rows[i].counters.rx_packets : 0;
    return sum;
}

static uint64_t read_rows(struct tctl *traffic)
{
    const struct tctl_filter filter = {.has_uid = true, .uid = MOVER};
    _cleanup_free_ struct tctl_detail_row *rows = NULL;
    uint64_t sum = 0;
    size_t count = 0;
    if (tctl_read_details(traffic, &filter, &rows, &count) < 0)
        return UINT64_MAX;
    for (size_t i = 0; i < count; i++)
        sum += rows[i].counters.rx_packets;
    return sum;
}

#define READINGS 3000
#define MOVES 100 /* at least */

static void test_what_moves_is_read_once(void **state)
{
    static uint64_t (*const reads[])(struct tctl *) = {read_one, read_all, read_rows};
    struct moving moving = {.pinned = *state};
    struct tctl *traffic;
    size_t wrong = 0;
    for (uint32_t uid = 1; uid <= STAYING; uid++)
        put(*state, uid);
    assert_int_equal(tctl_open(moving.pinned->bpffs, &traffic), 0);
    assert_int_equal(pthread_create(&moving.thread, NULL, keep_moving, &moving), 0);
    for (int i = 0; i < READINGS || __atomic_load_n(&moving.done, __ATOMIC_SEQ_CST) < MOVES * COUNTED; i++) {
        const uint64_t before = __atomic_load_n(&moving.done, __ATOMIC_SEQ_CST);
        const uint64_t read = reads[i % ARRAY_SIZE(reads)](traffic);
        wrong += read < before || read > __atomic_load_n(&moving.begun, __ATOMIC_SEQ_CST);
    }
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
