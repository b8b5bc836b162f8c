/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Interfaces are counted by each of the three ways: as on the wire, also what no socket of this machine owns; nobody
 * else's rules are touched; what somebody takes away is put back; restarts miss nothing and count nothing twice.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "fd.h"
#include "iface_kit.h"
#include "inside.h"
#include "journal.h"
#include "kit.h"
#include "program.h"
#include "stream.h"

#define UID 10001
#define BURST 40
#define RESTARTS 4
#define WHOLE "all programs are attached and pinned again"
#define GONE "interfaces are no longer counted"

static struct program said;

static bool is_way(const char *way)
{
    return strcmp(the_world->options.netfilter, way) == 0;
}

/* Traffic of many shapes, begun and ended between two looks at the wire. */
static void exchange(int family)
{
    struct tctl_counters before = a0_start();
    struct tcp tcp = tcp_connect(the_world, UID, family, 1);
    struct udp udp = udp_pair(the_world, UID, family, 2);

    transfer(tcp.a, tcp.b, 300000, 65536);
    transfer(tcp.b, tcp.a, 300000, 65536);
    tcp_end(&tcp, true);
    for (size_t size = 1; size < 60000; size = 3 * size + 1) {
        udp_send(udp.a, udp.b, size);
        udp_send(udp.b, udp.a, size);
    }
    udp_close(&udp);
    a0_exact(before);
}

static void test_rows_are_what_crossed_the_wire(void **state)
{
    (void)state;
    each_offload(exchange);
}

static struct tctl_stats_value less(const struct tctl_stats_value *a, const struct tctl_stats_value *b)
{
    return (struct tctl_stats_value){a->rx_packets - b->rx_packets, a->rx_bytes - b->rx_bytes,
                                     a->tx_packets - b->tx_packets, a->tx_bytes - b->tx_bytes};
}

static struct tctl_counters users_total(void)
{
    return detail_sum(the_world, &(struct tctl_filter){0});
}

/* Both ways: what came in by c0 left by a0, and the other way round. */
static void assert_forwarded(const char *name, const struct tctl_iface_parts *before, uint64_t packets, uint64_t bytes)
{
    struct tctl_iface_parts now = iface_parts(name);
    struct tctl_stats_value forwarded = less(&now.forwarded, &before->forwarded);

    assert_int_equal(forwarded.rx_packets, packets);
    assert_int_equal(forwarded.rx_bytes, bytes);
    assert_int_equal(forwarded.tx_packets, packets);
    assert_int_equal(forwarded.tx_bytes, bytes);
}

static void forward(int family)
{
    struct udp udp = udp_behind(family);
    struct tctl_iface_parts at_a0 = iface_parts("a0"), at_c0 = iface_parts("c0");
    struct tctl_counters a0 = a0_start(), users = users_total();
    uint64_t packets = 0, bytes = 0;

    for (size_t size = 10; size < 1400; size += 100) {
        udp_send(udp.a, udp.b, size);
        udp_send(udp.b, udp.a, size);
        packets++;
        bytes += size + (family == AF_INET ? 28 : 48);
    }
    a0_exact(a0);
    assert_counters_equal("users", counters_less(users_total(), users), (struct tctl_counters){0});
    assert_true(iface_total("c0").rx_bytes >= bytes);
    assert_forwarded("c0", &at_c0, packets, bytes);
    assert_forwarded("a0", &at_a0, packets, bytes);
    udp_close(&udp);
}

static void test_what_is_forwarded_belongs_to_interfaces_alone(void **state)
{
    (void)state;
    behind_new();
    forward(AF_INET);
    forward(AF_INET6);
    behind_free();
}

static void stop_daemon(void)
{
    assert_int_equal(world_stop_daemon(the_world, SIGTERM, NULL), 0);
}

static void unload(void)
{
    run_ctl(the_world, "unload", 0, &said);
    the_world->traffic = tctl_close(the_world->traffic);
}

static void start_daemon(void)
{
    assert_int_equal(world_start_daemon(the_world), 0);
    assert_int_equal(place_enter(the_world, PLACE_A), 0);
}

#define FOREIGN                                                                                                        \
    "nft -f - <<'EOF'\n"                                                                                               \
    "table inet office {\n set s { type ipv4_addr; elements = { 192.0.2.77 }; }\n"                                     \
    " chain in {\n type filter hook input priority filter; policy accept;\n ip saddr @s counter drop\n }\n"            \
    " chain pre {\n type filter hook prerouting priority -450;\n meta skuid 4711 counter\n }\n}\n"                     \
    "table ip shaper {\n chain c {\n type route hook output priority mangle;\n meta mark set 7 counter\n }\n}\n"       \
    "table ip6 empty {\n}\n"                                                                                           \
    "table netdev n {\n chain i {\n type filter hook ingress device \"a0\" priority 0;\n counter\n }\n}\n"             \
    "EOF\n"                                                                                                            \
    "iptables-nft -t mangle -A POSTROUTING -m owner --uid-owner 4711 -j ACCEPT && "                                    \
    "iptables-legacy -t raw -A PREROUTING -s 192.0.2.78 -j ACCEPT && "                                                 \
    "ip6tables-legacy -t mangle -A POSTROUTING -d fd00::77 -j DROP && iptables-legacy -N bw_other"

