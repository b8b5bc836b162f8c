/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The library where nf_tables counts: rows, names, drops, a status and an unload of real packets in a real table. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <trafficctl/accounting.h>
#include <trafficctl/events.h>
#include <trafficctl/firewall.h>
#include <trafficctl/maps.h>
#include <trafficctl/verify.h>

#include "base.h"
#include "fd.h"
#include "ifaces.h"
#include "loader.h"
#include "place.h"
#include "ruleset.h"
#include "state.h"
#include "surroundings.h"
#include "totals.h"
#include "users_place.h"
#include "users_table.h"

#define ALICE USERS_FIRST
#define BOB (USERS_FIRST + 1)
#define CAROL (USERS_FIRST + 2)
#define NOBODY 65534
#define DATAGRAM 29 /* IPv4, UDP and a byte */

static struct {
    struct users *users;
    struct users_place place;
    struct tctl *traffic;
} at;

static void cleanup_closep(struct tctl **traffic)
{
    *traffic = tctl_close(*traffic);
}

static int set_up(void **state)
{
    int r = users_set_up(state);
    at.users = *state;
    users_put(at.users, NULL);
    users_place_make(&at.place, NOBODY);
    assert_int_equal(tctl_open(at.place.folder, &at.traffic), 0);
    return r;
}

static int tear_down(void **state)
{
    at.traffic = tctl_close(at.traffic);
    users_place_remove(&at.place);
    return users_tear_down(state);
}

static void send_some(uint32_t uid, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++)
        assert_int_equal(users_send(uid), 0);
}

static void assert_sent(struct tctl_counters counters, uint64_t packets)
{
    assert_int_equal(counters.tx_packets, packets);
    assert_int_equal(counters.tx_bytes, packets * DATAGRAM);
}

static struct tctl_counters counted_of(uint32_t uid)
{
    struct tctl_counters counters;
    assert_int_equal(tctl_read_uid(at.traffic, uid, &counters), 0);
    return counters;
}

static void users_have_their_rows(void **state)
{
    (void)state;
    _cleanup_free_ struct tctl_uid_row *rows = NULL;
    size_t count;
    send_some(ALICE, 3);
    send_some(BOB, 5);
    assert_int_equal(tctl_read_uids(at.traffic, &rows, &count), 0);
    assert_int_equal(count, 2);
    assert_int_equal(rows[0].uid, ALICE);
    assert_sent(rows[0].counters, 3);
    assert_int_equal(rows[1].uid, BOB);
    assert_sent(rows[1].counters, 5);
    assert_sent(counted_of(BOB), 5);
    assert_sent(counted_of(CAROL), 0);
}

static void interfaces_have_their_names(void **state)
{
    (void)state;
    _cleanup_free_ struct tctl_detail_row *details = NULL;
    _cleanup_free_ struct tctl_iface_row *ifaces = NULL;
    size_t count;
    send_some(ALICE, 2);
    assert_int_equal(tctl_read_details(at.traffic, NULL, &details, &count), 0);
    assert_int_equal(count, 1);
    assert_string_equal(details[0].iface, "lo");
    assert_int_equal(details[0].uid, ALICE);
    assert_int_equal(details[0].tag, 0);
    assert_sent(details[0].counters, 2);
    assert_int_equal(tctl_read_ifaces(at.traffic, &ifaces, &count), 0);
    assert_int_equal(count, 1);
    assert_string_equal(ifaces[0].iface, "lo");
    assert_true(ifaces[0].counters.tx_packets >= 2); /* and what the kernel answers */
}

static void deny(uint32_t uid)
{
    struct nft_held held = {.policy.switched = TCTL_BIT(TCTL_STANDBY)};
    assert_int_equal(policy_uids_set(&held.policy.listed[TCTL_STANDBY], uid, true), 0);
    users_hold(at.users, &held);
    nft_held_done(&held);
}

