/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Others take the table away that counts and judges: trafficd notices at once, says who it was, and makes it whole.
 * What members of read_group are told never becomes less.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "journal.h"
#include "nft_kit.h"
#include "served.h"
#include "stream.h"

#define BURST 20
#define LOOP_MS 3000
#define QUIET 10004
#define MANY 4000

/* Traffic goes on, and somebody reads. */
struct bystanders {
    struct stream stream;
    struct served served;
};

/* His row does not grow again over what it was. */
static void be_quiet(void)
{
    struct udp udp = udp_pair(the_world, QUIET, AF_INET6, 5);

    udp_send(udp.a, udp.b, 100);
    udp_send(udp.b, udp.a, 100);
    udp_close(&udp);
}

static void bystanders_start(struct bystanders *bystanders)
{
    be_quiet();
    stream_start(&bystanders->stream, FREE, BURST);
    served_start(&bystanders->served, MEMBER);
}

static void bystanders_end(struct bystanders *bystanders)
{
    served_end(&bystanders->served);
    stream_end(&bystanders->stream);
}

static void test_flushed_during_traffic(void **state)
{
    struct bystanders bystanders;

    (void)state;
    bystanders_start(&bystanders);
    nft("flush ruleset");
    nft_closes();
    journal_waits_for(DELETED);
    journal_waits_for(WHOLE);
    bystanders_end(&bystanders);
    assert_int_equal(journal_count(DELETED), 1);
    assert_int_equal(journal_count(WHOLE), 1);
    assert_int_equal(journal_count("attached"), 0);
}

/* Faster than it is told of: at most once a second, with how often it was. */
static void test_flushed_twenty_times(void **state)
{
    struct bystanders bystanders;
    uint64_t start = now_ms();

    (void)state;
    bystanders_start(&bystanders);
    for (int i = 0; i < 20; i++) {
        nft("flush ruleset");
        nft_closes();
    }
    journal_waits_for("more times since then; the last time it was deleted by nft (pid ");
    bystanders_end(&bystanders);
    assert_true(journal_count("\n") <= 3 * (2 + (now_ms() - start) / 1000));
}

static void test_flushed_twenty_times_at_once(void **state)
{
    struct bystanders bystanders;

    (void)state;
    bystanders_start(&bystanders);
    for (int i = 0; i < 20; i++)
        nft("flush ruleset");
    nft_closes();
    bystanders_end(&bystanders);
}

static int flush_on(int channel, void *unused)
{
    struct pollfd end = {.fd = channel, .events = POLLIN};

    (void)unused;
    while (poll(&end, 1, 0) == 0)
        if (system("nft flush ruleset") != 0)
            return -EIO;
    return 0;
}

/* Nothing but the log is at stake then. */
static void test_flushed_in_a_loop(void **state)
{
    struct bystanders bystanders;
    struct actor actor;

    (void)state;
    bystanders_start(&bystanders);
    uint64_t start = now_ms();
    assert_int_equal(actor_start(the_world, PLACE_A, 0, flush_on, NULL, &actor), 0);
    poll(NULL, 0, LOOP_MS);
    assert_int_equal(actor_wait(&actor), 0);
    nft_closes();
    bystanders_end(&bystanders);
    assert_true(journal_count("\n") <= 3 * (2 + (now_ms() - start) / 1000));
}

/* What was asked for a moment ago holds, though trafficd had no time to see it in the table. */
static void test_flushed_behind_a_change(void **state)
{
    struct udp udp = udp_pair(the_world, 10003, AF_INET, 3);

    (void)state;
    assert_true(sends(&udp));
    assert_int_equal(kill(the_world->daemon, SIGSTOP), 0);
    wall("firewall enable dozable");
    wall("firewall allow dozable %d", FREE);
    nft("flush ruleset");
    assert_int_equal(kill(the_world->daemon, SIGCONT), 0);
    journal_waits_for(WHOLE);
    assert_false(sends(&udp));
    nft_closes();
    udp_close(&udp);
}

