/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Who reads and writes while maps grow, and kernels that cannot move counters themselves. Root. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <trafficctl/traffic.h>

#include "cleanup.h"
#include "content.h"
#include "denial.h"
#include "fd.h"
#include "fixture.h"
#include "interfaces_page.h"
#include "mover.h"
#include "surroundings.h"
#include "tags.h"

#define FIRST 1000u
#define ROWS 500u

static struct fault fault;

static int set_up_kind(void **state, bool percpu)
{
    struct fixture *fixture = fixture_new(percpu);
    fixture_load(fixture);
    fixture->loaded = loaded_free(fixture->loaded);
    *state = fixture;
    return 0;
}

static int set_up(void **state)
{
    return set_up_kind(state, false);
}

static int set_up_percpu(void **state)
{
    return set_up_kind(state, true);
}

static void grow(struct fixture *fixture)
{
    for (int map = 0; map < LOAD_MAPS; map++)
        fixture->options.entries[map] += 100;
    fixture_load(fixture);
    fixture->loaded = loaded_free(fixture->loaded);
}

static void set_moves(const struct fixture *fixture, int by)
{
    struct tctl_interfaces *page;
    assert_int_equal(interfaces_map(fixture->bpffs, &page), 0);
    __atomic_fetch_add(&page->moves, by, __ATOMIC_SEQ_CST);
    interfaces_unmap(page);
}

static void a_reader_that_was_there_before_reads_on(void **state)
{
    struct fixture *fixture = *state;
    struct tctl *traffic;
    struct tctl_counters before, after;
    content_fill(fixture, PIN_APP_UID_STATS, FIRST, ROWS);
    assert_int_equal(tctl_open(fixture->bpffs, &traffic), 0);
    assert_int_equal(tctl_read_uid(traffic, FIRST + 7, &before), 0);
    assert_true(before.rx_packets > 0);
    grow(fixture);
    assert_int_equal(tctl_read_uid(traffic, FIRST + 7, &after), 0);
    assert_memory_equal(&after, &before, sizeof(after));
    content_fill(fixture, PIN_APP_UID_STATS, FIRST + ROWS, 1); /* in the map that is pinned now */
    assert_int_equal(tctl_read_uid(traffic, FIRST + ROWS, &after), 0);
    assert_true(after.rx_packets > 0);
    tctl_close(traffic);
}