#define UNMAKE                                                                                                         \
    "nft flush ruleset && iptables-legacy -t raw -D PREROUTING -s 192.0.2.78 -j ACCEPT && "                            \
    "ip6tables-legacy -t mangle -D POSTROUTING -d fd00::77 -j DROP && iptables-legacy -X bw_other"

/* Comments with the time of day, and tables that the kernel makes when they are first used, are no rules. */
#define RULES                                                                                                          \
    "nft list ruleset | sed -E 's/packets [0-9]+ bytes [0-9]+//'; nft -j list ruleset | tr , '\\n' | grep -v -e "      \
    "handle -e packets -e bytes; iptables-nft-save | "                                                                 \
    "grep -v '^#'; for f in iptables ip6tables; do for t in raw mangle filter; do echo $f $t; $f-legacy-save -t $t | " \
    "grep -v '^#' | sed 's/ \\[.*//'; done; done"

static void test_nobody_elses_rules_are_touched(void **state)
{
    _cleanup_free_ char *before = NULL, *during = NULL, *after = NULL;

    (void)state;
    stop_daemon();
    unload();
    free(output_of(FOREIGN));
    before = output_of(RULES);
    start_daemon();
    during = output_of(RULES);
    exchange(AF_INET);
    stop_daemon();
    unload();
    after = output_of(RULES);
    assert_string_equal(after, before);
    if (is_way("link"))
        assert_string_equal(during, before);
    else
        assert_string_not_equal(during, before);
    start_daemon();
    free(output_of(UNMAKE));
}

static void test_started_twice_changes_nothing(void **state)
{
    static const char rules[] =
        "nft -a list ruleset | sed 's/ # progname.*//'; iptables-legacy-save | grep -v '^#' | sed 's/ \\[.*//'; "
        "ip6tables-legacy-save | grep -v '^#' | sed 's/ \\[.*//'";
    _cleanup_free_ char *before = output_of(rules), *after = NULL;

    (void)state;
    stop_daemon();
    start_daemon();
    after = output_of(rules);
    assert_string_equal(after, before);
}

static void test_restarts_miss_nothing_and_count_nothing_twice(void **state)
{
    struct tctl_counters before = a0_start();
    struct stream stream;

    (void)state;
    stream_start(&stream, UID, BURST);
    for (int i = 0; i < RESTARTS; i++) {
        uint64_t crossed = wire_total().tx_packets;

        assert_int_equal(world_stop_daemon(the_world, i % 2 ? SIGKILL : SIGTERM, NULL), 0);
        start_daemon();
        assert_true(wire_total().tx_packets > crossed); /* there was traffic while it was away */
    }
    stream_end(&stream);
    a0_exact(before);
}

/* By whatever a user has at hand. */
static void take_away(void)
{
    if (is_way("link")) {
        static const char *const links[] = {"prerouting4_link", "postrouting6_link"};
        char path[160];

        snprintf(path, sizeof(path), "%s/trafficctl/%s", the_world->bpffs, links[0]);
        _cleanup_fd_ int link = bpf_obj_get(path);
        assert_return_code(bpf_link_detach(link), errno);
        snprintf(path, sizeof(path), "%s/trafficctl/%s", the_world->bpffs, links[1]);
        assert_return_code(unlink(path), errno);
    } else if (is_way("legacy")) {
        free(output_of("iptables-legacy -t raw -F && ip6tables-legacy -t mangle -F && "
                       "ip6tables-legacy -t mangle -X bw_mangle_POSTROUTING"));
    } else {
        free(output_of("nft delete table inet trafficctl"));
    }
}

/* Number of the link after routing for IPv6; 0: there is none. */
static uint32_t link_number(void)
{
    struct bpf_link_info info = {0};
    uint32_t length = sizeof(info);
    char path[160];

    snprintf(path, sizeof(path), "%s/trafficctl/postrouting6_link", the_world->bpffs);
    _cleanup_fd_ int link = bpf_obj_get(path);
    return link >= 0 && bpf_obj_get_info_by_fd(link, &info, &length) == 0 ? info.id : 0;
}

/* While trafficd runs nobody else may change a table of nf_tables that it owns. */
static void flush_in_vain(void)
{
    assert_int_not_equal(system("nft delete table inet trafficctl 2>/dev/null"), 0);
    free(output_of("nft flush ruleset"));
}

static bool has_crossed(uint64_t before)
{
    return wire_total().rx_packets > before;
}

/* Until trafficd has put it back, and traffic crossed meanwhile: it may be so fast that none would. */
static void take_away_for_a_moment(void)
{
    assert_return_code(kill(the_world->daemon, SIGSTOP), errno);
    take_away();
    bool crossed = soon(has_crossed, wire_total().rx_packets, SECOND_MS);
    assert_return_code(kill(the_world->daemon, SIGCONT), errno);
    assert_true(crossed);
    journal_waits_for(GONE);
    journal_waits_for(WHOLE);
}

