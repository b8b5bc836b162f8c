/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The real Prometheus scrapes the real exporter, a plain user's, by what config/monitoring ships. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "exporter_kit.h"
#include "fd.h"
#include "prometheus.h"
#include "wall_kit.h"

#define READER 20001 /* his group is read_group */
#define FAMILIES 24
enum { TALKER = 10011, WRITER, DENIED, TAGGING };

static struct exporter exporter;

/* From the first scrape on. */
static void start(void)
{
    exporter_start(&exporter, READER, EXPORTER_LOCAL, "");
    prometheus_start();
    prometheus_waits_for("trafficd_maps_readable == 1");
}

static int finish(void **state)
{
    if (exporter.pid)
        exporter_stop(&exporter, SIGTERM);
    return wall_teardown(state);
}

/* Prometheus has seen it, too: the exporter says what trafficd last saw, and trafficd looks each second. */
static void chain_off(void)
{
    wall("firewall disable standby");
    prometheus_waits_for("sum(trafficd_firewall_chain_enabled) == 0");
}

/* Some traffic of a user, which is over when this returns. */
static void talk(uid_t uid, int family, size_t size)
{
    struct tcp tcp = tcp_connect(the_world, uid, family, 1);

    transfer(tcp.a, tcp.b, size, 65536);
    transfer(tcp.b, tcp.a, size / 3, 65536);
    tcp_end(&tcp, true);
}

static void tag(const struct udp *udp, uint32_t uid, uint32_t tag)
{
    tag_write(the_world, udp->a, uid, tag);
    answer_drop(the_world, udp->a);
    udp_send(udp->a, udp->b, 100);
}

/* What a command says under a name. The caller's. */
static json_t *rows_of(const char *command, const char *name)
{
    json_t *document = run_ctl_json(the_world, command, 0), *rows = json_incref(json_object_get(document, name));

    json_decref(document);
    assert_true(json_is_array(rows));
    return rows;
}

static json_int_t number(const json_t *row, const char *name)
{
    return json_integer_value(json_object_get(row, name));
}

static const char *text(const json_t *row, const char *name)
{
    return json_string_value(json_object_get(row, name)) ?: "";
}

/* Four families have a row's counters, under these labels. */
static void assert_scraped(const char *of, const char *labels, const json_t *counters)
{
    static const char *const NAMES[][2] = {{"rx_bytes", "receive_bytes"},
                                           {"rx_packets", "receive_packets"},
                                           {"tx_bytes", "transmit_bytes"},
                                           {"tx_packets", "transmit_packets"}};

    for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++)
        prometheus_waits_for("trafficd_%s_%s_total{%s} == %lld", of, NAMES[i][1], labels,
                             number(counters, NAMES[i][0]));
}

static void add(json_t *sums, const char *labels, const json_t *row)
{
    static const char *const COUNTERS[] = {"rx_bytes", "rx_packets", "tx_bytes", "tx_packets"};
    json_t *sum = json_object_get(sums, labels);

    if (!sum) {
        sum = json_object();
        json_object_set_new(sums, labels, sum);
    }
    for (size_t i = 0; i < ARRAY_SIZE(COUNTERS); i++)
        json_object_set_new(sum, COUNTERS[i], json_integer(number(sum, COUNTERS[i]) + number(row, COUNTERS[i])));
}

/* Tags are in the rows with tag 0, and sets are none of Prometheus' business. */
static void users_are_scraped(void)
{
    json_t *rows = rows_of("stats detail --tag 0", "entries"), *sums = json_object(), *row;
    const char *labels;
    char of[64];
    size_t i;

    json_array_foreach(rows, i, row)
    {
        snprintf(of, sizeof(of), "uid=\"%lld\",device=\"%s\"", number(row, "uid"), text(row, "iface"));
        add(sums, of, row);
    }
    json_object_foreach(sums, labels, row) assert_scraped("uid", labels, row);
    prometheus_waits_for("count(trafficd_uid_receive_bytes_total) == %zu", json_object_size(sums));
    json_decref(rows);
    json_decref(sums);
}

static void interfaces_are_scraped(void)
{
    json_t *rows = rows_of("stats iface", "interfaces"), *row;
    char of[64];
    size_t i;

    json_array_foreach(rows, i, row)
    {
        snprintf(of, sizeof(of), "device=\"%s\"", text(row, "iface"));
        assert_scraped("interface", of, row);
    }
    prometheus_waits_for("count(trafficd_interface_receive_bytes_total) == %zu", json_array_size(rows));
    json_decref(rows);
}

static void maps_are_scraped(void)
{
    json_t *status = run_ctl_json(the_world, "status", 0), *map;
    size_t i;

    json_array_foreach(json_object_get(status, "maps"), i, map)
    {
        const char *name = text(map, "name");
        if (!strstr(name, "_stats_map") && !strstr(name, "_iface_"))
            continue; /* not a reader's to open */
        prometheus_waits_for("trafficd_map_entries{map=\"%s\"} == %lld", name, number(map, "entries"));
        prometheus_waits_for("trafficd_map_max_entries{map=\"%s\"} == %lld", name, number(map, "max_entries"));
    }
    prometheus_waits_for("count(trafficd_map_entries) == 5");
    prometheus_waits_for("trafficd_start_time_seconds == %lld", number(status, "since"));
    json_decref(status);
}

