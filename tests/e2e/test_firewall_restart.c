/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The firewall without trafficd, through its restarts and after a boot: nobody who is denied gets one packet through at
 * any moment, and nothing that a peer wrote is corrected. A boot is everything unpinned, and a start.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "inside.h"
#include "journal.h"
#include "traffic_abi.h"
#include "wall_kit.h"

#define DENIED 10001
#define FREE 10002
#define RAW_DENIED 10003 /* by a peer, in the map alone */
#define STANDBY "traffic_standby_uid_map"
#define RESTARTS 6 /* one that lets go for a moment is seen: the sender never pauses */

/* One who sends without a pause, in and out, and what came of it. */
static struct sender {
    struct udp udp;
    bool runs;
    atomic_bool stop;
    atomic_uint refused, sent, passed_after;
    pthread_t thread;
} sender;

static int set_up(void **state)
{
    if (wall_setup(state) < 0)
        return -1;
    wall("firewall enable standby");
    wall("firewall deny standby %d", DENIED);
    wall("firewall enable oem_deny_1");
    wall("firewall deny oem_deny_1 %d", DENIED);
    wall("firewall lockdown %d on", DENIED);
    return 0;
}

/* Whoever writes to a pipe without a reader is ended. */
static int tear_down(void **state)
{
    int r;

    atomic_store(&sender.stop, true);
    if (sender.runs)
        pthread_join(sender.thread, NULL);
    sender.runs = false;
    if (the_world->daemon)
        world_stop_daemon(the_world, SIGTERM, NULL);
    journal_end();
    r = wall_teardown(state);
    return world_configure(the_world, the_world->options.config) ?: world_start_daemon(the_world) ?: r;
}
#define RESTART(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

static void stop(int signal)
{
    assert_int_equal(world_stop_daemon(the_world, signal, NULL), 0);
}

static void start(void)
{
    assert_int_equal(world_start_daemon(the_world), 0);
}

/* The maps of before are the test's no more. */
static void unload(void)
{
    stop(SIGTERM);
    run_ctl(the_world, "unload", 0, &said);
    the_world->traffic = tctl_close(the_world->traffic);
}

static bool passes(uid_t uid)
{
    struct udp udp = udp_pair(the_world, uid, AF_INET, 2);
    bool sent = sends(&udp);

    udp_close(&udp);
    return sent;
}

static void send_once(void)
{
    if (send(sender.udp.a, "x", 1, MSG_DONTWAIT) == 1) {
        atomic_fetch_add(&sender.sent, 1);
        if (atomic_load(&sender.refused) > 0)
            atomic_fetch_add(&sender.passed_after, 1);
    } else if (errno == EPERM) {
        atomic_fetch_add(&sender.refused, 1);
    }
    if (send(sender.udp.b, "x", 1, MSG_DONTWAIT) < 0 && errno != EAGAIN)
        perror("send");
}

static void *run_sender(void *arg)
{
    (void)arg;
    run_anywhere();
    while (!atomic_load(&sender.stop))
        send_once();
    return NULL;
}

static void sender_start(void)
{
    sender = (struct sender){.udp = udp_pair(the_world, DENIED, AF_INET, 1)};
    assert_int_equal(pthread_create(&sender.thread, NULL, run_sender, NULL), 0);
    sender.runs = true;
}

static bool hears(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_DONTWAIT) == 1;
}

static void sender_stop(void)
{
    atomic_store(&sender.stop, true);
    assert_int_equal(pthread_join(sender.thread, NULL), 0);
    sender.runs = false;
    assert_true(atomic_load(&sender.refused) > 0);
}

static void test_no_restart_lets_one_packet_through(void **state)
{
    static const int SIGNALS[] = {SIGKILL, SIGTERM};
    (void)state;
    sender_start();
    for (int i = 0; i < RESTARTS; i++) {
        unsigned int before = atomic_load(&sender.refused);
        stop(SIGNALS[i % 2]);
        start();
        assert_true(atomic_load(&sender.refused) > before);
    }
    sender_stop();
    assert_int_equal(atomic_load(&sender.sent), 0);
    assert_false(hears(sender.udp.a));
    assert_false(hears(sender.udp.b));
    udp_close(&sender.udp);
}

/* Where nobody takes what it tells the service manager, it waits. */
static void hear_ready(void)
{
    char text[256];

    while (recv(the_world->notify, text, sizeof(text), MSG_DONTWAIT) > 0)
        ;
}

/* By a chain whose switch is a bit of what SIGHUP writes anew. */
static void test_no_reload_lets_one_packet_through(void **state)
{
    (void)state;
    wall("firewall disable standby");
    stop(SIGTERM);
    journal_start();
    sender_start();
    for (int i = 0; i < RESTARTS; i++) {
        journal_forget();
        assert_return_code(kill(the_world->daemon, SIGHUP), errno);
        journal_waits_for("configuration read again");
        hear_ready();
    }
    sender_stop();
    assert_int_equal(atomic_load(&sender.sent), 0);
    assert_false(hears(sender.udp.a));
    udp_close(&sender.udp);
}

