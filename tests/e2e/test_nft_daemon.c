/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * trafficd where nf_tables counts: who may read, what a stop, a kill, a SIGHUP, an unload change, and that it is what
 * a kernel gets whose bpf(2) is of no use.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "exporter_kit.h"
#include "journal.h"
#include "nft_kit.h"
#include "stream.h"

#define BURST 20
#define OTHER_GROUP 20003
#define OTHER_CONFIG "app_uids = 10000-20000,500-600\nread_group = 20003\n"
#define SAVED_MS 10000

static const struct wire_filter FIRST_ADDRESS = {.family = AF_INET, .address = 1};

static char *text_of(const char *format, ...)
{
    char *text = NULL;
    va_list args;

    va_start(args, format);
    assert_true(vasprintf(&text, format, args) >= 0);
    va_end(args);
    return text;
}

/* Two directions, on a wire where nothing is put together. */
static void counts_exactly(int family)
{
    struct udp udp = udp_pair(the_world, FREE, family, 3);
    struct meter meter = meter_start(the_world, FREE, &(struct wire_filter){.family = family, .address = 3});

    for (int i = 0; i < 10; i++) {
        udp_send(udp.a, udp.b, 100);
        udp_send(udp.b, udp.a, 1000);
    }
    meter_exact(&meter);
    udp_close(&udp);
}

static void test_counts(void **state)
{
    (void)state;
    counts_exactly(AF_INET);
    counts_exactly(AF_INET6);
    nft_closes();
}

static void stats_as(uid_t uid)
{
    run_as(uid, "trafficctl", (const char *[]){"--bpffs", the_world->bpffs, "stats", "uid", NULL}, &said);
}

static void may_read(uid_t uid)
{
    stats_as(uid);
    if (said.exit != 0)
        fail_msg("UID %u may not read: %s", uid, said.error);
    assert_non_null(strstr(said.out, "10002"));
}

static void may_not_read(uid_t uid)
{
    stats_as(uid);
    assert_refused(&said, 1, "group", NULL);
}

static void scrapes(uid_t uid)
{
    struct exporter exporter;

    exporter_start(&exporter, uid, EXPORTER_LOCAL, "");
    char *text = exporter_scrape(&exporter, NULL);
    assert_true(sample_of(text, "trafficd_uid_transmit_packets_total{uid=\"10002\",device=\"a0\"}") > 0);
    free(text);
    exporter_stop(&exporter, SIGTERM);
}

static void test_members_read(void **state)
{
    (void)state;
    counts_exactly(AF_INET);
    may_read(MEMBER);
    may_not_read(STRANGER);
    free(run_ctl_text(the_world, MEMBER, "top --batch --count 1"));
    free(run_ctl_text(the_world, MEMBER, "--json stats detail"));
    scrapes(MEMBER);
}

static void test_members_while_it_is_down(void **state)
{
    (void)state;
    counts_exactly(AF_INET);
    assert_int_equal(world_stop_daemon(the_world, SIGTERM, NULL), 0);
    stats_as(MEMBER);
    assert_refused(&said, 1, "trafficd", "run");
    may_not_read(STRANGER);
    may_read(0);
    journal_start();
    may_read(MEMBER);
}

/* The kernel counts on, whatever trafficd does. */
static void restarts(int by_signal)
{
    struct stream stream;

    struct meter meter = meter_start(the_world, FREE, &FIRST_ADDRESS);
    stream_start(&stream, FREE, BURST);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(world_stop_daemon(the_world, by_signal, NULL), 0);
        poll(NULL, 0, 20);
        journal_start();
    }
    stream_stop(&stream);
    acknowledge(stream.tcp.a); /* or it comes while they are compared */
    meter_exact(&meter);
    stream_end(&stream);
    nft_closes();
}

static void test_restarts_during_traffic(void **state)
{
    (void)state;
    restarts(SIGTERM);
}

static void test_killed_during_traffic(void **state)
{
    (void)state;
    restarts(SIGKILL);
}

static ino_t saved_as(void)
{
    struct stat file;
    _cleanup_free_ char *path = text_of("%s/" TCTL_DIR "/base", the_world->bpffs);

    return stat(path, &file) == 0 ? file.st_ino : 0;
}

static bool is_saved_anew(uint64_t than)
{
    return saved_as() != than;
}

/* Each ten seconds: what was read since is all that a kill and a flush can take. */
static void test_saved_while_it_runs(void **state)
{
    (void)state;
    counts_exactly(AF_INET);
    struct tctl_counters before = uid_total(the_world, FREE);
    assert_true(soon(is_saved_anew, saved_as(), 3 * SAVED_MS));
    assert_int_equal(world_stop_daemon(the_world, SIGKILL, NULL), 0);
    nft("flush ruleset");
    journal_start();
    assert_counters_equal("saved", uid_total(the_world, FREE), before);
}