static void scrapes_what_is_counted(void **state)
{
    struct udp denied = udp_pair(the_world, DENIED, AF_INET, 1), tagged = udp_pair(the_world, TAGGING, AF_INET6, 2);
    json_t *in_another_set;

    (void)state;
    talk(TALKER, AF_INET, 300000);
    talk(0, AF_INET6, 200000);
    wall("counterset %d 1", TALKER);
    talk(TALKER, AF_INET, 100000);
    tag(&tagged, TAGGING, 7);
    wall("firewall enable standby");
    wall("firewall deny standby %d", DENIED);
    assert_false(sends(&denied));
    assert_false(receives(&denied));

    in_another_set = rows_of("stats detail --tag 0 --set 1", "entries");
    assert_int_equal(json_array_size(in_another_set), 1);
    json_decref(in_another_set);

    start();
    users_are_scraped();
    interfaces_are_scraped();
    maps_are_scraped();
    prometheus_waits_for("trafficd_uid_info{uid=\"0\",user=\"root\"} == 1");
    prometheus_waits_for("trafficd_uid_info{uid=\"%d\",user=\"%d\"} == 1", TALKER, TALKER);
    prometheus_waits_for("trafficd_dropped_packets_total{direction=\"transmit\",reason=\"standby\"} == 1");
    prometheus_waits_for("trafficd_dropped_packets_total{direction=\"receive\",reason=\"standby\"} == 1");
    prometheus_waits_for("sum(trafficd_dropped_packets_total) == 2");
    prometheus_waits_for(
        "trafficd_firewall_enforcing{chain=\"standby\"} == 1 and on() sum(trafficd_firewall_enforcing) == 1");
    prometheus_waits_for("scrape_samples_scraped{job=\"trafficd\"} == scrape_samples_post_metric_relabeling");
    wall("counterset %d 0", TALKER);
    chain_off();
    udp_close(&denied);
    udp_close(&tagged);
}

static void promtool_finds_no_fault(void **state)
{
    _cleanup_free_ char *exported = NULL;
    int file = memfd_create("metrics", 0);

    (void)state;
    talk(TALKER, AF_INET, 1000);
    start();
    exported = exporter_scrape(&exporter, NULL);
    assert_true(dprintf(file, "%s", exported) > 0);
    promtool("check metrics </proc/self/fd/%d", file);
    fd_close(file);
}

static char *shipped(const char *path)
{
    _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t length;
    char *text;

    assert_return_code(fd, errno);
    assert_int_equal(fd_read_all(fd, 1 << 20, &text, &length), 0);
    return text;
}

/* Each family that a file names, not as a part of a recording rule's name, is exported. */
static void assert_exported(const char *names, const char *exported)
{
    static const char PREFIX[] = "trafficd_";
    char type[128];

    for (const char *name = strstr(names, PREFIX); name; name = strstr(name + 1, PREFIX)) {
        snprintf(type, sizeof(type), "# TYPE %.*s ", (int)strspn(name, "abcdefghijklmnopqrstuvwxyz_"), name);
        if (name[-1] != ':' && !strstr(exported, type))
            fail_msg("there is no '%s'", type);
    }
}

static void every_family_is_of_use(void **state)
{
    _cleanup_free_ char *rules = shipped(MONITORING "trafficd.rules.yml"), *exported = NULL;
    _cleanup_free_ char *dashboard = shipped(MONITORING "grafana-dashboard.json");
    size_t families = 0;
    char name[64];

    (void)state;
    talk(TALKER, AF_INET, 1000);
    start();
    exported = exporter_scrape(&exporter, NULL);
    assert_exported(rules, exported);
    assert_exported(dashboard, exported);
    for (const char *line = strstr(exported, "# TYPE "); line; line = strstr(line + 1, "# TYPE "), families++) {
        assert_int_equal(sscanf(line, "# TYPE %63s ", name), 1);
        if (!strstr(rules, name) && !strstr(dashboard, name))
            fail_msg("nothing of " MONITORING " looks at %s", name);
    }
    assert_int_equal(families, FAMILIES);
}

static void a_chain_is_switched_off(void **state)
{
    (void)state;
    start();
    wall("firewall enable standby");
    prometheus_waits_for("trafficd_firewall_enforcing{chain=\"standby\"} == 1");
    prometheus_waits_for("changes(trafficd_last_look_timestamp_seconds[10s]) > 0");
    prometheus_waits_for_alerts("");
    chain_off();
    prometheus_waits_for_alerts("TrafficdFirewallChainSwitchedOff ");
}

