/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What each CPU counts often with --counters percpu: all of it is there, once, and stays whose it is. Real sockets.
 * Root. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include <bpf/libbpf.h>
#include <cmocka.h>

#include <trafficctl/traffic.h>

#include "cleanup.h"
#include "deletion.h"
#include "fd.h"
#include "hot_change.h"
#include "loopback.h"
#include "tagging.h"

#define UID 10001u
#define OTHER 10002u
#define TAG 5u
#define MANY_TAGS 400u                   /* three of them are sure to meet at one place, which has room for two */
#define UIDS 8u                          /* with so many tags each: more than there are places */
#define MANY_MOVES (TCTL_HOT_ROWS + 20u) /* of one CPU: 20 at least took another key's place */
#define WAIT_NS 10000000000

#define _cleanup_tags_ _cleanup_(tags_done)

static uint64_t now_ns(void)
{
    struct timespec now;
    assert_return_code(clock_gettime(CLOCK_MONOTONIC, &now), errno);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* How often a place was given to a key. */
static uint64_t begun_of(const struct fixture *fixture)
{
    struct tctl_hot_moves moves;
    assert_true(fixture_get(fixture, PIN_HOT_MOVES, &(uint32_t){0}, &moves));
    return moves.begun;
}

static bool is_hot(const struct fixture *fixture, uint32_t uid, uint32_t tag)
{
    const uint32_t entries = (uint32_t)libbpf_num_possible_cpus() * TCTL_HOT_CHUNKS;
    struct tctl_hot hot;
    bool found = false;
    for (uint32_t entry = 0; entry < entries; entry++) {
        assert_true(fixture_get(fixture, PIN_HOT, &entry, &hot));
        for (size_t i = 0; i < TCTL_HOT_CHUNK; i++)
            found |= hot.row[i].used & TCTL_HOT_COUNTS && hot.row[i].key.uid == uid && hot.row[i].key.tag == tag;
    }
    return found;
}

/* Rows that will not lose their place the next time that it is wanted. */
static size_t count_safe(const struct fixture *fixture)
{
    const uint32_t entries = (uint32_t)libbpf_num_possible_cpus() * TCTL_HOT_CHUNKS;
    struct tctl_hot hot;
    size_t safe = 0;
    for (uint32_t entry = 0; entry < entries; entry++) {
        assert_true(fixture_get(fixture, PIN_HOT, &entry, &hot));
        for (size_t i = 0; i < TCTL_HOT_CHUNK; i++)
            safe += (hot.row[i].used & TCTL_HOT_USE) == TCTL_HOT_AGAIN;
    }
    return safe;
}

/* Sent packets of a tag in the map itself. */
static uint64_t in_map(const struct fixture *fixture, uint32_t uid, uint32_t tag)
{
    const struct tctl_stats_key key = {.uid = uid, .tag = tag, .iface_index = 1};
    return fixture_map_row(fixture, tag ? PIN_TAG_STATS : PIN_UID_STATS, &key).tx_packets;
}

/* What the library says of it, whichever way it is asked. */
static uint64_t read_total(const struct fixture *fixture, uint32_t uid)
{
    _cleanup_free_ struct tctl_uid_row *rows = NULL;
    struct tctl_counters counters;
    struct tctl *traffic;
    uint64_t all = 0;
    size_t count;
    assert_int_equal(tctl_open(fixture->bpffs, &traffic), 0);
    assert_int_equal(tctl_read_uid(traffic, uid, &counters), 0);
    assert_int_equal(tctl_read_uids(traffic, &rows, &count), 0);
    for (size_t i = 0; i < count; i++)
        all += rows[i].uid == uid ? rows[i].counters.tx_packets : 0;
    assert_int_equal(all, counters.tx_packets);
    tctl_close(traffic);
    return all;
}

static uint64_t read_tag(const struct fixture *fixture, uint32_t uid, uint32_t tag)
{
    const struct tctl_filter filter = {.has_uid = true, .uid = uid, .has_tag = true, .tag = tag};
    _cleanup_free_ struct tctl_detail_row *rows = NULL;
    struct tctl *traffic;
    uint64_t sum = 0;
    size_t count;
    assert_int_equal(tctl_open(fixture->bpffs, &traffic), 0);
    assert_int_equal(tctl_read_details(traffic, &filter, &rows, &count), 0);
    for (size_t i = 0; i < count; i++)
        sum += rows[i].counters.tx_packets;
    tctl_close(traffic);
    return sum;
}

static void send_many(int fd, int count)
{
    for (int i = 0; i < count; i++)
        tagging_send(fd);
}

/* A socket that has sent so many packets under its tag. */
static int tagged(const struct fixture *fixture, struct tags *tags, uint32_t uid, uint32_t tag, int count)
{
    int fd = loopback_udp(fixture);
    assert_int_equal(tagging_set(tags, fd, uid, tag), 0);
    send_many(fd, count);
    return fd;
}

/* The rows are made by the first packet; all that follow leave them alone, and readers see them at once. */
static void what_is_counted_often_is_not_looked_up(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    _cleanup_fd_ int fd = tagged(fixture, &tags, UID, TAG, 7);
    assert_true(is_hot(fixture, UID, TAG));
    assert_int_equal(in_map(fixture, UID, TAG), 1);
    assert_int_equal(in_map(fixture, UID, 0), 1);
    assert_int_equal(fixture_map_row(fixture, PIN_APP_UID_STATS, &(uint32_t){UID}).tx_packets, 1);
    assert_int_equal(read_total(fixture, UID), 7);
    assert_int_equal(read_tag(fixture, UID, TAG), 7);
    assert_int_equal(read_tag(fixture, UID, 0), 7);
    assert_int_equal(read_tag(fixture, 0, 0), 0);
}

static void what_a_tag_had_counted_stays_its_uids(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    _cleanup_fd_ int fd = tagged(fixture, &tags, UID, TAG, 7), other = tagged(fixture, &tags, OTHER, TAG, 3);
    assert_return_code(other, errno);
    assert_int_equal(deletion_run(fixture->bpffs, &tags, UID, TAG), 0);
    assert_false(is_hot(fixture, UID, TAG));
    assert_int_equal(read_tag(fixture, UID, TAG), 0);
    assert_int_equal(read_tag(fixture, UID, 0), 7);
    assert_int_equal(read_total(fixture, UID), 7);
    assert_int_equal(read_tag(fixture, OTHER, TAG), 3);
    assert_int_equal(tagging_set(&tags, fd, UID, TAG), 0);
    send_many(fd, 5);
    assert_int_equal(read_tag(fixture, UID, TAG), 5);
    assert_int_equal(read_total(fixture, UID), 12);
}

static void what_a_uid_had_counted_goes(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    _cleanup_fd_ int fd = tagged(fixture, &tags, UID, TAG, 7), other = tagged(fixture, &tags, OTHER, TAG, 3);
    assert_return_code(other, errno);
    assert_int_equal(deletion_run(fixture->bpffs, &tags, UID, 0), 0);
    assert_false(is_hot(fixture, UID, TAG));
    assert_int_equal(read_total(fixture, UID), 0);
    assert_int_equal(read_tag(fixture, UID, 0), 0);
    assert_int_equal(read_total(fixture, OTHER), 3);
    assert_int_equal(tagging_set(&tags, fd, UID, TAG), 0);
    send_many(fd, 5);
    assert_int_equal(read_tag(fixture, UID, TAG), 5);
    assert_int_equal(read_total(fixture, UID), 5);
}

/* However long who changes it was stopped since he looked. */
static void a_place_that_went_to_another_key_is_left_alone(void **state)
{
    const struct tctl_hot_row theirs = {.key = {OTHER, TAG, 0, 2}, .used = 2 * TCTL_HOT_TURN | TCTL_HOT_ONCE};
    struct tctl_hot_row row = {.key = {UID, TAG, 0, 1}, .used = TCTL_HOT_TURN | TCTL_HOT_AGAIN};
    const struct hot_seen seen = {.row = &row, .key = row.key, .used = row.used};
    (void)state;
    hot_rename(&seen, 7);
    assert_int_equal(row.key.iface_index, 7);
    hot_untag(&seen);
    assert_int_equal(row.key.tag, 0);
    hot_end(&seen);
    assert_int_equal(row.used, TCTL_HOT_TURN | TCTL_HOT_ENDED);
    row = theirs;
    hot_rename(&seen, 7);
    hot_untag(&seen);
    hot_end(&seen);
    assert_memory_equal(&row, &theirs, sizeof(row));
}

/* While somebody deletes no place is given to another key. */
static void set_deleting(const struct fixture *fixture, uint64_t until)
{
    struct tctl_config config;
    assert_true(fixture_get(fixture, PIN_CONFIG, &(uint32_t){0}, &config));
    config.deleting = (struct tctl_tag){.uid = TCTL_NOBODY};
    config.deleting_until = until;
    fixture_put(fixture, PIN_CONFIG, &(uint32_t){0}, &config);
}

/* Tags in a row would keep out of each other's way. */
static uint32_t tag_of(uint32_t i)
{
    return 1 + i * i * 2654435761u;
}

/* Two packets under each tag, until a tag finds both its places taken. */
static uint32_t fill_until_one_has_no_place(const struct fixture *fixture, struct tags *tags, int fd)
{
    for (uint32_t i = 0; i < MANY_TAGS; i++) {
        assert_int_equal(tagging_set(tags, fd, UID, tag_of(i)), 0);
        send_many(fd, 2);
        if (!is_hot(fixture, UID, tag_of(i)))
            return i;
    }
    fail();
    return 0;
}

/* The tag before last that has no place any more; each of them has two packets still. */
static uint32_t find_loser(const struct fixture *fixture, uint32_t last)
{
    uint32_t loser = 0;
    for (uint32_t i = 0; i < last; i++) {
        const uint32_t tag = tag_of(i);
        assert_int_equal(tagging_sent(fixture, UID, tag, 0), 2);
        assert_int_equal(read_tag(fixture, UID, tag), 2);
        if (is_hot(fixture, UID, tag))
            continue;
        assert_int_equal(loser, 0);
        loser = tag;
    }
    return loser;
}

static void a_place_goes_to_who_needs_it_and_nothing_is_lost(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    _cleanup_fd_ int fd = loopback_udp(fixture);
    set_deleting(fixture, UINT64_MAX);
    const uint32_t count = fill_until_one_has_no_place(fixture, &tags, fd), last = tag_of(count);
    const uint64_t begun = begun_of(fixture);
    const size_t safe = count_safe(fixture);
    uint64_t sent = 2;
    for (; sent < 20; sent++)
        tagging_send(fd);
    assert_int_equal(begun_of(fixture), begun);
    assert_int_equal(count_safe(fixture), safe); /* who deletes is not written over */
    assert_int_equal(in_map(fixture, UID, last), sent);

    set_deleting(fixture, 0);
    for (const uint64_t end = now_ns() + WAIT_NS; !is_hot(fixture, UID, last); sent++) {
        assert_true(now_ns() < end);
        tagging_send(fd);
    }
    assert_int_equal(begun_of(fixture), begun + 1);
    const uint32_t loser = find_loser(fixture, count);
    assert_int_not_equal(loser, 0);
    assert_int_equal(in_map(fixture, UID, loser), 2);
    assert_int_equal(read_tag(fixture, UID, last), sent);
    assert_int_equal(read_total(fixture, UID), 2 * count + sent);
    assert_int_equal(fixture_lost(fixture, TCTL_TAG_STATS), 0);
}

/* Somebody who sends under so many tags that places change hands all the time. */
struct sender {
    struct tags *tags;
    int fd;
    uint64_t begun, done; /* packets */
    bool failed, stop;
};

/* On another CPU than the readers, if there is one: only one CPU's places fill up. */
static void leave_this_cpu(void)
{
    const int here = sched_getcpu();
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(here ? 0 : 1, &set);
    sched_setaffinity(0, sizeof(set), &set);
}

static void *keep_sending(void *context)
{
    struct sender *sender = context;
    leave_this_cpu();
    for (uint32_t i = 0; !__atomic_load_n(&sender->stop, __ATOMIC_SEQ_CST); i++) {
        const uint32_t turn = i / 4;
        if (i % 4 == 0)
            sender->failed |=
                tagging_set(sender->tags, sender->fd, UID + turn % UIDS, tag_of(turn / UIDS % MANY_TAGS)) < 0;
        __atomic_store_n(&sender->begun, i + 1, __ATOMIC_SEQ_CST);
        sender->failed |= send(sender->fd, "", 1, 0) != 1;
        __atomic_store_n(&sender->done, i + 1, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

static uint64_t sum_of_uids(struct tctl *traffic)
{
    _cleanup_free_ struct tctl_uid_row *rows = NULL;
    uint64_t sum = 0;
    size_t count;
    assert_int_equal(tctl_read_uids(traffic, &rows, &count), 0);
    for (size_t i = 0; i < count; i++)
        sum += rows[i].uid >= UID && rows[i].uid < UID + UIDS ? rows[i].counters.tx_packets : 0;
    return sum;
}

static uint64_t sum_of_details(struct tctl *traffic)
{
    const struct tctl_filter whole = {.has_tag = true};
    _cleanup_free_ struct tctl_detail_row *rows = NULL;
    uint64_t sum = 0;
    size_t count;
    assert_int_equal(tctl_read_details(traffic, &whole, &rows, &count), 0);
    for (size_t i = 0; i < count; i++)
        sum += rows[i].uid >= UID && rows[i].uid < UID + UIDS ? rows[i].counters.tx_packets : 0;
    return sum;
}

static void readers_see_each_packet_once_whatever_moves(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    _cleanup_fd_ int fd = loopback_udp(fixture);
    struct sender sender = {.tags = &tags, .fd = fd};
    pthread_t thread = tagging_thread(keep_sending, &sender);
    struct tctl *traffic;
    assert_int_equal(tctl_open(fixture->bpffs, &traffic), 0);
    const uint64_t end = now_ns() + WAIT_NS;
    for (uint64_t readings = 0; begun_of(fixture) < MANY_MOVES; readings++) {
        const uint64_t before = __atomic_load_n(&sender.done, __ATOMIC_SEQ_CST);
        const uint64_t read = readings % 2 ? sum_of_details(traffic) : sum_of_uids(traffic);
        assert_in_range(read, before, __atomic_load_n(&sender.begun, __ATOMIC_SEQ_CST));
        assert_true(now_ns() < end);
    }
    __atomic_store_n(&sender.stop, true, __ATOMIC_SEQ_CST);
    pthread_join(thread, NULL);
    assert_false(sender.failed);
    assert_int_equal(sum_of_uids(traffic), sender.done);
    assert_int_equal(sum_of_details(traffic), sender.done);
    tctl_close(traffic);
}

#define PERCPU(test) cmocka_unit_test_setup_teardown(test, tagging_set_up_percpu, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PERCPU(what_is_counted_often_is_not_looked_up),
        PERCPU(what_a_tag_had_counted_stays_its_uids),
        PERCPU(what_a_uid_had_counted_goes),
        cmocka_unit_test(a_place_that_went_to_another_key_is_left_alone),
        PERCPU(a_place_goes_to_who_needs_it_and_nothing_is_lost),
        PERCPU(readers_see_each_packet_once_whatever_moves),
    };
    loopback_enter();
    tagging_allow_files();
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: hot rows", tests, NULL, NULL);
}