struct reader {
    const struct fixture *fixture;
    bool end;
    unsigned long reads;
    int error;
    uint64_t longest_ns;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Sums never go down. */
static void *read_on(void *context)
{
    struct reader *reader = context;
    struct tctl *traffic;
    uint64_t last = 0;
    reader->error = tctl_open(reader->fixture->bpffs, &traffic);
    while (reader->error == 0 && !__atomic_load_n(&reader->end, __ATOMIC_ACQUIRE)) {
        _cleanup_free_ struct tctl_uid_row *rows = NULL;
        size_t count;
        uint64_t sum = 0, begin = now_ns();
        reader->error = tctl_read_uids(traffic, &rows, &count);
        for (size_t i = 0; reader->error == 0 && i < count; i++)
            sum += rows[i].counters.rx_packets + rows[i].counters.tx_bytes;
        if (now_ns() - begin > reader->longest_ns)
            reader->longest_ns = now_ns() - begin;
        if (reader->error == 0 && sum < last)
            reader->error = -ERANGE;
        last = sum;
        reader->reads++;
    }
    tctl_close(traffic);
    return NULL;
}

static void a_reader_never_sees_less(void **state)
{
    struct fixture *fixture = *state;
    struct reader reader = {.fixture = fixture};
    pthread_t thread;
    content_fill(fixture, PIN_APP_UID_STATS, FIRST, ROWS);
    assert_int_equal(pthread_create(&thread, NULL, read_on, &reader), 0);
    for (int i = 0; i < 5; i++)
        grow(fixture);
    __atomic_store_n(&reader.end, true, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    assert_int_equal(reader.error, 0);
    assert_true(reader.reads > 5);
    print_message("%lu reads, the longest took %.1f ms\n", reader.reads, (double)reader.longest_ns / 1e6);
}

static void a_reader_is_told_that_counters_are_on_their_way(void **state)
{
    struct fixture *fixture = *state;
    struct tctl *traffic;
    struct tctl_counters counters;
    assert_int_equal(tctl_open(fixture->bpffs, &traffic), 0);
    set_moves(fixture, 1);
    assert_int_equal(tctl_read_uid(traffic, FIRST, &counters), -EBUSY);
    grow(fixture);
    assert_int_equal(tctl_read_uid(traffic, FIRST, &counters), 0);
    tctl_close(traffic);
}

static void a_writer_of_the_old_maps_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct tags tags, later;
    assert_int_equal(tags_open(fixture->bpffs, &tags), 0);
    assert_int_equal(tags_set_counter_set(&tags, FIRST, 1), 0);
    grow(fixture);
    assert_int_equal(tags_set_counter_set(&tags, FIRST, 0), -ESTALE);
    tags_done(&tags);
    assert_int_equal(tags_open(fixture->bpffs, &later), 0);
    assert_int_equal(tags_set_counter_set(&later, FIRST, 0), 0);
    set_moves(fixture, 1);
    assert_int_equal(tags_set_counter_set(&later, FIRST, 1), -EBUSY);
    tags_done(&later);
}

static char said[1024];

static void keep(const char *text)
{
    snprintf(said, sizeof(said), "%s", text);
}

/* In a child: a kernel that cannot run such a program. Says so, with a number. */
static int grow_by_hand(void *context)
{
    struct loaded *loaded = NULL;
    if (denial_of_bpf(UINT64_C(1) << BPF_PROG_TEST_RUN, EPERM) < 0)
        return 2;
    int r = loader_start(context, false, keep, &loaded, &fault);
    loaded_free(loaded);
    if (r < 0)
        fprintf(stderr, "start: %s\n", fault.text);
    if (!strstr(said, "packets at most") && !strstr(said, "in one step"))
        fprintf(stderr, "said: %s\n", said);
    return r < 0 ? 1 : strstr(said, "in one step") ? 0 : 3;
}

static void sum_up(const struct fixture *fixture, uint64_t words[static 4])
{
    struct tctl *traffic;
    struct tctl_uid_row *rows;
    size_t count;
    memset(words, 0, 4 * sizeof(*words));
    assert_int_equal(tctl_open(fixture->bpffs, &traffic), 0);
    assert_int_equal(tctl_read_uids(traffic, &rows, &count), 0);
    for (size_t i = 0; i < count; i++) {
        words[0] += rows[i].counters.rx_packets;
        words[1] += rows[i].counters.rx_bytes;
        words[2] += rows[i].counters.tx_packets;
        words[3] += rows[i].counters.tx_bytes;
    }
    free(rows);
    tctl_close(traffic);
}

static void without_a_program_rows_go_by_hand(void **state)
{
    struct fixture *fixture = *state;
    uint64_t before[4], after[4];
    static const enum pin_id OTHERS[] = {PIN_DROPS, PIN_TAGS_ENDED, PIN_IFACE_PARTS};
    struct content was[ARRAY_SIZE(OTHERS)];
    content_fill(fixture, PIN_APP_UID_STATS, FIRST, ROWS);
    for (size_t i = 0; i < ARRAY_SIZE(OTHERS); i++) {
        content_fill(fixture, OTHERS[i], FIRST, ROWS);
        was[i] = content_read(fixture, OTHERS[i]);
    }
    sum_up(fixture, before);
    for (int map = 0; map < LOAD_MAPS; map++)
        fixture->options.entries[map] += 100;
    assert_int_equal(surroundings_wait(surroundings_fork(grow_by_hand, &fixture->options)), 0);
    assert_int_equal(content_room(fixture, PIN_APP_UID_STATS), fixture->options.entries[LOAD_APP_UID_STATS]);
    sum_up(fixture, after);
    assert_memory_equal(after, before, sizeof(after));
    for (size_t i = 0; i < ARRAY_SIZE(OTHERS); i++) {
        _cleanup_(content_done) struct content now = content_read(fixture, OTHERS[i]);
        content_assert_same(&now, &was[i]);
        content_done(&was[i]);
    }
}

static int make_copy_of_shape(const struct fixture *fixture, enum pin_id id)
{
    int fd = bpf_map_create(fixture->options.percpu && pins[id].counters ? BPF_MAP_TYPE_PERCPU_HASH : BPF_MAP_TYPE_HASH,
                            NULL, pins[id].key_size, pins[id].value_size, 2 * TCTL_STATS_ENTRIES, NULL);
    assert_return_code(fd, errno);
    return fd;
}

/* Both ways add to what is there already, a second time nothing, and say how much they may have missed. */
static void rows_that_are_there_already_are_added_to(void **state)
{
    struct fixture *fixture = *state;
    uint64_t value[4] = {1, 2, 3, 4}, now[4];
    const uint32_t key = FIRST;
    for (int by_hand = 0; by_hand <= 1; by_hand++) {
        struct moved moved = {0};
        _cleanup_fd_ int from = make_copy_of_shape(fixture, PIN_APP_UID_STATS);
        _cleanup_fd_ int to = make_copy_of_shape(fixture, PIN_APP_UID_STATS);
        _cleanup_fd_ int program = fixture_pin(fixture, PIN_EGRESS_PROG);
        const struct move move = {
            .id = PIN_APP_UID_STATS, .from = from, .to = to, .running = &program, .running_count = 1};
        assert_return_code(bpf_map_update_elem(from, &key, value, BPF_ANY), errno);
        assert_return_code(bpf_map_update_elem(to, &key, value, BPF_ANY), errno);
        for (int times = 0; times < 2; times++)
            assert_int_equal(by_hand ? mover_by_hand(&move, &moved) : mover_by_program(&move, &moved), 0);
        assert_return_code(bpf_map_lookup_elem(to, &key, now), errno);
        for (size_t i = 0; i < ARRAY_SIZE(now); i++)
            assert_int_equal(now[i], 2 * value[i]);
        assert_int_equal(moved.left, 0);
        assert_int_equal(moved.missed > 0, by_hand);
        assert_false(moved.unmeasured);
    }
}

static void ten_thousand_rows_move(void **state)
{
    struct fixture *fixture = *state;
    struct moved moved = {0};
    _cleanup_fd_ int to = make_copy_of_shape(fixture, PIN_APP_UID_STATS);
    _cleanup_fd_ int spill = fixture->options.percpu ? fixture_pin(fixture, PIN_SPILL) : -1;
    _cleanup_fd_ int busy = fixture->options.percpu ? fixture_pin(fixture, PIN_BUSY) : -1;
    _cleanup_fd_ int from = fixture_pin(fixture, PIN_APP_UID_STATS);
    const struct move move = {.id = PIN_APP_UID_STATS,
                              .from = from,
                              .to = to,
                              .percpu = fixture->options.percpu,
                              .spill = spill,
                              .busy = busy};
    content_fill(fixture, PIN_APP_UID_STATS, FIRST, 10000);
    uint64_t begin = now_ns();
    assert_int_equal(mover_by_program(&move, &moved), 0);
    print_message("10000 rows moved in %.1f ms, with loading the program\n", (double)(now_ns() - begin) / 1e6);
    assert_int_equal(moved.left, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)
#define PERCPU(name) cmocka_unit_test_setup_teardown(name, set_up_percpu, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_reader_that_was_there_before_reads_on),
        PERCPU(a_reader_that_was_there_before_reads_on),
        TEST(a_reader_never_sees_less),
        PERCPU(a_reader_never_sees_less),
        TEST(a_reader_is_told_that_counters_are_on_their_way),
        TEST(a_writer_of_the_old_maps_is_refused),
        TEST(without_a_program_rows_go_by_hand),
        PERCPU(without_a_program_rows_go_by_hand),
        TEST(rows_that_are_there_already_are_added_to),
        TEST(ten_thousand_rows_move),
        PERCPU(ten_thousand_rows_move),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: grow, peers", tests, NULL, NULL);
}
