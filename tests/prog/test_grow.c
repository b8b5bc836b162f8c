/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Starts with larger maps: nothing of what was counted or ruled is lost, whenever they are killed. Root. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "content.h"
#include "cut_off.h"
#include "fd.h"
#include "fixture.h"
#include "grow.h"
#include "interfaces_page.h"
#include "surroundings.h"

#define FIRST 1000u
#define ROWS 3u
#define GROWN TCTL_DIR "/grown"

/* Of a killed start every so many points, and others in each kind of counters. */
#define STEP 13

static struct fault fault;

static int set_up_kind(void **state, bool percpu)
{
    struct fixture *fixture = fixture_new(percpu);
    fault.text[0] = '\0';
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

static bool has_map(const struct fixture *fixture, enum pin_id id)
{
    return grow_can(id) && access(fixture_path(fixture, pins[id].path), F_OK) == 0;
}

static void fill_all(const struct fixture *fixture, uint32_t rows)
{
    for (enum pin_id id = 0; id < PINS; id++)
        if (has_map(fixture, id))
            content_fill(fixture, id, FIRST, rows);
}

/* The start itself counts these again, and writes names. */
static bool stays(const struct fixture *fixture, enum pin_id id)
{
    return has_map(fixture, id) && id != PIN_ROW_COUNT && id != PIN_IFACE_INDEX_NAME;
}

struct all {
    struct content of[PINS];
};

static struct all read_all(const struct fixture *fixture)
{
    struct all all = {0};
    for (enum pin_id id = 0; id < PINS; id++)
        if (stays(fixture, id))
            all.of[id] = content_read(fixture, id);
    return all;
}

static void all_done(struct all *all)
{
    for (enum pin_id id = 0; id < PINS; id++)
        content_done(&all->of[id]);
}

static void assert_same(const struct fixture *fixture, const struct all *before)
{
    _cleanup_(all_done) struct all after = read_all(fixture);
    for (enum pin_id id = 0; id < PINS; id++)
        if (stays(fixture, id))
            content_assert_same(&after.of[id], &before->of[id]);
    for (uint32_t row = FIRST; row < FIRST + ROWS; row++) {
        char name[TCTL_IFNAME_LEN];
        assert_true(fixture_get(fixture, PIN_IFACE_INDEX_NAME, &row, name));
    }
}

static uint64_t moves(const struct fixture *fixture)
{
    struct tctl_interfaces page;
    assert_int_equal(interfaces_read(fixture->bpffs, &page), 0);
    return page.moves;
}

static void ask_for(struct fixture *fixture, uint32_t more)
{
    for (int map = 0; map < LOAD_MAPS; map++)
        fixture->options.entries[map] += more;
}

static void start(struct fixture *fixture)
{
    fixture_load(fixture);
    fixture->loaded = loaded_free(fixture->loaded);
}

/* Nothing is on its way, and every map has the size that was asked for. */
static void assert_whole(const struct fixture *fixture)
{
    assert_int_equal(moves(fixture) % 2, 0);
    assert_int_equal(access(fixture_path(fixture, GROWN), F_OK), -1);
    for (enum pin_id id = 0; id < PINS_NETD_MAPS; id++)
        assert_int_equal(content_room(fixture, id), fixture->options.entries[id]);
}

static void every_map_grows_with_what_is_in_it(void **state)
{
    struct fixture *fixture = *state;
    uint32_t rooms[PINS] = {0};
    fill_all(fixture, 500);
    _cleanup_(all_done) struct all before = read_all(fixture);
    for (enum pin_id id = 0; id < PINS; id++)
        if (has_map(fixture, id))
            rooms[id] = content_room(fixture, id);
    ask_for(fixture, 1000);
    start(fixture);
    assert_whole(fixture);
    assert_same(fixture, &before);
    for (enum pin_id id = 0; id < PINS; id++)
        if (has_map(fixture, id) && id != PIN_DELETIONS && id != PIN_METERED) /* these have one size */
            assert_true(content_room(fixture, id) > rooms[id]);
}

static uint32_t number_of(const struct fixture *fixture, enum pin_id id)
{
    struct bpf_map_info info = {0};
    uint32_t length = sizeof(info);
    _cleanup_fd_ int fd = fixture_pin(fixture, id);
    assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &length), 0);
    return info.id;
}

static void a_start_with_the_same_sizes_moves_nothing(void **state)
{
    struct fixture *fixture = *state;
    uint64_t before = moves(fixture);
    uint32_t numbers[PINS] = {0};
    for (enum pin_id id = 0; id < PINS; id++)
        if (has_map(fixture, id))
            numbers[id] = number_of(fixture, id);
    start(fixture);
    assert_int_equal(moves(fixture), before);
    for (enum pin_id id = 0; id < PINS; id++)
        if (has_map(fixture, id))
            assert_int_equal(number_of(fixture, id), numbers[id]);
}