/* What a peer wrote raw and the file does not say, and what the file says and a peer took away. */
static void test_a_restart_corrects_nobody(void **state)
{
    (void)state;
    byte_write(the_world, STANDBY, RAW_DENIED, 0);
    byte_write(the_world, STANDBY, DENIED, 1);
    for (int i = 0; i < 2; i++) {
        stop(i ? SIGTERM : SIGKILL);
        start();
        assert_int_equal(byte_read(the_world, STANDBY, DENIED), 1);
        assert_false(passes(RAW_DENIED));
        run_ctl(the_world, "status", 4, &said);
    }
    wall("firewall restore");
    assert_int_equal(byte_read(the_world, STANDBY, DENIED), 0);
    assert_true(passes(RAW_DENIED));
    run_ctl(the_world, "status", 0, &said);
}

static void test_killed_it_leaves_the_kernel_enforcing(void **state)
{
    (void)state;
    stop(SIGKILL);
    assert_false(passes(DENIED));
    assert_true(passes(FREE));
    wall("firewall deny standby %d", FREE);
    assert_false(passes(FREE));
    start();
    assert_false(passes(FREE));
    wall("firewall allow standby %d", FREE);
}

static void test_a_boot_brings_all_rules_back(void **state)
{
    json_t *before = wall_rules(), *after;

    (void)state;
    unload();
    assert_true(passes(DENIED));
    start();
    after = wall_rules();
    assert_int_equal(json_equal(before, after), 1);
    json_decref(before);
    json_decref(after);
    assert_false(passes(DENIED));
    assert_true(passes(FREE));
    run_ctl(the_world, "status", 0, &said);
}

/* Were the program attached before the rules are there, a packet would pass, and be counted. */
static void test_load_only_restores_before_anything_is_attached(void **state)
{
    const char *const arguments[] = {"--load-only",    "--config", the_world->config, "--bpffs",
                                     the_world->bpffs, "--cgroup", the_world->cgroup, NULL};
    (void)state;
    for (int i = 0; i < 4; i++) {
        unload();
        sender_start();
        run_as(0, "trafficd", arguments, &said);
        assert_int_equal(said.exit, 0);
        while (atomic_load(&sender.refused) == 0)
            sched_yield();
        sender_stop();
        assert_true(atomic_load(&sender.sent) > 0);
        assert_int_equal(atomic_load(&sender.passed_after), 0);
        udp_close(&sender.udp);
        assert_int_equal(tctl_open(the_world->bpffs, &the_world->traffic), 0);
        assert_int_equal(uid_total(the_world, DENIED).tx_packets, 0);
        start();
    }
}

/* What is left of a file that was cut off. */
static void tear_policy(void)
{
    char path[96], text[4096];
    FILE *file;
    size_t length;

    snprintf(path, sizeof(path), "%s/policy", the_world->folder);
    file = fopen(path, "re");
    assert_non_null(file);
    length = fread(text, 1, sizeof(text), file);
    fclose(file);
    assert_true(length > 5);
    assert_return_code(truncate(path, (off_t)length - 5), errno);
}

static void remove_good(void)
{
    char path[96];

    snprintf(path, sizeof(path), "%s/policy.good", the_world->folder);
    assert_return_code(unlink(path), errno);
}

/* What trafficd says and what holds, for one who is denied and one who is not; the whole table is in test_restore.c. */
static void bad_policy(const char *key, const char *says, bool denied_passes, bool free_passes)
{
    char config[256];

    snprintf(config, sizeof(config), WALL_CONFIG "on_bad_policy = %s\n", key);
    assert_int_equal(world_configure(the_world, config), 0);
    journal_start();
    journal_waits_for(says);
    assert_true(journal_count("/policy:") > 0);
    assert_int_equal(passes(DENIED), denied_passes);
    assert_int_equal(passes(FREE), free_passes);
    run_ctl(the_world, "status", 4, &said);
    stop(SIGTERM);
    journal_end();
}

static void test_a_torn_policy_and_what_holds_then(void **state)
{
    (void)state;
    stop(SIGTERM);
    tear_policy();
    bad_policy("keep", "the rules that the kernel has go on holding", false, true);
    run_ctl(the_world, "unload", 0, &said);
    bad_policy("keep", "the last good policy holds instead", false, true);
    run_ctl(the_world, "unload", 0, &said);
    remove_good();
    bad_policy("keep", "nobody passes whom the firewall may judge", false, false);
    bad_policy("open", "everybody passes", true, true);
    bad_policy("closed", "nobody passes whom the firewall may judge", false, false);
    the_world->traffic = tctl_close(the_world->traffic);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RESTART(test_no_restart_lets_one_packet_through), RESTART(test_no_reload_lets_one_packet_through),
        RESTART(test_a_restart_corrects_nobody),          RESTART(test_killed_it_leaves_the_kernel_enforcing),
        RESTART(test_a_boot_brings_all_rules_back),       RESTART(test_load_only_restores_before_anything_is_attached),
        RESTART(test_a_torn_policy_and_what_holds_then),
    };
    const struct world_options options = {.config = WALL_CONFIG};

    return run_world("firewall_restart", tests, ARRAY_SIZE(tests), &options);
}
