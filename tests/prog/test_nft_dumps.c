/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Counting sets of the running kernel, filled by packets of many users, in a network namespace of the test's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "fd.h"
#include "ruleset.h"
#include "surroundings.h"
#include "totals.h"
#include "users_table.h"

#define _cleanup_counts_ _cleanup_(nft_counts_done)
#define _cleanup_dumps_ _cleanup_(nft_dumps_done)

#define HEADERS 28 /* IPv4 and UDP */
#define FIRST_UID 100000
#define MANY 10000
#define DENIED USERS_FIRST
#define READINGS 10
#define BURST 1000
#define CHANGES 50

/* The table, with room for so many rows, and another interface beside the loopback. */
static int set_up(void **state)
{
    int r = users_set_up(state);
    struct users *users = *state;
    /* Nobody answers to what is sent to a port without a socket. */
    ruleset_run("nft 'add table inet hush; add chain inet hush in { type filter hook input priority 0; };"
                "add rule inet hush in meta l4proto udp drop'");
    ruleset_run("ip link add va type veth peer name vb; ip link set vb up; ip addr add 192.0.2.1/24 dev va; "
                "ip link set va up; ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev va");
    users->asked.sizes.users = 65535;
    users_put(users, NULL);
    return r;
}

/* Datagrams of users, in a child: so many UIDs from first on, each one of a size of its own by each of two interfaces.
 */
struct sending {
    uint32_t first, count;
    unsigned int rounds;
};

static uint64_t bytes_of(uint32_t uid)
{
    return HEADERS + 1 + uid % 100;
}

static bool send_as(uint32_t uid)
{
    static const char *const ADDRESSES[] = {"127.0.0.1", "192.0.2.2"};
    char payload[101] = "";
    bool sent = setresuid(uid, uid, 0) == 0;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    for (size_t i = 0; i < ARRAY_SIZE(ADDRESSES) && sent; i++) {
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
        const size_t size = bytes_of(uid) - HEADERS;
        inet_pton(AF_INET, ADDRESSES[i], &to.sin_addr);
        sent = sendto(fd, payload, size, 0, (struct sockaddr *)&to, sizeof(to)) == (ssize_t)size;
    }
    fd_close(fd);
    return setresuid(0, 0, 0) == 0 && sent;
}

static int send_all(void *context)
{
    const struct sending *sending = context;
    for (unsigned int round = 0; round < sending->rounds; round++)
        for (uint32_t i = 0; i < sending->count; i++)
            if (!send_as(sending->first + i))
                return 1;
    return 0;
}

static void send_and_wait(struct sending sending)
{
    assert_int_equal(surroundings_wait(surroundings_fork(send_all, &sending)), 0);
}

static void read_counts(struct nft_dumps *dumps, struct nft_talk *talk, struct nft_counts *counts)
{
    uint64_t handle = 0;
    assert_int_equal(nft_dumps_read(dumps, &nft_dump_kernel, talk, &handle, counts), 0);
    assert_true(handle > 0);
}

/* Each of these UIDs has a row by each of both interfaces, and in it all that it sent in so many rounds. */
static void assert_whole(struct nft_counts *counts, uint32_t first, uint32_t count, unsigned int rounds)
{
    static const char NAMES[][TCTL_IFNAME_LEN] = {"lo", "va"};
    for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++) {
        uint32_t number;
        assert_int_equal(nft_ifnames_number(&counts->names, NAMES[i], &number), 0);
        for (uint32_t uid = first; uid < first + count; uid++) {
            const struct nft_ledger_row *row = nft_ledger_find(&counts->rows[NFT_UIDS], uid, number);
            if (!row) {
                fail_msg("no row of UID %u by %s", uid, NAMES[i]);
                return;
            }
            assert_int_equal(row->value.tx_packets, rounds);
            assert_int_equal(row->value.tx_bytes, rounds * bytes_of(uid));
            assert_int_equal(row->value.rx_packets + row->value.rx_bytes, 0);
        }
    }
}

static uint64_t sum_of(uint32_t first, uint32_t count)
{
    uint64_t sum = 0;
    for (uint32_t uid = first; uid < first + count; uid++)
        sum += bytes_of(uid);
    return sum;
}

