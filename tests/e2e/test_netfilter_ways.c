/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* From one way of counting interfaces to another, to none, without BTF, and for sockets that were there before. */
#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "fd.h"
#include "iface_kit.h"
#include "inside.h"
#include "kit.h"
#include "program.h"
#include "stream.h"

#define UID 10001
#define BURST 40

static struct program said;

static void exchange(int family)
{
    struct tctl_counters before = a0_start();
    struct tcp tcp = tcp_connect(the_world, UID, family, 1);
    struct udp udp = udp_pair(the_world, UID, family, 2);

    transfer(tcp.a, tcp.b, 100000, 65536);
    transfer(tcp.b, tcp.a, 100000, 65536);
    tcp_end(&tcp, true);
    udp_send(udp.a, udp.b, 1200);
    udp_send(udp.b, udp.a, 1200);
    udp_close(&udp);
    a0_exact(before);
}

static void change_to(const char *way)
{
    the_world->options.netfilter = way;
    assert_int_equal(world_configure(the_world, the_world->options.config), 0);
}

static void restart(void)
{
    assert_int_equal(world_stop_daemon(the_world, SIGTERM, NULL), 0);
    assert_int_equal(world_start_daemon(the_world), 0);
    assert_int_equal(place_enter(the_world, PLACE_A), 0);
}

static unsigned int number_in(const char *command)
{
    _cleanup_free_ char *text = output_of(command);

    return (unsigned int)strtoul(text, NULL, 10);
}

/* Links that are pinned, tables of nf_tables, chains of iptables-legacy: those of one way, and no other's. */
static void assert_only(const char *way)
{
    char links[200];

    snprintf(links, sizeof(links), "ls %s/trafficctl | grep -Ec '^(pre|post)routing[46]_link$' || true",
             the_world->bpffs);
    assert_int_equal(number_in(links), strcmp(way, "link") ? 0 : 4);
    assert_int_equal(number_in("nft list tables | grep -c 'inet trafficctl' || true"), !strcmp(way, "nft"));
    assert_int_equal(number_in("(iptables-legacy-save; ip6tables-legacy-save) | grep -c '^:bw_' || true"),
                     strcmp(way, "legacy") ? 0 : 4);
}

static uint64_t both(struct tctl_counters counters)
{
    return counters.tx_packets + counters.rx_packets;
}

/* Traffic all the while: only what crosses while the change is made may count twice; or not, when one of them is off.
 */
static void change_under_traffic(const char *to)
{
    const bool counted_before = strcmp(the_world->options.netfilter, "off"), counted_then = strcmp(to, "off");
    struct tctl_counters start = a0_start();
    uint64_t before, during, after, counted, least;
    struct stream stream;

    stream_start(&stream, UID, BURST);
    while (both(wire_total()) < 200)
        usleep(1000);
    change_to(to);
    before = both(wire_total());
    restart();
    during = both(wire_total()) - before;
    stream_end(&stream);
    after = both(wire_total()) - before - during;
    counted = both(iface_total("a0")) - both(start);
    least = counted_before * before + counted_then * after + (counted_before && counted_then ? during : 0);
    assert_in_range(counted, least, counted_before * before + counted_then * after + 2 * during);
    assert_only(to);
}

static void test_from_way_to_way(void **state)
{
    static const char *const ways[] = {"link", "nft", "legacy", "link", "off"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        change_under_traffic(ways[i]);
        if (strcmp(ways[i], "off"))
            exchange(AF_INET);
        run_ctl(the_world, "status", 0, &said);
    }
}

/* trafficd --load-only as it is configured. */
static void load_only(void)
{
    const char *const arguments[] = {"--config", the_world->config, "--bpffs",     the_world->bpffs,
                                     "--cgroup", the_world->cgroup, "--load-only", NULL};

    run_as(0, "trafficd", arguments, &said);
}