/* As many as anybody denies. */
static void test_flushed_with_many_rules(void **state)
{
    char *policy = NULL;
    size_t length;
    FILE *text = open_memstream(&policy, &length);

    (void)state;
    assert_non_null(text);
    fputs("trafficctl policy 1\nenable standby\n", text);
    for (uid_t uid = DENIED + 5; uid < DENIED + 5 + MANY; uid++)
        fprintf(text, "deny standby %u\n", uid);
    fprintf(text, "deny standby %d\nend\n", DENIED);
    assert_int_equal(fclose(text), 0);
    wall_save(policy);
    free(policy);
    wall("firewall restore");
    nft("flush ruleset");
    nft_closes();
    wall_chain_is(2, true, MANY + 1, DENIED, DENIED + 5);
}

/* What is not saved holds again too. */
static void test_runtime_rules_come_back(void **state)
{
    struct udp udp = udp_pair(the_world, 10003, AF_INET, 3);

    (void)state;
    wall("firewall deny standby --runtime 10003");
    nft_settles();
    for (int i = 0; i < 5; i++) {
        assert_false(sends(&udp));
        journal_forget();
        nft("flush ruleset");
        nft_closes();
    }
    assert_false(sends(&udp));
    udp_close(&udp);
}

/* Each of these is no more than a part of it. */
static void test_parts(void **state)
{
    static const char *const MUTATIONS[] = {
        "delete table inet trafficctl_users",
        "flush chain inet trafficctl_users postrouting",
        "insert rule inet trafficctl_users postrouting accept",
        "add table inet trafficctl_users { flags dormant; }",
        "flush chain inet trafficctl_users judge_out",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(MUTATIONS) / sizeof(*MUTATIONS); i++) {
        char *before = nft_ruleset();
        journal_forget();
        nft("%s", MUTATIONS[i]);
        nft_closes();
        if (i == 0)
            journal_waits_for(DELETED);
        char *after = nft_ruleset();
        if (strcmp(before, after) != 0)
            fail_msg("after '%s' it is another one", MUTATIONS[i]);
        free(before);
        free(after);
    }
}

static void test_other_tables_are_let_be(void **state)
{
    (void)state;
    nft("add table inet other");
    nft("add chain inet other postrouting { type filter hook postrouting priority 2147483646; }");
    nft("delete table inet other");
    nft_closes();
    assert_int_equal(journal_count("nf_tables"), 0);
}

static struct tctl_counters total_by_root(void)
{
    json_t *stats = run_ctl_json(the_world, "stats uid 10002", 0);
    struct tctl_counters counters = json_counters(json_array_get(json_object_get(stats, "uids"), 0));

    json_decref(stats);
    return counters;
}

/* Who may ask nf_tables asks trafficd all the same, which then knows what was told. */
static void test_flushed_after_root_has_read(void **state)
{
    struct stream stream;

    (void)state;
    stream_start(&stream, FREE, BURST);
    stream_end(&stream);
    struct tctl_counters before = total_by_root();
    nft("flush ruleset");
    nft_closes();
    struct tctl_counters after = total_by_root();
    assert_true(before.tx_packets > 0);
    assert_in_range(after.tx_packets, before.tx_packets, UINT64_MAX);
    assert_in_range(after.tx_bytes, before.tx_bytes, UINT64_MAX);
}

/* Saved at the stop, found at the start, and in between by who may ask nf_tables. */
static void test_flushed_while_down(void **state)
{
    struct stream stream;

    (void)state;
    stream_start(&stream, FREE, BURST);
    stream_end(&stream);
    struct tctl_counters before = uid_total(the_world, FREE);
    assert_int_equal(world_stop_daemon(the_world, SIGTERM, NULL), 0);
    nft("flush ruleset");
    assert_counters_equal("while it is down", total_by_root(), before);
    journal_start();
    assert_counters_equal("after a start", uid_total(the_world, FREE), before);
    nft_closes();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WALL(test_flushed_during_traffic),       WITH_WALL(test_flushed_twenty_times),
        WITH_WALL(test_flushed_twenty_times_at_once), WITH_WALL(test_flushed_in_a_loop),
        WITH_WALL(test_flushed_behind_a_change),      WITH_WALL(test_runtime_rules_come_back),
        WITH_WALL(test_flushed_with_many_rules),      WITH_WALL(test_parts),
        WITH_WALL(test_other_tables_are_let_be),      WITH_WALL(test_flushed_after_root_has_read),
        WITH_WALL(test_flushed_while_down),
    };

    return run_world("nft_flush", tests, sizeof(tests) / sizeof(*tests), &NFT_WORLD);
}