static struct tctl_stats_value iface(struct nft_counts *counts, const char name[TCTL_IFNAME_LEN])
{
    uint32_t number;
    assert_int_equal(nft_ifnames_number(&counts->names, name, &number), 0);
    const struct nft_ledger_row *row = nft_ledger_find(&counts->rows[NFT_IFACES], 0, number);
    assert_non_null(row);
    return row->value;
}

static const char LO[TCTL_IFNAME_LEN] = "lo", VA[TCTL_IFNAME_LEN] = "va";

static void all_rows_are_read(void **state)
{
    const struct users *users = *state;
    struct nft_talk *talk = users->talk;
    _cleanup_dumps_ struct nft_dumps dumps = {0};
    send_and_wait((struct sending){FIRST_UID, MANY, 2});
    for (int i = 0; i < 3; i++) {
        _cleanup_counts_ struct nft_counts counts = {0};
        read_counts(&dumps, talk, &counts);
        assert_int_equal(counts.rows[NFT_UIDS].count, 2 * MANY);
        assert_whole(&counts, FIRST_UID, MANY, 2);
        assert_int_equal(iface(&counts, LO).tx_bytes, 2 * sum_of(FIRST_UID, MANY));
        assert_int_equal(iface(&counts, LO).rx_bytes, 2 * sum_of(FIRST_UID, MANY));
        assert_int_equal(iface(&counts, LO).rx_packets, 2 * MANY);
        assert_true(iface(&counts, VA).tx_bytes >= 2 * sum_of(FIRST_UID, MANY)); /* and the kernel's own */
    }
}

/* A child that sends as new UIDs, so many for each byte that it is told, and how far it is. */
struct bursts {
    int told[2];
    atomic_uint sent; /* UIDs that have a row by each interface */
};

static int send_bursts(void *context)
{
    struct bursts *bursts = context;
    char byte;
    fd_close(bursts->told[1]);
    while (read(bursts->told[0], &byte, 1) == 1)
        for (unsigned int i = 0; i < BURST; i++, bursts->sent++)
            if (!send_as(FIRST_UID + MANY + bursts->sent))
                return 1;
    return 0;
}