static void drops_have_their_reasons(void **state)
{
    (void)state;
    _cleanup_free_ struct tctl_drop_row *rows = NULL;
    size_t count;
    struct tctl_status status;
    deny(ALICE);
    assert_int_equal(users_send(ALICE), EPERM);
    assert_int_equal(users_send(ALICE), EPERM);
    assert_int_equal(tctl_read_drops(at.traffic, &rows, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].uid, ALICE);
    assert_string_equal(rows[0].reason, "standby");
    assert_sent(rows[0].counters, 2);
    assert_int_equal(tctl_status(at.traffic, &status), 0);
    assert_int_equal(status.dropped_tx, 2);
    assert_int_equal(status.dropped_rx, 0);
}

static bool is_attached(const struct tctl_status *status, enum tctl_program program)
{
    return status->programs[program].attached;
}

/* As trafficd does, to say that it runs. */
static int lock_running(void)
{
    assert_return_code(mkdir(at.place.running, 0700), errno);
    int fd = open(at.place.running, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_return_code(flock(fd, LOCK_EX | LOCK_NB), errno);
    return fd;
}

static void a_status_tells_what_is_there(void **state)
{
    (void)state;
    struct tctl_status status;
    _cleanup_fd_ int running = lock_running();
    send_some(ALICE, 1);
    deny(BOB);
    assert_int_equal(tctl_status(at.traffic, &status), 0);
    assert_int_equal(status.daemon_pid, getpid());
    assert_int_equal(status.health, TCTL_DEGRADED); /* by what it lacks */
    assert_int_equal(status.since_sec, 1700000000);
    assert_true(is_attached(&status, TCTL_PROG_INGRESS) && is_attached(&status, TCTL_PROG_EGRESS));
    assert_true(is_attached(&status, TCTL_PROG_CONNECT4) && is_attached(&status, TCTL_PROG_CONNECT6));
    assert_false(is_attached(&status, TCTL_PROG_RELEASE) || status.programs[TCTL_PROG_RELEASE].wanted);
    assert_string_equal(status.chains[TCTL_STANDBY - 1].name, "standby");
    assert_true(status.chains[TCTL_STANDBY - 1].enabled);
    assert_false(status.chains[TCTL_DOZABLE - 1].enabled);
    assert_string_equal(status.netfilter, "nft");
    for (size_t i = 0; i < TCTL_STATUS_PLACES; i++)
        assert_true(status.places[i].counted);
    assert_string_equal(status.maps[PIN_UID_STATS].name, pins[PIN_UID_STATS].path);
    assert_true(status.maps[PIN_UID_STATS].readable);
    assert_int_equal(status.maps[PIN_UID_STATS].entries, 1);
    assert_int_equal(status.maps[PIN_UID_STATS].max_entries, 20000);
    assert_false(status.maps[PIN_COOKIE_TAG].readable);
}

static void what_others_took_away_is_down(void **state)
{
    (void)state;
    struct tctl_status status;
    ruleset_run("nft 'flush chain inet " NFT_USERS " postrouting'");
    assert_int_equal(tctl_status(at.traffic, &status), 0);
    assert_int_equal(status.health, TCTL_DOWN);
    assert_true(is_attached(&status, TCTL_PROG_INGRESS));
    assert_false(is_attached(&status, TCTL_PROG_EGRESS));
    ruleset_run("nft flush ruleset");
    assert_int_equal(tctl_status(at.traffic, &status), 0);
    assert_false(is_attached(&status, TCTL_PROG_INGRESS));
}

/* What trafficd saves of the table as it is. */
static void save(void)
{
    struct nft_totals totals = {0};
    struct nft_counts counts = {0};
    struct nft_base_table where = {.netns_inum = at.place.state->netns_inum};
    struct fault fault = {0};
    bool there;
    memcpy(where.boot_id, at.place.state->boot_id, sizeof(where.boot_id));
    assert_int_equal(nft_totals_read(&totals, &nft_dump_kernel, at.users->talk, &where, &there, &counts), 0);
    assert_int_equal(nft_base_write(&totals.base, at.place.base, &fault), 0);
    nft_counts_done(&counts);
    nft_totals_done(&totals);
}

/* Puts a table that is gone, without trafficd. */
static void restore(void)
{
    struct tctl_firewall *firewall = NULL;
    _cleanup_fclose_ FILE *policy = fopen(at.place.policy, "we");
    assert_non_null(policy);
    assert_true(fputs("trafficctl policy 1\nend\n", policy) >= 0);
    assert_int_equal(fflush(policy), 0);
    assert_int_equal(tctl_firewall_open(at.place.folder, &firewall), 0);
    assert_int_equal(tctl_firewall_restore(firewall), 0);
    tctl_firewall_close(firewall);
}

static void what_was_saved_outlives_the_table(void **state)
{
    (void)state;
    _cleanup_(cleanup_closep) struct tctl *later = NULL;
    struct tctl_counters counters;
    send_some(ALICE, 3);
    save();
    send_some(ALICE, 1);
    assert_sent(counted_of(ALICE), 4);
    ruleset_run("nft flush ruleset");
    assert_sent(counted_of(ALICE), 4);
    assert_int_equal(tctl_open(at.place.folder, &later), 0);
    assert_int_equal(tctl_read_uid(later, ALICE, &counters), 0);
    assert_sent(counters, 3);
    restore();
    send_some(ALICE, 2);
    assert_int_equal(tctl_read_uid(later, ALICE, &counters), 0);
    assert_sent(counters, 5);
    users_remove(at.users);
    users_put(at.users, NULL); /* which nobody has saved as ours: its counters may be a copy's */
    send_some(ALICE, 1);
    assert_int_equal(tctl_read_uid(later, ALICE, &counters), 0);
    assert_sent(counters, 5);
}

/* All of it goes, and nothing of others. */
static void an_unload_is_noticed(void **state)
{
    (void)state;
    struct tctl_uid_row *rows;
    struct tctl_status status;
    struct fault fault = {0};
    size_t count;
    users_remove(at.users);
    ruleset_fill_with_foreign();
    _cleanup_free_ char *before = ruleset_everything(false);
    users_put(at.users, NULL);
    save();
    assert_int_equal(loader_unload(at.place.folder, &fault), 0);
    _cleanup_free_ char *after = ruleset_everything(false);
    assert_string_equal(before, after);
    assert_int_equal(access(at.place.ours, F_OK), -1);
    assert_int_equal(tctl_read_uids(at.traffic, &rows, &count), -ESTALE);
    assert_int_equal(tctl_status(at.traffic, &status), -ESTALE);
    at.traffic = tctl_close(at.traffic);
    assert_int_equal(tctl_open(at.place.folder, &at.traffic), -ENOENT);
}

static void programs_are_not_loaded_beside_it(void **state)
{
    (void)state;
    const struct load_options options = {.backend = LOAD_BACKEND_BPF, .bpffs = at.place.folder};
    struct loaded *loaded = NULL;
    struct fault fault = {0};
    assert_int_equal(loader_start(&options, true, NULL, &loaded, &fault), -EEXIST);
    assert_non_null(strstr(fault.text, "trafficctl unload"));
    assert_int_equal(access(at.place.running, F_OK), -1);
}

/* Under mounts of its own, of which no other process sees anything. */
static int use_default(void *context)
{
    struct tctl_state *state = NULL;
    struct tctl *traffic = NULL;
    struct fault fault = {0};
    (void)context;
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", "/run", "tmpfs", 0, NULL) < 0 || mount("none", "/sys/fs/bpf", "tmpfs", 0, NULL) < 0)
        return 1;
    if (tctl_open(NULL, &traffic) != -ENOENT)
        return 2;
    if (mkdir("/run/trafficctl", 0755) < 0 || mkdir(PLACE_FILES, 0755) < 0 ||
        mkdir(PLACE_FILES "/" TCTL_DIR, 0711) < 0 || state_make_file(PLACE_FILES, 0, &state) < 0)
        return 3;
    *state = *at.place.state;
    if (tctl_open(NULL, &traffic) < 0)
        return 4;
    tctl_close(traffic);
    state_unmap(state);
    return loader_unload(TCTL_BPFFS, &fault) == 0 && access(PLACE_FILES "/" TCTL_DIR, F_OK) < 0 ? 0 : 5;
}

static void the_default_has_a_place_for_files(void **state)
{
    (void)state;
    assert_int_equal(surroundings_wait(surroundings_fork(use_default, NULL)), 0);
    assert_false(users_look(at.users).exists);
}

static int unload_elsewhere(void *context)
{
    struct fault fault = {0};
    (void)context;
    return unshare(CLONE_NEWNET) == 0 && loader_unload(at.place.folder, &fault) == -EXDEV && strstr(fault.text, "net:[")
               ? 0
               : 1;
}

static void nothing_is_unloaded_by_halves(void **state)
{
    (void)state;
    struct fault fault = {0};
    int running = lock_running();
    assert_int_equal(loader_unload(at.place.folder, &fault), -EBUSY);
    fd_close(running);
    assert_int_equal(surroundings_wait(surroundings_fork(unload_elsewhere, NULL)), 0);
    assert_true(users_whole(at.users));
    assert_int_equal(access(at.place.file, F_OK), 0);
}

static void another_version_is_refused(void **state)
{
    (void)state;
    struct tctl *other;
    at.place.state->abi_version++;
    assert_int_equal(tctl_open(at.place.folder, &other), -EPROTO);
    at.place.state->abi_version--;
    assert_return_code(truncate(at.place.file, 100), errno);
    assert_int_equal(tctl_open(at.place.folder, &other), -EPROTO);
}

static void what_only_programs_can_is_refused(void **state)
{
    (void)state;
    struct tctl_verified verified;
    struct tctl_maps *maps;
    struct tctl_events *events;
    struct tctl_accounting *accounting;
    assert_int_equal(tctl_accounting_open(at.place.folder, &accounting), -EOPNOTSUPP);
    assert_int_equal(tctl_verify(at.traffic, &verified), -EOPNOTSUPP);
    assert_int_equal(tctl_maps_open(at.place.folder, &maps), -EOPNOTSUPP);
    assert_int_equal(tctl_events_open(at.place.folder, &events), -EOPNOTSUPP);
}

/* The group may read the state, but the table only through trafficd. */
static int read_as_member(void *context)
{
    (void)context;
    struct tctl *traffic = NULL;
    struct tctl_uid_row *rows;
    struct tctl_status status = {0};
    size_t count;
    if (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0 ||
        tctl_open(at.place.folder, &traffic) < 0)
        return 1;
    if (tctl_read_uids(traffic, &rows, &count) != -ENOTCONN)
        return 2;
    if (tctl_status(traffic, &status) < 0 || status.health != TCTL_DEGRADED || status.lost[TCTL_DROPS].packets != 7)
        return 3;
    tctl_close(traffic);
    return 0;
}

static void members_are_told_what_was_noted(void **state)
{
    (void)state;
    at.place.state->attached = at.place.state->wanted;
    at.place.state->lost[TCTL_DROPS] = 7;
    assert_int_equal(surroundings_wait(surroundings_fork(read_as_member, NULL)), 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(users_have_their_rows),
        TEST(interfaces_have_their_names),
        TEST(drops_have_their_reasons),
        TEST(a_status_tells_what_is_there),
        TEST(what_others_took_away_is_down),
        TEST(what_was_saved_outlives_the_table),
        TEST(an_unload_is_noticed),
        TEST(nothing_is_unloaded_by_halves),
        TEST(programs_are_not_loaded_beside_it),
        TEST(the_default_has_a_place_for_files),
        TEST(another_version_is_refused),
        TEST(what_only_programs_can_is_refused),
        TEST(members_are_told_what_was_noted),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: nft_reader", tests, NULL, NULL);
}