/* Who runs in rules meanwhile. */
static uint32_t called(uint32_t slot)
{
    _cleanup_fd_ int calls = world_map(the_world, "trafficctl/xt_calls");
    uint32_t id = 0;

    assert_return_code(bpf_map_lookup_elem(calls, &slot, &id), errno);
    return id;
}

/* A tool that fails, after programs were replaced: what was there before is there again, and has missed nothing. */
static void test_a_start_that_fails_counts_on(void **state)
{
    _cleanup_free_ char *path = strdup(getenv("PATH"));
    char folder[96], line[400];

    (void)state;
    change_to("nft");
    restart();
    assert_int_equal(world_stop_daemon(the_world, SIGTERM, NULL), 0);
    snprintf(folder, sizeof(folder), "%s/tools", the_world->folder);
    snprintf(line, sizeof(line),
             "mkdir %s && printf '#!/bin/sh\\nexit 1\\n' >%s/iptables-legacy-restore && chmod 755 %s/*", folder, folder,
             folder);
    free(output_of(line));
    const uint32_t before[] = {called(TCTL_CALL_INGRESS), called(TCTL_CALL_EGRESS)};
    struct tctl_counters a0 = a0_start();
    struct stream stream;
    stream_start(&stream, UID, BURST);
    change_to("legacy");
    assert_int_equal(setenv("PATH", folder, 1), 0);
    load_only();
    assert_int_equal(setenv("PATH", path, 1), 0);
    stream_end(&stream);
    assert_int_equal(said.exit, 1);
    assert_non_null(strstr(said.error, "iptables-legacy-restore"));
    const uint32_t then[] = {called(TCTL_CALL_INGRESS), called(TCTL_CALL_EGRESS)};
    assert_memory_equal(then, before, sizeof(then));
    a0_exact(a0);
    snprintf(line, sizeof(line), "rm -r %s", folder);
    free(output_of(line));
    change_to("nft");
    assert_int_equal(world_start_daemon(the_world), 0);
}

static void unload(int exit)
{
    assert_int_equal(world_stop_daemon(the_world, SIGTERM, NULL), 0);
    run_ctl(the_world, "unload", exit, &said);
    the_world->traffic = tctl_close(the_world->traffic);
}

/* Rules cannot be taken away from there; all else is, and what is left counts nothing and harms nothing. */
static void test_unload_from_another_namespace(void **state)
{
    _cleanup_fd_ int rows = world_map(the_world, "traffic_iface_stats_map");
    struct tctl_stats_value before = {0}, after = {0};
    uint32_t a0 = if_nametoindex("a0");

    (void)state;
    change_to("nft");
    restart();
    exchange(AF_INET);
    assert_int_equal(place_enter(the_world, PLACE_B), 0);
    unload(1);
    assert_non_null(strstr(said.error, "are left in the network namespace net:["));
    assert_int_equal(bpffs_entries(the_world), 0);
    run_ctl(the_world, "unload", 0, &said);
    assert_int_equal(place_enter(the_world, PLACE_A), 0);
    assert_int_equal(number_in("nft list tables | grep -c 'inet trafficctl'"), 1);
    assert_return_code(bpf_map_lookup_elem(rows, &a0, &before), errno);
    struct udp udp = udp_pair(the_world, UID, AF_INET, 1);
    udp_send(udp.a, udp.b, 100);
    udp_close(&udp);
    assert_return_code(bpf_map_lookup_elem(rows, &a0, &after), errno);
    assert_memory_equal(&after, &before, sizeof(after));
    assert_int_equal(world_start_daemon(the_world), 0);
    assert_int_equal(place_enter(the_world, PLACE_A), 0);
    exchange(AF_INET);
    unload(0);
    assert_int_equal(number_in("nft list tables | grep -c 'inet trafficctl' || true"), 0);
    assert_int_equal(world_start_daemon(the_world), 0);
}