static struct bursts *bursts_new(void)
{
    struct bursts *bursts = mmap(NULL, sizeof(*bursts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(bursts, MAP_FAILED);
    assert_return_code(pipe2(bursts->told, O_CLOEXEC), errno);
    return bursts;
}

/* What had been sent before a reading began is in it. Returns whether more came meanwhile. */
static bool read_meanwhile(struct nft_dumps *dumps, struct nft_talk *talk, const struct bursts *bursts)
{
    _cleanup_counts_ struct nft_counts counts = {0};
    assert_int_equal(write(bursts->told[1], "x", 1), 1);
    const unsigned int before = bursts->sent;
    read_counts(dumps, talk, &counts);
    const unsigned int after = bursts->sent;
    assert_whole(&counts, FIRST_UID, MANY + before, 1);
    assert_true(counts.rows[NFT_UIDS].count <= 2 * (MANY + after + 1));
    return after > before;
}

static void rows_that_come_meanwhile_hide_none(void **state)
{
    const struct users *users = *state;
    struct nft_talk *talk = users->talk;
    _cleanup_dumps_ struct nft_dumps known = {0};
    _cleanup_counts_ struct nft_counts counts = {0};
    struct bursts *bursts = bursts_new();
    unsigned int disturbed = 0;
    send_and_wait((struct sending){FIRST_UID, MANY, 1});
    const pid_t child = surroundings_fork(send_bursts, bursts);
    fd_close(bursts->told[0]);
    for (int i = 0; i < READINGS; i++) {
        _cleanup_dumps_ struct nft_dumps fresh = {0};
        disturbed += read_meanwhile(&known, talk, bursts) + read_meanwhile(&fresh, talk, bursts);
    }
    fd_close(bursts->told[1]);
    assert_int_equal(surroundings_wait(child), 0);
    print_message("rows came in %u of %u readings\n", disturbed, 2 * READINGS);
    assert_true(disturbed >= READINGS);
    read_counts(&known, talk, &counts);
    assert_int_equal(counts.rows[NFT_UIDS].count, 2 * (MANY + 2 * READINGS * BURST));
    assert_whole(&counts, FIRST_UID, MANY + 2 * READINGS * BURST, 1);
    munmap(bursts, sizeof(*bursts));
}

/* Others change what is theirs, many times a second. */
static int change_for_others(void *context)
{
    (void)context;
    for (int i = 0; i < CHANGES; i++)
        if (system("nft 'add table inet other; delete table inet other'") != 0)
            return 1;
    return 0;
}

static void foreign_changes_disturb_no_reading(void **state)
{
    const struct users *users = *state;
    struct nft_talk *talk = users->talk;
    _cleanup_dumps_ struct nft_dumps dumps = {0};
    uint32_t first, now;
    send_and_wait((struct sending){FIRST_UID, MANY, 1});
    assert_int_equal(nft_talk_generation(talk, &first), 0);
    const pid_t child = surroundings_fork(change_for_others, NULL);
    do {
        _cleanup_counts_ struct nft_counts counts = {0};
        read_counts(&dumps, talk, &counts);
        assert_whole(&counts, FIRST_UID, MANY, 1);
        assert_int_equal(nft_talk_generation(talk, &now), 0);
    } while (now - first < CHANGES);
    assert_int_equal(surroundings_wait(child), 0);
}

static void what_finds_no_room_is_lost_and_said(void **state)
{
    struct users *users = *state;
    struct nft_talk *talk = users->talk;
    _cleanup_dumps_ struct nft_dumps dumps = {0};
    _cleanup_counts_ struct nft_counts counts = {0};
    users_remove(users);
    users->asked.sizes.users = 100;
    users_put(users, NULL);
    send_and_wait((struct sending){FIRST_UID, 300, 1});
    read_counts(&dumps, talk, &counts);
    assert_int_equal(counts.rows[NFT_UIDS].count, 100);
    assert_whole(&counts, FIRST_UID, 50, 1);
    assert_int_equal(counts.named[NFT_COUNT_LOST_OUT].packets, 500);
    assert_int_equal(counts.named[NFT_COUNT_LOST_OUT].bytes, 2 * sum_of(FIRST_UID + 50, 250));
}

static int connect_once(void *context)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    (void)context;
    if (setresuid(DENIED, DENIED, 0) < 0)
        return 1;
    _cleanup_fd_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 && errno == ECONNREFUSED ? 0 : 1;
}

static void assert_value(const struct nft_counts *counts, enum nft_kind kind, uint64_t packets, uint64_t bytes)
{
    const struct nft_ledger_row *row = nft_ledger_find(&counts->rows[kind], DENIED, TCTL_STANDBY);
    assert_int_equal(counts->rows[kind].count, 1);
    assert_non_null(row);
    assert_int_equal(row->value.tx_packets, packets);
    assert_int_equal(row->value.tx_bytes, bytes);
}

static void drops_have_their_rows(void **state)
{
    const struct users *users = *state;
    static const uint32_t DENIED_UIDS[] = {DENIED};
    struct sending dropped = {DENIED, 1, 1};
    struct nft_held held = {.policy.switched = TCTL_BIT(TCTL_STANDBY)};
    _cleanup_dumps_ struct nft_dumps dumps = {0};
    _cleanup_counts_ struct nft_counts counts = {0};
    assert_int_equal(policy_uids_replace(&held.policy.listed[TCTL_STANDBY], DENIED_UIDS, 1), 0);
    users_hold(users, &held);
    nft_held_done(&held);
    assert_int_equal(surroundings_wait(surroundings_fork(send_all, &dropped)), 1); /* EPERM */
    assert_int_equal(surroundings_wait(surroundings_fork(connect_once, NULL)), 0);
    read_counts(&dumps, users->talk, &counts);
    assert_value(&counts, NFT_DROPS, 1, bytes_of(DENIED));
    assert_value(&counts, NFT_REFUSED, 1, 0);
}

static void assert_told(struct nft_totals *totals, struct nft_talk *talk, bool expected, unsigned int rounds)
{
    static const struct nft_base_table HERE = {.boot_id = "this"};
    _cleanup_counts_ struct nft_counts counts = {0};
    bool there = !expected;
    assert_int_equal(nft_totals_read(totals, &nft_dump_kernel, talk, &HERE, &there, &counts), 0);
    assert_int_equal(there, expected);
    assert_int_equal(counts.rows[NFT_UIDS].count, 200);
    assert_whole(&counts, FIRST_UID, 100, rounds);
}

/* Others flush a set, and the ruleset. */
static void counters_outlive_what_others_do(void **state)
{
    const struct users *users = *state;
    struct nft_talk *talk = users->talk;
    _cleanup_(nft_totals_done) struct nft_totals totals = {0};
    send_and_wait((struct sending){FIRST_UID, 100, 2});
    assert_told(&totals, talk, true, 2);
    ruleset_run("nft flush set inet " NFT_USERS " sent");
    assert_told(&totals, talk, true, 2);
    send_and_wait((struct sending){FIRST_UID, 100, 1});
    assert_told(&totals, talk, true, 3);
    const uint64_t first = totals.base.table.handle;
    ruleset_run("nft flush ruleset");
    assert_told(&totals, talk, false, 3);
    users_put(users, NULL);
    send_and_wait((struct sending){FIRST_UID, 100, 5});
    assert_told(&totals, talk, true, 8);
    send_and_wait((struct sending){FIRST_UID, 100, 1});
    assert_told(&totals, talk, true, 9);
    assert_int_not_equal(totals.base.table.handle, first);
}

static uint64_t assert_not_less(const struct nft_counts *before, struct nft_counts *now)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < now->rows[NFT_UIDS].count; i++)
        sum += now->rows[NFT_UIDS].rows[i].value.tx_packets;
    for (size_t i = 0; i < before->rows[NFT_UIDS].count; i++) {
        const struct nft_ledger_row *row = &before->rows[NFT_UIDS].rows[i];
        uint32_t number;
        assert_int_equal(nft_ifnames_number(&now->names, before->names.all[row->number - 1], &number), 0);
        const struct nft_ledger_row *same = nft_ledger_find(&now->rows[NFT_UIDS], row->uid, number);
        assert_non_null(same);
        assert_true(same && same->value.tx_packets >= row->value.tx_packets);
        assert_true(same && same->value.tx_bytes >= row->value.tx_bytes);
    }
    return sum;
}

