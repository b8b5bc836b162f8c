/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Who is no root: a member of read_group reads all that is counted, by the library and by the command; everybody else,
 * and a member whom the bpffs does not let through, is told what to do. Nobody of them writes. The bpffs is mounted
 * 0700.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <trafficctl/accounting.h>
#include <trafficctl/events.h>
#include <trafficctl/firewall.h>
#include <trafficctl/maps.h>
#include <trafficctl/verify.h>

#include "cleanup.h"
#include "fd.h"
#include "kit.h"
#include "program.h"

#define MEMBER 20001
#define STRANGER 20002
#define MEMBERS "read_group = 20001\n"

static struct program said;

/* In A, which is what trafficd counts. */
static void ctl(uid_t uid, const char *words, int status)
{
    const char *argument[8] = {"--bpffs", the_world->bpffs};
    char line[80];
    size_t n = 2;

    snprintf(line, sizeof(line), "%s", words);
    for (char *w = strtok(line, " "); w && n < ARRAY_SIZE(argument) - 1; w = strtok(NULL, " "))
        argument[n++] = w;
    assert_return_code(setns(the_world->netns[PLACE_A], CLONE_NEWNET), errno);
    run_as(uid, "trafficctl", argument, &said);
    assert_return_code(setns(the_world->home, CLONE_NEWNET), errno);
    if (said.exit != status)
        fail_msg("trafficctl %s: exit status %d, it said: %s", words, said.exit, said.error);
}

static const char *const readings[] = {"stats uid",    "stats uid 20001", "stats iface", "stats detail",
                                       "stats drops",  "status",          "verify",      "dump",
                                       "dump --short", "qtaguid stats",   "-j stats uid"};

static mode_t bpffs_mode(void)
{
    struct stat root;

    assert_return_code(stat(the_world->bpffs, &root), errno);
    return root.st_mode & 0777;
}

static void test_command_reads_for_members(void **state)
{
    struct udp udp = udp_pair(the_world, MEMBER, AF_INET, 1);

    (void)state;
    assert_int_equal(bpffs_mode(), 0711);
    udp_send(udp.a, udp.b, 1000);
    udp_close(&udp);
    for (size_t i = 0; i < ARRAY_SIZE(readings); i++) {
        ctl(MEMBER, readings[i], 0);
        assert_string_equal(said.error, "");
        assert_true(strlen(said.out) > 0);
    }
    ctl(0, "-j stats uid", 0);
    _cleanup_free_ char *of_root = strdup(said.out);
    ctl(MEMBER, "-j stats uid", 0);
    assert_string_equal(said.out, of_root);
}

static void test_command_refuses_strangers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(readings); i++) {
        ctl(STRANGER, readings[i], 1);
        assert_refused(&said, 1, the_world->bpffs, "read_group");
        assert_string_equal(said.out, "");
    }
}

static void test_command_writes_for_root_alone(void **state)
{
    static const char *const writings[] = {"firewall deny standby 20003", "firewall enable standby", "unload",
                                           "firewall restore"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(writings); i++) {
        ctl(MEMBER, writings[i], 1);
        assert_refused(&said, 1, "root", NULL);
        ctl(STRANGER, writings[i], 1);
        assert_refused(&said, 1, "root", NULL);
    }
    ctl(0, "firewall show", 0);
    assert_null(strstr(said.out, "20003"));
}

/* All that only reads, by the library. The first error, or 0. */
static int read_all(struct tctl *traffic)
{
    _cleanup_free_ struct tctl_uid_row *uids = NULL;
    _cleanup_free_ struct tctl_iface_row *ifaces = NULL;
    _cleanup_free_ struct tctl_detail_row *details = NULL;
    _cleanup_free_ struct tctl_drop_row *drops = NULL;
    struct tctl_verified verified = {0};
    struct tctl_status status;
    struct tctl_counters counters;
    size_t count;
    int r = tctl_read_uids(traffic, &uids, &count) ?: tctl_read_uid(traffic, MEMBER, &counters);

    r = r ?: tctl_read_ifaces(traffic, &ifaces, &count) ?: tctl_read_iface(traffic, "a0", &counters);
    r = r ?: tctl_read_details(traffic, NULL, &details, &count) ?: tctl_read_drops(traffic, &drops, &count);
    r = r ?: tctl_status(traffic, &status) ?: tctl_verify(traffic, &verified);
    tctl_verified_done(&verified);
    return r;
}