static void one_map_grows_alone(void **state)
{
    struct fixture *fixture = *state;
    fill_all(fixture, ROWS);
    uint32_t other = number_of(fixture, PIN_DOZABLE_UID);
    _cleanup_(all_done) struct all before = read_all(fixture);
    fixture->options.entries[LOAD_UID_STATS] += 1;
    start(fixture);
    assert_whole(fixture);
    assert_same(fixture, &before);
    assert_int_equal(number_of(fixture, PIN_DOZABLE_UID), other);
}

static void rows_keep_owner_and_mode(void **state)
{
    struct fixture *fixture = *state;
    struct stat before, after;
    fixture->options.read_group = "4711";
    start(fixture);
    assert_return_code(stat(fixture_path(fixture, pins[PIN_UID_STATS].path), &before), errno);
    ask_for(fixture, 10);
    start(fixture);
    assert_return_code(stat(fixture_path(fixture, pins[PIN_UID_STATS].path), &after), errno);
    assert_int_equal(after.st_gid, 4711);
    assert_int_equal(after.st_mode, before.st_mode);
}

/* A packet of root's to what hangs at the hook now, whatever is pinned. Its verdict. */
static uint32_t send_one(const struct fixture *fixture)
{
    const struct packet packet = packet_ipv4(17, 0, 80);
    struct bpf_link_info info = {0};
    uint32_t length = sizeof(info);
    _cleanup_fd_ int link = fixture_pin(fixture, PIN_EGRESS_LINK);
    assert_int_equal(bpf_obj_get_info_by_fd(link, &info, &length), 0);
    _cleanup_fd_ int program = bpf_prog_get_fd_by_id(info.prog_id);
    assert_return_code(program, errno);
    LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet.data, .data_size_in = packet.length + FIXTURE_ETHERNET);
    assert_return_code(bpf_prog_test_run_opts(program, &run), errno);
    return run.retval;
}

static int start_in_child(void *context)
{
    struct loaded *loaded = NULL;
    int r = loader_start(context, false, NULL, &loaded, &fault);
    loaded_free(loaded);
    if (r < 0)
        fprintf(stderr, "start: %s\n", fault.text);
    return r < 0;
}

static struct tctl_stats_value root_row(const struct fixture *fixture)
{
    return fixture_row(fixture, PIN_APP_UID_STATS, &(uint32_t){0});
}

/* Kill a start with larger maps at each point, count on, and let the next one finish. */
static void kill_everywhere(struct fixture *fixture, unsigned int first)
{
    fill_all(fixture, ROWS);
    _cleanup_(all_done) struct all before = read_all(fixture);
    unsigned int kills = 0, odd = 0, left = 0;
    uint64_t sent = 0;
    for (unsigned int change = first; ask_for(fixture, 10), cut_off(start_in_child, &fixture->options, change);
         change += STEP) {
        kills++;
        odd += moves(fixture) % 2;
        left += access(fixture_path(fixture, GROWN), F_OK) == 0;
        assert_int_equal(send_one(fixture), 1);
        start(fixture);
        assert_whole(fixture);
        assert_int_equal(send_one(fixture), 1);
        sent += 2;
        assert_int_equal(root_row(fixture).tx_packets, sent);
        assert_int_equal(root_row(fixture).tx_bytes, sent * 100);
    }
    print_message("killed at %u points, on the way %u, maps aside %u\n", kills, odd, left);
    assert_true(kills >= 130 / STEP - 2 && odd >= 3 && left >= 3 && odd < kills);
    /* Root's own rows apart. */
    static const enum pin_id OTHERS[] = {PIN_COOKIE_TAG, PIN_UID_RULES,  PIN_UID_IFACE, PIN_DOZABLE_UID,
                                         PIN_METERED,    PIN_TAG_STATS,  PIN_TAG_COUNT, PIN_DROPS,
                                         PIN_TAGS_ENDED, PIN_IFACE_PARTS};
    for (size_t i = 0; i < ARRAY_SIZE(OTHERS); i++) {
        _cleanup_(content_done) struct content now = content_read(fixture, OTHERS[i]);
        content_assert_same(&now, &before.of[OTHERS[i]]);
    }
}

static void killed_starts_lose_nothing(void **state)
{
    kill_everywhere(*state, 1);
}

static void killed_starts_lose_nothing_per_cpu(void **state)
{
    kill_everywhere(*state, 5);
}

static void deny_root(const struct fixture *fixture)
{
    const uint32_t chain_switch = TCTL_CHAIN_SWITCH, root = 0;
    fixture_put(fixture, PIN_STANDBY_UID, &root, &(uint8_t){0});
    fixture_put(fixture, PIN_STANDBY_UID, &chain_switch, &(uint8_t){1});
    fixture_raise(fixture);
}

static void killed_starts_never_open_the_firewall(void **state)
{
    struct fixture *fixture = *state;
    const struct tctl_drop_key key = {.uid = 0, .reason = TCTL_STANDBY};
    struct tctl_drop drop;
    uint64_t sent = 0;
    deny_root(fixture);
    for (unsigned int change = 9; ask_for(fixture, 10), cut_off(start_in_child, &fixture->options, change);
         change += STEP) {
        assert_int_equal(send_one(fixture), 0);
        start(fixture);
        assert_int_equal(send_one(fixture), 0);
        sent += 2;
    }
    assert_true(fixture_get(fixture, PIN_DROPS, &key, &drop));
    assert_int_equal(drop.dropped.tx_packets, sent);
}