/* While packets come others flush our set, or everything, and a table is put there anew. */
static void nothing_that_was_told_becomes_less(void **state)
{
    static const struct nft_base_table HERE = {.boot_id = "this"};
    const struct users *users = *state;
    struct sending sending = {FIRST_UID, 100, 100};
    _cleanup_(nft_totals_done) struct nft_totals totals = {0};
    _cleanup_counts_ struct nft_counts before = {0};
    uint64_t told = 0, handle = 0;
    int tables = 0;
    const pid_t child = surroundings_fork(send_all, &sending);
    for (int i = 0; i < 2 * READINGS; i++) {
        _cleanup_counts_ struct nft_counts now = {0};
        bool there;
        assert_int_equal(nft_totals_read(&totals, &nft_dump_kernel, users->talk, &HERE, &there, &now), 0);
        told = assert_not_less(&before, &now);
        tables += totals.base.table.handle != handle;
        handle = totals.base.table.handle;
        nft_counts_clear(&before);
        assert_int_equal(nft_counts_add(&before, &now), 0);
        ruleset_run(i % 3 ? "nft flush set inet " NFT_USERS " sent" : "nft flush ruleset");
        users_put(users, NULL);
    }
    assert_int_equal(surroundings_wait(child), 0);
    print_message("%lu of %u packets were told\n", told, 2 * sending.count * sending.rounds);
    assert_true(told > 0 && told <= 2 * sending.count * sending.rounds);
    assert_int_equal(tables, 1 + (2 * READINGS + 2) / 3);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, users_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_rows_are_read),
        TEST(rows_that_come_meanwhile_hide_none),
        TEST(foreign_changes_disturb_no_reading),
        TEST(what_finds_no_room_is_lost_and_said),
        TEST(drops_have_their_rows),
        TEST(counters_outlive_what_others_do),
        TEST(nothing_that_was_told_becomes_less),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: nft_dumps", tests, NULL, NULL);
}