/* The stream is IPv4, of which take_away() left what counts after routing; the kernel may have said something by IPv6.
 */
static void a0_lacks_what_came_meanwhile(struct tctl_counters before)
{
    struct tctl_counters counted = counters_less(iface_total("a0"), before), wire = wire_total(), ip4;

    assert_return_code(wire_count(the_world, &(struct wire_filter){.family = AF_INET}, &ip4), errno);
    assert_in_range(counted.tx_packets, ip4.tx_packets, wire.tx_packets);
    assert_in_range(counted.tx_bytes, ip4.tx_bytes, wire.tx_bytes);
    assert_true(counted.rx_packets <= wire.rx_packets && counted.rx_bytes <= wire.rx_bytes);
}

static void test_what_is_taken_away_is_put_back(void **state)
{
    uint32_t number = link_number();
    struct tctl_counters before;
    struct stream stream;

    (void)state;
    stop_daemon();
    journal_start();
    before = a0_start();
    stream_start(&stream, UID, BURST);
    if (is_way("nft"))
        flush_in_vain();
    else
        take_away_for_a_moment();
    stream_end(&stream);
    if (is_way("nft"))
        a0_exact(before);
    else
        a0_lacks_what_came_meanwhile(before);
    assert_int_equal(link_number(), number); /* who lost only his pin counts on, and is nobody's second */
    exchange(AF_INET);
    exchange(AF_INET6);
    stop_daemon();
    journal_end();
    start_daemon();
    run_ctl(the_world, "status", 0, &said);
}

static void test_status_says_what_is_missing(void **state)
{
    json_t *status;

    (void)state;
    stop_daemon();
    take_away();
    status = run_ctl_json(the_world, "status", 4);
    json_t *netfilter = json_object_get(status, "netfilter"), *places = json_object_get(netfilter, "places");
    assert_string_equal(json_string_value(json_object_get(netfilter, "way")), the_world->options.netfilter);
    assert_int_equal(json_array_size(places), TCTL_IFACE_HOOKS);
    assert_true(json_is_false(json_object_get(json_array_get(places, 0), "counted")));
    assert_true(json_is_false(json_object_get(json_array_get(places, TCTL_POSTROUTING6), "counted")));
    json_t *first = json_array_get(json_object_get(status, "differs"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "what")), "interfaces prerouting ipv4");
    json_decref(status);
    run_ctl(the_world, "status", 4, &said);
    assert_non_null(strstr(said.out, "NOT at prerouting ipv4"));
    assert_null(strstr(said.out, "as asked for: yes"));
    start_daemon();
    run_ctl(the_world, "status", 0, &said);
    exchange(AF_INET);
}

/* A link can only be asked about by trying to take its place: never in a namespace that is not ours. */
static void test_status_from_elsewhere_says_what_trafficd_saw(void **state)
{
    _cleanup_free_ char *before = NULL, *after = NULL;

    (void)state;
    assert_int_equal(place_enter(the_world, PLACE_B), 0);
    before = output_of("nft -a list ruleset; bpftool link show | grep -c netfilter || true");
    run_ctl(the_world, "status", 0, &said);
    after = output_of("nft -a list ruleset; bpftool link show | grep -c netfilter || true");
    assert_string_equal(after, before);
    assert_null(strstr(said.out, "NOT at"));
}

/* What the manual promises of links, and says of the other ways. */
static void test_a_ruleset_can_be_saved_and_loaded_again(void **state)
{
    (void)state;
    if (is_way("link"))
        free(output_of("nft add table inet office && nft list ruleset > /dev/shm/tctl.nft && "
                       "nft -f /dev/shm/tctl.nft; s=$?; rm /dev/shm/tctl.nft; nft delete table inet office; exit $s"));
    exchange(AF_INET);
}

static const struct CMUnitTest tests[] = {
    IN_A_PLACE(test_rows_are_what_crossed_the_wire),
    IN_A_PLACE(test_what_is_forwarded_belongs_to_interfaces_alone),
    IN_A_PLACE(test_nobody_elses_rules_are_touched),
    IN_A_PLACE(test_started_twice_changes_nothing),
    IN_A_PLACE(test_restarts_miss_nothing_and_count_nothing_twice),
    IN_A_PLACE(test_what_is_taken_away_is_put_back),
    IN_A_PLACE(test_status_says_what_is_missing),
    IN_A_PLACE(test_status_from_elsewhere_says_what_trafficd_saw),
    IN_A_PLACE(test_a_ruleset_can_be_saved_and_loaded_again),
};

int main(void)
{
    static const char *const ways[] = {"link", "nft", "legacy"};
    int failed = 0;

    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        char name[64];

        snprintf(name, sizeof(name), "netfilter %s", ways[i]);
        failed +=
            run_world(name, tests, ARRAY_SIZE(tests), &(struct world_options){.netfilter = ways[i], .percpu = i == 1});
    }
    return failed;
}