static int open_and_read(int channel, void *arg)
{
    struct tctl *traffic = NULL;
    int r = tctl_open(the_world->bpffs, &traffic);

    (void)channel, (void)arg;
    if (r == 0)
        r = read_all(traffic);
    tctl_close(traffic);
    return r;
}

/* Of two errors that must be one: -EIO when they are not. */
static int both(int one, int other)
{
    return one == other ? one : -EIO;
}

static int open_for_writing(int channel, void *arg)
{
    struct tctl_accounting *accounting = NULL;
    struct tctl_firewall *firewall = NULL;
    struct tctl_events *events = NULL;
    int r = both(tctl_accounting_open(the_world->bpffs, &accounting), tctl_events_open(the_world->bpffs, &events));

    (void)channel, (void)arg;
    r = both(r, tctl_firewall_open(the_world->bpffs, &firewall));
    tctl_firewall_close(firewall);
    return r;
}

static int open_stats(uint32_t flags)
{
    LIBBPF_OPTS(bpf_obj_get_opts, options, .file_flags = flags);
    char path[160];

    snprintf(path, sizeof(path), "%s/traffic_app_uid_stats_map", the_world->bpffs);
    return bpf_obj_get_opts(path, &options);
}

/* Neither another descriptor nor the one that reads takes a row. */
static int write_past_the_library(int channel, void *arg)
{
    const uint32_t uid = MEMBER;
    const struct tctl_stats_value value = {0};
    _cleanup_fd_ int fd = open_stats(BPF_F_RDONLY);

    (void)channel, (void)arg;
    if (fd < 0 || bpf_map_update_elem(fd, &uid, &value, BPF_ANY) != -EPERM || bpf_map_delete_elem(fd, &uid) != -EPERM)
        return -EIO;
    return open_stats(0);
}

static int read_sockets(int channel, void *arg)
{
    struct tctl_socket_row *rows = NULL;
    struct tctl_maps *maps = NULL;
    size_t count;
    int r = tctl_maps_open(the_world->bpffs, &maps);

    (void)channel, (void)arg;
    if (r == 0)
        r = tctl_maps_read_sockets(maps, &rows, &count);
    free(rows);
    tctl_maps_close(maps);
    return r;
}

static int as(uid_t uid, actor_fn fn)
{
    return as_uid(the_world, PLACE_A, uid, fn, NULL);
}

static void test_library_reads_for_members(void **state)
{
    (void)state;
    assert_int_equal(as(MEMBER, open_and_read), 0);
    assert_int_equal(as(STRANGER, open_and_read), -EACCES);
    assert_int_equal(as(0, read_sockets), 0);
    assert_int_equal(as(MEMBER, read_sockets), -EACCES);
}

static void test_library_writes_for_root_alone(void **state)
{
    (void)state;
    assert_int_equal(as(MEMBER, open_for_writing), -EACCES);
    assert_int_equal(as(STRANGER, open_for_writing), -EACCES);
    assert_int_equal(as(MEMBER, write_past_the_library), -EACCES);
}

/* As systemd mounts it, and trafficd is told to leave it. */
static void test_bpffs_that_lets_nobody_through(void **state)
{
    (void)state;
    assert_int_equal(world_stop_daemon(the_world, SIGTERM, NULL), 0);
    assert_return_code(chmod(the_world->bpffs, 0700), errno);
    assert_int_equal(world_configure(the_world, MEMBERS "bpffs_search = no\n"), 0);
    assert_int_equal(world_start_daemon(the_world), 0);
    assert_int_equal(bpffs_mode(), 0700);

    assert_int_equal(as(MEMBER, open_and_read), -EACCES);
    for (size_t i = 0; i < ARRAY_SIZE(readings); i++) {
        ctl(MEMBER, readings[i], 1);
        assert_refused(&said, 1, the_world->bpffs, "bpffs_search");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_command_reads_for_members),     cmocka_unit_test(test_command_refuses_strangers),
        cmocka_unit_test(test_command_writes_for_root_alone), cmocka_unit_test(test_library_reads_for_members),
        cmocka_unit_test(test_library_writes_for_root_alone), cmocka_unit_test(test_bpffs_that_lets_nobody_through),
    };
    const struct world_options options = {.netfilter = "link", .config = MEMBERS};

    return run_world("plain users", tests, ARRAY_SIZE(tests), &options);
}