/* The hook for what comes in is the last to change, and here it cannot. */
static void a_start_that_fails_takes_its_counters_back(void **state)
{
    struct fixture *fixture = *state;
    struct loaded *loaded = NULL;
    fill_all(fixture, ROWS);
    _cleanup_(all_done) struct all before = read_all(fixture);
    uint64_t moved = moves(fixture);
    fixture_unpin_link(fixture, PIN_INGRESS_LINK);
    surroundings_attach_alone(fixture->cgroup, BPF_CGROUP_INET_INGRESS);
    ask_for(fixture, 10);
    _cleanup_free_ char *files = surroundings_list(fixture->bpffs);
    assert_int_equal(loader_start(&fixture->options, false, NULL, &loaded, &fault), -EPERM);
    surroundings_detach(fixture->cgroup, BPF_CGROUP_INET_INGRESS);
    assert_int_equal(moves(fixture), moved + 2);
    assert_int_equal(access(fixture_path(fixture, GROWN), F_OK), -1);
    assert_same(fixture, &before);
    assert_int_equal(send_one(fixture), 1);
    assert_int_equal(root_row(fixture).tx_packets, 1);
    start(fixture);
    assert_whole(fixture);
    assert_int_equal(root_row(fixture).tx_packets, 1);
}

/* Far enough that the new programs count. */
static void leave_half_done(struct fixture *fixture)
{
    struct bpf_link_info info = {0};
    uint32_t length = sizeof(info), before;
    _cleanup_fd_ int link = fixture_pin(fixture, PIN_EGRESS_LINK);
    assert_int_equal(bpf_obj_get_info_by_fd(link, &info, &length), 0);
    before = info.prog_id;
    for (unsigned int change = 40; info.prog_id == before; change += 2) {
        assert_true(cut_off(start_in_child, &fixture->options, change));
        assert_int_equal(bpf_obj_get_info_by_fd(link, &info, &length), 0);
    }
    assert_int_equal(moves(fixture) % 2, 1);
    assert_int_equal(send_one(fixture), 1);
}

static void maps_that_a_killed_start_left_grow_again(void **state)
{
    struct fixture *fixture = *state;
    send_one(fixture);
    ask_for(fixture, 10);
    leave_half_done(fixture);
    ask_for(fixture, 10);
    start(fixture);
    assert_whole(fixture);
    assert_int_equal(root_row(fixture).tx_packets, 2);
}

static void maps_that_a_killed_start_left_are_no_downgrade(void **state)
{
    struct fixture *fixture = *state;
    struct loaded *loaded = NULL;
    send_one(fixture);
    ask_for(fixture, 10);
    leave_half_done(fixture);
    ask_for(fixture, (uint32_t)-10);
    assert_int_equal(loader_start(&fixture->options, false, NULL, &loaded, &fault), -EEXIST);
    assert_non_null(strstr(fault.text, "downgrade"));
    ask_for(fixture, 10);
    start(fixture);
    assert_whole(fixture);
    assert_int_equal(root_row(fixture).tx_packets, 2);
}

static void a_killed_start_can_be_unloaded(void **state)
{
    struct fixture *fixture = *state;
    ask_for(fixture, 10);
    leave_half_done(fixture);
    if (loader_unload(fixture->bpffs, &fault) < 0)
        fail_msg("%s", fault.text);
    _cleanup_free_ char *files = surroundings_list(fixture->bpffs);
    assert_null(strstr(files, "grown"));
    start(fixture);
    assert_whole(fixture);
}

static void nothing_grows_under_a_running_trafficd(void **state)
{
    struct fixture *fixture = *state;
    struct loaded *loaded = NULL;
    fixture_load(fixture);
    ask_for(fixture, 10);
    assert_int_equal(loader_start(&fixture->options, false, NULL, &loaded, &fault), -EBUSY);
    assert_non_null(strstr(fault.text, "stop it first"));
    assert_int_equal(moves(fixture) % 2, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)
#define PERCPU(name) cmocka_unit_test_setup_teardown(name, set_up_percpu, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_map_grows_with_what_is_in_it),
        PERCPU(every_map_grows_with_what_is_in_it),
        TEST(a_start_with_the_same_sizes_moves_nothing),
        TEST(one_map_grows_alone),
        PERCPU(one_map_grows_alone),
        TEST(rows_keep_owner_and_mode),
        TEST(a_start_that_fails_takes_its_counters_back),
        PERCPU(a_start_that_fails_takes_its_counters_back),
        TEST(maps_that_a_killed_start_left_grow_again),
        PERCPU(maps_that_a_killed_start_left_grow_again),
        TEST(maps_that_a_killed_start_left_are_no_downgrade),
        TEST(a_killed_start_can_be_unloaded),
        TEST(nothing_grows_under_a_running_trafficd),
        TEST(killed_starts_lose_nothing),
        PERCPU(killed_starts_lose_nothing_per_cpu),
        TEST(killed_starts_never_open_the_firewall),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: grow", tests, NULL, NULL);
}