/* Nothing is loaded when they are opened. */
static void test_sockets_from_before_the_start(void **state)
{
    static const char *const ways[] = {"link", "nft", "legacy"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        unload(0);
        change_to(ways[i]);
        struct udp udp = udp_pair(the_world, UID, AF_INET, 1);
        struct tcp tcp = tcp_connect(the_world, UID, AF_INET, 1);
        udp_send(udp.a, udp.b, 100);
        acknowledge(tcp.a);
        assert_int_equal(world_start_daemon(the_world), 0);
        assert_int_equal(place_enter(the_world, PLACE_A), 0);

        struct tctl_counters a0 = a0_start(), user = uid_total(the_world, UID);
        udp_send(udp.a, udp.b, 1000);
        udp_send(udp.b, udp.a, 1000);
        transfer(tcp.a, tcp.b, 100000, 10000);
        transfer(tcp.b, tcp.a, 100000, 10000);
        tcp_end(&tcp, true);
        a0_exact(a0);
        assert_counters_equal("user", counters_less(uid_total(the_world, UID), user), wire_total());
        udp_close(&udp);
    }
}

static const struct CMUnitTest tests[] = {
    IN_A_PLACE(test_from_way_to_way),
    IN_A_PLACE(test_a_start_that_fails_counts_on),
    IN_A_PLACE(test_unload_from_another_namespace),
    IN_A_PLACE(test_sockets_from_before_the_start),
};

static void test_without_btf_it_is_nft(void **state)
{
    (void)state;
    json_t *now = run_ctl_json(the_world, "status", 0);
    assert_string_equal(json_string_value(json_object_get(json_object_get(now, "netfilter"), "way")), "nft");
    json_decref(now);
    assert_only("nft");
    exchange(AF_INET);
    exchange(AF_INET6);
}

/* Coming in they are packets of their own at this place, going out they are not cut yet. */
static void test_without_btf_fragments_going_out_are_one(void **state)
{
    struct udp udp = udp_pair(the_world, UID, AF_INET, 1);
    struct tctl_counters before = a0_start(), counted, wire;

    (void)state;
    udp_send(udp.a, udp.b, 60000); /* 41 fragments */
    udp_send(udp.b, udp.a, 60000);
    wire = wire_total();
    counted = counters_less(iface_total("a0"), before);
    assert_int_equal(counted.rx_packets, wire.rx_packets);
    assert_int_equal(counted.rx_bytes, wire.rx_bytes);
    assert_int_equal(counted.tx_packets, wire.tx_packets - 40);
    assert_int_equal(counted.tx_bytes, wire.tx_bytes - 40 * 20);
    udp_close(&udp);
}

/* For links alone: it says what is missing. */
static void test_without_btf_there_is_no_link(void **state)
{
    (void)state;
    assert_int_equal(world_stop_daemon(the_world, SIGTERM, NULL), 0);
    change_to("link");
    assert_return_code(mount("none", "/sys/kernel/btf", "tmpfs", 0, NULL), errno);
    load_only();
    assert_return_code(umount("/sys/kernel/btf"), errno);
    change_to("auto");
    assert_int_equal(said.exit, 1);
    assert_non_null(strstr(said.error, "/sys/kernel/btf/vmlinux"));
    assert_only("nft");
    assert_int_equal(world_start_daemon(the_world), 0);
}

static const struct CMUnitTest without_btf[] = {
    IN_A_PLACE(test_without_btf_it_is_nft),
    IN_A_PLACE(test_without_btf_fragments_going_out_are_one),
    IN_A_PLACE(test_without_btf_there_is_no_link),
};

int main(void)
{
    const struct world_options off = {.netfilter = "off"}, hidden = {.netfilter = "auto", .hide_btf = true};

    return run_world("ways", tests, ARRAY_SIZE(tests), &off) +
           run_world("no BTF", without_btf, ARRAY_SIZE(without_btf), &hidden);
}