static void the_exporter_ends(void **state)
{
    (void)state;
    start();
    exporter_stop(&exporter, SIGKILL);
    prometheus_waits_for_alerts("TrafficdExporterMissing ");
    talk(TALKER, AF_INET, 1000);
    talk(WRITER, AF_INET, 1000);
    talk(DENIED, AF_INET6, 1000);
    exporter_start(&exporter, READER, EXPORTER_LOCAL, "--max-series 8");
    prometheus_waits_for_alerts("TrafficdSeriesCollapsed ");
    prometheus_waits_for("count({__name__=~\"trafficd_uid_.*_total\"}) <= 8");
    exporter_stop(&exporter, SIGTERM);
    exporter_start(&exporter, READER, EXPORTER_LOCAL, "");
    prometheus_waits_for_alerts("");
}

static void trafficd_ends(void **state)
{
    (void)state;
    start();
    assert_int_equal(world_stop_daemon(the_world, SIGKILL, NULL), 0);
    prometheus_waits_for_alerts("TrafficdNotRunning ");
    talk(TALKER, AF_INET, 1000);
    users_are_scraped();
    assert_int_equal(world_start_daemon(the_world), 0);
    prometheus_waits_for_alerts("");
}

/* What hangs on the control group is gone with it, and while there is none trafficd cannot mend that. */
static void programs_are_detached(void **state)
{
    (void)state;
    wall("firewall enable standby");
    start();
    prometheus_waits_for_alerts("");
    assert_return_code(rmdir(the_world->cgroup), errno);
    prometheus_waits_for_alerts("TrafficdNotCounting TrafficdProgramDetached TrafficdFirewallNotEnforcing ");
    assert_return_code(mkdir(the_world->cgroup, 0755), errno);
    the_world->cgroup_fd = fd_close(the_world->cgroup_fd);
    the_world->cgroup_fd = open(the_world->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_return_code(the_world->cgroup_fd, errno);
    prometheus_waits_for_alerts("");
    chain_off();
}

static void trafficd_is_unloaded_and_its_policy_damaged(void **state)
{
    struct udp udp;

    (void)state;
    start();
    assert_int_equal(world_stop_daemon(the_world, SIGTERM, NULL), 0);
    run_ctl(the_world, "unload", 0, &said);
    prometheus_waits_for_alerts("TrafficdNotLoaded ");
    wall_save("damaged\n");
    assert_int_equal(world_start_daemon(the_world), 0);
    prometheus_waits_for_alerts("");
    udp = udp_pair(the_world, TALKER, AF_INET, 1);
    assert_false(sends(&udp));
    prometheus_waits_for_alerts("TrafficdFirewallClosed ");
    udp_close(&udp);
}

/* A user has an eighth of the rows: seven leave less than a fifth of them. */
static void maps_fill_up(void **state)
{
    struct udp udp;

    (void)state;
    start();
    prometheus_waits_for_alerts("");
    for (uint32_t user = 0; user < 7; user++) {
        udp = udp_pair(the_world, TAGGING + user, AF_INET, 1);
        tag(&udp, TAGGING + user, 1);
        tag(&udp, TAGGING + user, 2);
        udp_close(&udp);
    }
    prometheus_waits_for_alerts("TrafficdMapNearlyFull ");
    udp = udp_pair(the_world, TAGGING, AF_INET, 1);
    tag(&udp, TAGGING, 3);
    prometheus_waits_for_alerts("TrafficdMapNearlyFull TrafficdPacketsLost ");
    udp_close(&udp);
}

static void shows_samples(const char *title, const char *expression)
{
    (void)title;
    prometheus_waits_for("%s", expression);
}

static void every_panel_shows_something(void **state)
{
    json_t *dashboard = dashboard_load();
    struct udp denied = udp_pair(the_world, DENIED, AF_INET, 1), greedy = udp_pair(the_world, TAGGING, AF_INET, 2);

    (void)state;
    wall("firewall enable standby");
    wall("firewall deny standby %d", DENIED);
    start();
    talk(TALKER, AF_INET, 100000);
    assert_false(sends(&denied));
    for (uint32_t i = 100; i < 103; i++)
        tag(&greedy, TAGGING, i);
    dashboard_each(dashboard, shows_samples);
    chain_off();
    json_decref(dashboard);
    udp_close(&denied);
    udp_close(&greedy);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, wall_setup, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(scrapes_what_is_counted),
        TEST(promtool_finds_no_fault),
        TEST(every_family_is_of_use),
        TEST(a_chain_is_switched_off),
        TEST(the_exporter_ends),
        TEST(trafficd_ends),
        TEST(programs_are_detached),
        TEST(trafficd_is_unloaded_and_its_policy_damaged),
        TEST(maps_fill_up),
        TEST(every_panel_shows_something),
    };
    const struct world_options options = {
        .netfilter = "auto",
        .config = WALL_CONFIG "on_bad_policy = closed\n[maps]\ntag_stats = 16\n",
    };

    int failed = run_world("Prometheus", tests, ARRAY_SIZE(tests), &options);

    prometheus_stop();
    exporter_clean();
    return failed;
}
