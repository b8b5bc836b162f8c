/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* More users and tags than one expects: exact while they fit, and counted as lost where they do not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "kit.h"
#include "program.h"

#define FIRST 20000
#define USERS 10000
#define ROUNDS 2
#define DEGRADED 4 /* exit status: what nf_tables counts always is */

#define STATS(n) "app_uid_stats = " n "\nuid_stats = " n "\ntag_stats = " n "\n"

/* Every user in turn, each a datagram of a size that names it. */
static int send_as_all(int channel, void *arg)
{
    static const char block[1000];
    const union address *to = arg;

    (void)channel;
    for (uint32_t i = 0; i < USERS * ROUNDS; i++) {
        uid_t uid = FIRST + i % USERS;
        _cleanup_fd_ int fd = -1;

        if (setresuid(uid, uid, 0) < 0)
            return -errno;
        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || sendto(fd, block, i % 1000, 0, &to->any, sizeof(to->v4)) < 0)
            return -errno;
        if (setresuid(0, 0, 0) < 0)
            return -errno;
    }
    return 0;
}

static struct tctl_counters expected_of(uint32_t uid)
{
    uint64_t size = (uid - FIRST) % 1000 + 28;

    return (struct tctl_counters){.tx_packets = ROUNDS, .tx_bytes = ROUNDS * size};
}

/* Runs the users and returns how many of them have a row; each row that is there is exact. */
static size_t all_send(void)
{
    _cleanup_fd_ int sink = socket_as(the_world, PLACE_B, 0, AF_INET, SOCK_DGRAM, 0);
    _cleanup_free_ struct tctl_uid_row *row = NULL;
    union address to = address_of(AF_INET, 0, 0);
    struct tctl_counters wire;
    size_t count = 0, users = 0;

    bind_to(sink, &to);
    to = name_of(sink);
    assert_int_equal(wire_reset(the_world), 0);
    assert_int_equal(as_uid(the_world, PLACE_A, 0, send_as_all, &to), 0);
    assert_int_equal(wire_count(the_world, &(struct wire_filter){.family = AF_INET, .protocol = IPPROTO_UDP}, &wire),
                     0);
    assert_int_equal(wire.tx_packets, USERS * ROUNDS);
    assert_int_equal(tctl_read_uids(the_world->traffic, &row, &count), 0);
    for (size_t i = 0; i < count; i++) {
        if (row[i].uid < FIRST || row[i].uid >= FIRST + USERS)
            continue;
        assert_counters_equal("a user", row[i].counters, expected_of(row[i].uid));
        users++;
    }
    return users;
}

static uint64_t lost(const char *pin)
{
    json_t *status = run_ctl_json(the_world, "status", the_world->options.backend ? DEGRADED : 0);
    json_t *value = json_object_get(json_object_get(status, "lost"), pin);
    uint64_t packets;

    assert_true(json_is_integer(value));
    packets = (uint64_t)json_integer_value(value);
    json_decref(status);
    return packets;
}

static uint64_t detailed_packets(void)
{
    return detail_sum(the_world, &(struct tctl_filter){.has_tag = true}).tx_packets;
}

static void test_ten_thousand_users_fit(void **state)
{
    (void)state;
    assert_int_equal(all_send(), USERS);
    assert_int_equal(detailed_packets(), USERS * ROUNDS);
    assert_int_equal(lost("traffic_app_uid_stats_map"), 0);
    assert_int_equal(lost("traffic_uid_stats_map"), 0);
}

static void test_ten_thousand_users_do_not_fit(void **state)
{
    size_t users;

    (void)state;
    users = all_send();
    assert_in_range(users, 4900, 5000); /* a per-CPU free list may keep a few back */
    assert_int_equal(lost("traffic_app_uid_stats_map"), (USERS - users) * ROUNDS);
    assert_int_equal(lost("traffic_uid_stats_map") + detailed_packets(), USERS * ROUNDS);
}

/* A row of nf_tables is a user's at an interface, and its total is made of those. */
static void test_ten_thousand_users_do_not_fit_a_set(void **state)
{
    size_t users;

    (void)state;
    users = all_send();
    assert_in_range(users, 4900, 5000); /* others send too */
    assert_int_equal(lost("traffic_uid_stats_map"), (USERS - users) * ROUNDS);
    assert_int_equal(lost("traffic_uid_stats_map") + detailed_packets(), USERS * ROUNDS);
}

/* One user with ever new tags takes its share of the rows, loses the rest, and leaves the others theirs. */
static void test_one_user_cannot_fill_the_tags(void **state)
{
    struct udp greedy = udp_pair(the_world, FIRST, AF_INET, 1), other = udp_pair(the_world, FIRST + 1, AF_INET, 2);
    struct wire_filter filter = {.family = AF_INET, .protocol = IPPROTO_UDP, .address = 1};
    struct meter meter = meter_start(the_world, FIRST, &filter);
    uint64_t before = lost("traffic_tag_stats_map");
    size_t rows = map_rows(the_world, "traffic_tag_stats_map");

    (void)state;
    for (uint32_t tag = 1; tag <= 2000; tag++) {
        tag_write(the_world, greedy.a, FIRST, tag);
        answer_drop(the_world, greedy.a);
        udp_send(greedy.a, greedy.b, 10);
    }
    meter_exact(&meter); /* the total counts where the detailed row does not fit */
    assert_int_equal(map_rows(the_world, "traffic_tag_stats_map") - rows, 5000 / 8);
    assert_int_equal(lost("traffic_tag_stats_map") - before, 2000 - 5000 / 8);
    tag_write(the_world, other.a, FIRST + 1, 7);
    udp_send(other.a, other.b, 72);
    assert_counters_equal("the other's tag", tag_sum(the_world, FIRST + 1, 7), (struct tctl_counters){0, 0, 100, 1});
    udp_close(&greedy);
    udp_close(&other);
}

int main(void)
{
    const struct CMUnitTest fit[] = {cmocka_unit_test(test_ten_thousand_users_fit)};
    const struct CMUnitTest tags[] = {cmocka_unit_test(test_one_user_cannot_fill_the_tags)};
    const struct CMUnitTest no_fit[] = {cmocka_unit_test(test_ten_thousand_users_do_not_fit)};
    const struct CMUnitTest no_fit_nft[] = {cmocka_unit_test(test_ten_thousand_users_do_not_fit_a_set)};
    int failed = 0;

    for (int percpu = 0; percpu < 2; percpu++) {
        const struct world_options large = {.percpu = percpu, .config = "[maps]\n" STATS("20000")};
        const struct world_options small = {.percpu = percpu, .config = "[maps]\n" STATS("5000")};

        failed += run_world("many users, maps of 20000", fit, 1, &large);
        failed += run_world("many users, maps of 5000", no_fit, 1, &small);
        failed += run_world("many tags, maps of 5000", tags, 1, &small);
    }
    failed += run_world("many users, nf_tables, sets of 20000", fit, 1,
                        &(struct world_options){.backend = "nft", .config = "[maps]\n" STATS("20000")});
    return failed + run_world("many users, nf_tables, sets of 5000", no_fit_nft, 1,
                              &(struct world_options){.backend = "nft", .config = "[maps]\n" STATS("5000")});
}