/* What is in the place of the file is no file. */
static void test_cannot_be_saved(void **state)
{
    _cleanup_free_ char *path = text_of("%s/" TCTL_DIR "/base", the_world->bpffs);

    (void)state;
    assert_true(unlink(path) == 0 || errno == ENOENT);
    assert_return_code(mkdir(path, 0700), errno);
    assert_int_equal(kill(the_world->daemon, SIGTERM), 0);
    journal_waits_for("counters cannot be saved in");
    assert_return_code(rmdir(path), errno);
}

static bool system_user_sends(void)
{
    struct udp udp = udp_pair(the_world, SYSTEM_UID, AF_INET, 4);
    bool passes = sends(&udp);

    udp_close(&udp);
    return passes;
}

static void test_reloads(void **state)
{
    (void)state;
    counts_exactly(AF_INET);
    nft_reload(OTHER_CONFIG);
    wall("firewall deny standby %d", SYSTEM_UID);
    assert_false(system_user_sends());
    may_read(OTHER_GROUP);
    may_not_read(MEMBER);
    nft_closes();
    nft_reload(WALL_CONFIG);
    assert_true(system_user_sends());
    may_read(MEMBER);
    may_not_read(OTHER_GROUP);
}

/* What others have is there before and after, at the same hooks too. */
static void test_unload_leaves_others(void **state)
{
    (void)state;
    assert_int_equal(world_stop_daemon(the_world, SIGTERM, NULL), 0);
    run_ctl(the_world, "unload", 0, &said);
    nft("add table inet other");
    nft("add chain inet other postrouting { type filter hook postrouting priority 2147483646; }");
    nft("add rule inet other postrouting meta skuid 10002 accept");
    nft("add table ip filter");
    char *before = nft_ruleset();
    journal_start();
    char *meanwhile = nft_ruleset();
    assert_string_not_equal(meanwhile, before);
    assert_int_equal(world_stop_daemon(the_world, SIGTERM, NULL), 0);
    run_ctl(the_world, "unload", 0, &said);
    char *after = nft_ruleset();
    assert_string_equal(after, before);
    free(before);
    free(meanwhile);
    free(after);
    nft("delete table inet other");
    nft("delete table ip filter");
    journal_start();
}

static void load_only(void)
{
    run_as(0, "trafficd",
           (const char *[]){"--config", the_world->config, "--bpffs", the_world->bpffs, "--backend", "nft",
                            "--load-only", NULL},
           &said);
    if (said.exit != 0)
        fail_msg("trafficd --load-only: %s", said.error);
}

/* It counts and judges; members have nobody to ask. */
static void test_load_only(void **state)
{
    (void)state;
    assert_int_equal(world_stop_daemon(the_world, SIGTERM, NULL), 0);
    nft("flush ruleset");
    load_only();
    nft_closes();
    may_read(0);
    stats_as(MEMBER);
    assert_refused(&said, 1, "trafficd", "run");
    journal_start();
    may_read(MEMBER);
}

static void test_the_log_names_it(void **state)
{
    (void)state;
    assert_int_equal(world_stop_daemon(the_world, SIGTERM, NULL), 0);
    journal_start();
    journal_waits_for("counting; backend nft, files in ");
}

#define WORLD(name, tests, ...)                                                                                        \
    run_world(name, tests, sizeof(tests) / sizeof(*(tests)), &(struct world_options){__VA_ARGS__})

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WALL(test_counts),
        WITH_WALL(test_members_read),
        WITH_WALL(test_members_while_it_is_down),
        WITH_WALL(test_restarts_during_traffic),
        WITH_WALL(test_killed_during_traffic),
        WITH_WALL(test_saved_while_it_runs),
        WITH_WALL(test_cannot_be_saved),
        WITH_WALL(test_reloads),
        WITH_WALL(test_unload_leaves_others),
        WITH_WALL(test_load_only),
        WITH_WALL(test_the_log_names_it),
    };
    const struct CMUnitTest without_bpf[] = {
        WITH_WALL(test_counts),
        WITH_WALL(test_the_log_names_it),
    };
    int failed = WORLD("nft_daemon", tests, .backend = "nft", .config = WALL_CONFIG);

    failed += WORLD("no programs of BPF", without_bpf, .backend = "auto", .config = WALL_CONFIG,
                    .deny = WORLD_DENIES_PROGRAMS);
    failed += WORLD("no bpf(2)", without_bpf, .backend = "auto", .config = WALL_CONFIG, .deny = WORLD_DENIES_BPF);
    exporter_clean();
    return failed;
}
