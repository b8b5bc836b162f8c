/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The programs in the tables of iptables-legacy, with iptables-legacy-save as the judge. Root. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cmocka.h>

#include <netinet/in.h>

#include "cleanup.h"
#include "fd.h"
#include "legacy.h"
#include "legacy_table.h"
#include "legacy_text.h"
#include "legacy_world.h"
#include "pins.h"
#include "surroundings.h"

#define V4 (1u << TCTL_PREROUTING4 | 1u << TCTL_POSTROUTING4)

/* The whole of what a ruleset of nothing but ours is saved as, by one family. */
static void print_expected(FILE *to, const struct legacy_world *world)
{
    fprintf(to,
            "*mangle\n"
            ":PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
            ":POSTROUTING ACCEPT [0:0]\n"
            ":bw_mangle_POSTROUTING - [0:0]\n"
            "-A POSTROUTING -j bw_mangle_POSTROUTING\n"
            "-A bw_mangle_POSTROUTING -m policy --dir out --pol ipsec -j RETURN\n"
            "-A bw_mangle_POSTROUTING -o ipsec+ -j RETURN\n"
            "-A bw_mangle_POSTROUTING -m bpf --object-pinned %s/%s -m comment --comment \"trafficctl program %u\"\n"
            "COMMIT\n"
            "*raw\n"
            ":PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
            ":bw_raw_PREROUTING - [0:0]\n"
            "-A PREROUTING -j bw_raw_PREROUTING\n"
            "-A bw_raw_PREROUTING -m policy --dir in --pol ipsec -j RETURN\n"
            "-A bw_raw_PREROUTING -i ipsec+ -j RETURN\n"
            "-A bw_raw_PREROUTING -m bpf --object-pinned %s/%s -m comment --comment \"trafficctl program %u\"\n"
            "COMMIT\n",
            world->bpffs, pins[PIN_XT_EGRESS_PROG].path, world->programs[1], world->bpffs,
            pins[PIN_XT_INGRESS_PROG].path, world->programs[0]);
}

static void rules_are_those_of_netd(void **state)
{
    const struct legacy_world *world = *state;
    _cleanup_free_ char *expected = NULL;
    size_t size;
    legacy_world_put(world);
    FILE *to = open_memstream(&expected, &size);
    print_expected(to, world);
    print_expected(to, world);
    fclose(to);
    legacy_world_assert_saved("", expected);
    assert_int_equal(legacy_world_look(world), TCTL_ALL_IFACE_HOOKS);
    legacy_world_take_away(world);
    assert_int_equal(legacy_world_look(world), 0);
    _cleanup_free_ char *left = legacy_world_save("");
    assert_null(strstr(left, "bw_"));
    assert_null(strstr(left, "-A"));
}

static void packets_are_counted_once(void **state)
{
    const struct legacy_world *world = *state;
    const int families[] = {AF_INET, AF_INET6};
    legacy_world_put(world);
    for (unsigned int i = 0; i < ARRAY_SIZE(families); i++) {
        _cleanup_fd_ int sink = legacy_world_sink(families[i]);
        legacy_world_send(sink, 10);
        assert_int_equal(legacy_world_count(world, 0), (i + 1) * 10);
        assert_int_equal(legacy_world_count(world, 1), (i + 1) * 10);
    }
}

static void looking_and_removing_make_no_tables(void **state)
{
    const struct legacy_world *world = *state;
    assert_int_equal(legacy_world_look(world), 0);
    legacy_world_take_away(world);
    legacy_world_assert_no_tables();
}

/* A tool that would fail is not run. */
static void putting_again_writes_nothing(void **state)
{
    const struct legacy_world *world = *state;
    _cleanup_fd_ int sink = legacy_world_sink(AF_INET);
    legacy_world_put(world);
    legacy_world_send(sink, 7);
    _cleanup_free_ char *before = legacy_world_save("-c");
    legacy_world_script(world, "iptables-legacy-restore", "exit 1");
    legacy_world_script(world, "ip6tables-legacy-restore", "exit 1");
    legacy_world_put(world);
    legacy_world_assert_saved("-c", before);
    assert_int_equal(legacy_remove(world->bpffs, NULL), -EIO);
    legacy_world_assert_saved("-c", before);
}

static void fill_with_foreign_rules(void)
{
    const char *const tools[] = {"iptables-legacy", "ip6tables-legacy"};
    for (size_t i = 0; i < ARRAY_SIZE(tools); i++) {
        legacy_world_run("%s -t raw -N theirs && %s -t raw -A theirs -p udp -m comment --comment 'a \"b\" c' -j RETURN",
                         tools[i], tools[i]);
        legacy_world_run("%s -t raw -A PREROUTING -j theirs && %s -t raw -A OUTPUT -p udp -j ACCEPT", tools[i],
                         tools[i]);
        legacy_world_run("%s -t mangle -A POSTROUTING -p udp -j MARK --set-mark 7", tools[i]);
        legacy_world_run("%s -t mangle -P FORWARD DROP && %s -A INPUT -p tcp --dport 22 -j ACCEPT", tools[i], tools[i]);
        legacy_world_run("%s -t nat -A POSTROUTING -o eth7 -j MASQUERADE", tools[i]);
    }
}

/* iptables-legacy sets the counters of policies to 0 whenever it writes a table, whoever runs it. */
static void forget_policy_counters(char *saved)
{
    for (char *line = saved; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (*line == ':')
            memset(strchr(line, '['), '.', strcspn(strchr(line, '['), "\n"));
    }
}

/* The same width in all: it was zeroed or it was not. */
static char *save_rules_and_counters(void)
{
    char *saved = legacy_world_save("-c"), *to = saved;
    forget_policy_counters(saved);
    for (const char *from = saved; *from; from++)
        if (from[0] != '.' || from[1] != '.')
            *to++ = *from;
    *to = '\0';
    return saved;
}

static void foreign_rules_and_their_counters_stay(void **state)
{
    const struct legacy_world *world = *state;
    _cleanup_fd_ int sink = legacy_world_sink(AF_INET);
    fill_with_foreign_rules();
    legacy_world_send(sink, 9);
    _cleanup_free_ char *before = save_rules_and_counters();
    assert_non_null(strstr(before, "[9:261] -A PREROUTING -j theirs"));
    legacy_world_put(world);
    assert_int_equal(legacy_world_look(world), TCTL_ALL_IFACE_HOOKS);
    legacy_world_take_away(world);
    _cleanup_free_ char *after = save_rules_and_counters();
    assert_string_equal(after, before);
    _cleanup_free_ char *at_rest = legacy_world_save("-c");
    legacy_world_take_away(world);
    legacy_world_assert_saved("-c", at_rest);
}

static int add_rules(void *context)
{
    (void)context;
    return system(
               "for i in $(seq 100); do iptables-legacy -w -t raw -A PREROUTING -p tcp --dport $i -j ACCEPT || exit; "
               "done") != 0;
}

/* Whoever writes without the lock takes away what another wrote meanwhile. */
static void others_write_at_the_same_time(void **state)
{
    const struct legacy_world *world = *state;
    struct fault fault = {0};
    unsigned int turns = 0;
    int status;
    pid_t other = surroundings_fork(add_rules, NULL);
    while (waitpid(other, &status, WNOHANG) == 0) {
        int r = turns++ % 2 ? legacy_remove(world->bpffs, &fault) : legacy_put(world->bpffs, &fault);
        if (r != 0 && r != -EBUSY)
            fail_msg("turn %u: %d: %s", turns, r, fault.text);
    }
    assert_int_equal(status, 0);
    assert_true(turns > 4);
    legacy_world_take_away(world);
    legacy_world_run("test $(iptables-legacy-save -t raw | grep -c -- '-A PREROUTING -p tcp') = 100");
}

/* What others may do to our rules, and the place that is then not right. */
static const struct {
    const char *command;
    uint32_t gone;
} DAMAGES[] = {
    {"iptables-legacy -t raw -F", 1u << TCTL_PREROUTING4},
    {"iptables-legacy -t raw -F PREROUTING", 1u << TCTL_PREROUTING4},
    {"iptables-legacy -t raw -F bw_raw_PREROUTING", 1u << TCTL_PREROUTING4},
    {"iptables-legacy -t raw -F && iptables-legacy -t raw -X", 1u << TCTL_PREROUTING4},
    {"ip6tables-legacy -t raw -D PREROUTING -j bw_raw_PREROUTING", 1u << TCTL_PREROUTING6},
    {"ip6tables-legacy -t mangle -D POSTROUTING 1", 1u << TCTL_POSTROUTING6},
    {"ip6tables-legacy -t mangle -D bw_mangle_POSTROUTING 1", 1u << TCTL_POSTROUTING6},
    {"iptables-legacy -t mangle -D bw_mangle_POSTROUTING 2", 1u << TCTL_POSTROUTING4},
    {"iptables-legacy -t mangle -D bw_mangle_POSTROUTING 3", 1u << TCTL_POSTROUTING4},
    {"iptables-legacy -t mangle -I bw_mangle_POSTROUTING -j ACCEPT", 1u << TCTL_POSTROUTING4},
    {"iptables-legacy -t mangle -I bw_mangle_POSTROUTING 3 -p tcp -j RETURN", 1u << TCTL_POSTROUTING4},
    {"iptables-legacy -t mangle -A POSTROUTING -j bw_mangle_POSTROUTING", 1u << TCTL_POSTROUTING4},
    {"iptables-legacy -t raw -R bw_raw_PREROUTING 2 -i ipsec0 -j RETURN", 1u << TCTL_PREROUTING4},
    {"iptables-legacy -t raw -R bw_raw_PREROUTING 1 -m policy --dir in --pol none -j RETURN", 1u << TCTL_PREROUTING4},
    {"iptables-legacy -t raw -R PREROUTING 1 -p udp -j bw_raw_PREROUTING", 1u << TCTL_PREROUTING4},
    {"iptables-legacy -t raw -R PREROUTING 1 -g bw_raw_PREROUTING", 1u << TCTL_PREROUTING4},
    {"printf '*raw\\nCOMMIT\\n*mangle\\nCOMMIT\\n' | iptables-legacy-restore", V4},
};

static void what_others_take_away_is_seen_and_put_back(void **state)
{
    const struct legacy_world *world = *state;
    legacy_world_put(world);
    _cleanup_free_ char *right = legacy_world_save("");
    for (size_t i = 0; i < ARRAY_SIZE(DAMAGES); i++) {
        legacy_world_run("%s", DAMAGES[i].command);
        if (legacy_world_look(world) != (TCTL_ALL_IFACE_HOOKS & ~DAMAGES[i].gone))
            fail_msg("%s: 0x%x is there", DAMAGES[i].command, legacy_world_look(world));
        legacy_world_put(world);
        assert_int_equal(legacy_world_look(world), TCTL_ALL_IFACE_HOOKS);
        /* Rules of others that go to our chain are theirs. */
        if (strstr(DAMAGES[i].command, "-R PREROUTING"))
            legacy_world_run("iptables-legacy -t raw -D PREROUTING 2");
        legacy_world_assert_saved("", right);
    }
}

static void put_back_before_what_others_accept(void **state)
{
    const struct legacy_world *world = *state;
    _cleanup_fd_ int sink = legacy_world_sink(AF_INET);
    legacy_world_put(world);
    legacy_world_run("iptables-legacy -t raw -F PREROUTING && iptables-legacy -t raw -A PREROUTING -j ACCEPT");
    legacy_world_put(world);
    legacy_world_send(sink, 3);
    assert_int_equal(legacy_world_count(world, 0), 3);
}

static void a_chain_that_others_use_stays_without_rules(void **state)
{
    const struct legacy_world *world = *state;
    legacy_world_put(world);
    legacy_world_run("iptables-legacy -t raw -A PREROUTING -p tcp -j bw_raw_PREROUTING");
    legacy_world_take_away(world);
    _cleanup_free_ char *left = legacy_world_save("");
    assert_non_null(strstr(left, "-A PREROUTING -p tcp -j bw_raw_PREROUTING\n"));
    assert_null(strstr(left, "-A bw_raw_PREROUTING"));
    assert_null(strstr(left, "-A PREROUTING -j"));
}

static void send_to_neighbour(void)
{
    const struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(0xC0000202)};
    _cleanup_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_return_code(fd, errno);
    assert_int_equal(sendto(fd, "x", 1, 0, (const struct sockaddr *)&to, sizeof(to)), 1);
}

/* A device as those of old IPsec stacks: its packets are wrapped and pass here again. */
static void what_goes_to_ipsec_is_let_by(void **state)
{
    const struct legacy_world *world = *state;
    const char *const names[] = {"ipsec7", "other7"};
    legacy_world_put(world);
    legacy_world_run("echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6");
    legacy_world_run("ip link add ipsec7 type veth peer name peer7 && ip link set peer7 up");
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        legacy_world_run("ip link set dev ipsec7 name %s && ip link set %s up && ip addr add 192.0.2.1/24 dev %s",
                         names[i], names[i], names[i]);
        legacy_world_run("ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev %s", names[i]);
        send_to_neighbour();
        assert_int_equal(legacy_world_count(world, 1), i);
        legacy_world_run("ip link set %s down && ip addr flush dev %s && ip link set %s name ipsec7", names[i],
                         names[i], names[i]);
    }
}

struct sender {
    int sink;
    _Atomic unsigned long sent;
    _Atomic bool stop;
};

static void *send_on(void *context)
{
    struct sender *sender = context;
    while (!sender->stop) {
        legacy_world_send(sender->sink, 100);
        sender->sent += 100;
    }
    return NULL;
}

static void another_program_takes_over_without_a_gap(void **state)
{
    struct legacy_world *world = *state;
    _cleanup_fd_ int sink = legacy_world_sink(AF_INET);
    struct sender sender = {.sink = sink};
    pthread_t thread;
    legacy_world_put(world);
    assert_int_equal(pthread_create(&thread, NULL, send_on, &sender), 0);
    for (int i = 0; i < 20; i++) {
        unsigned long before = sender.sent;
        legacy_world_replace_programs(world);
        assert_int_equal(legacy_world_look(world), 0);
        legacy_world_put(world);
        assert_int_equal(legacy_world_look(world), TCTL_ALL_IFACE_HOOKS);
        while (sender.sent == before)
            sched_yield();
    }
    sender.stop = true;
    pthread_join(thread, NULL);
    assert_true(sender.sent > 2000);
    assert_int_equal(legacy_world_count(world, 0), sender.sent);
    assert_int_equal(legacy_world_count(world, 1), sender.sent);
}

static void put_by_text(const struct legacy_world *world, const struct legacy_matches *matches)
{
    for (size_t i = 0; i < TCTL_IFACE_HOOKS; i++) {
        _cleanup_free_ char *path = NULL, *text = NULL;
        size_t size;
        const struct legacy_place *place = &legacy_places[i];
        assert_return_code(pins_path(world->bpffs, place->program, &path), 0);
        FILE *to = open_memstream(&text, &size);
        legacy_text_put(to, &(struct legacy_wanted){place, path, world->programs[!place->in]},
                        &(struct legacy_found){0}, matches);
        fclose(to);
        FILE *tool =
            popen(place->family == AF_INET ? "iptables-legacy-restore -n" : "ip6tables-legacy-restore -n", "we");
        fputs(text, tool);
        assert_int_equal(pclose(tool), 0);
    }
}

/* This kernel has both: the text without them is given to the real tool, and found again in the real table. */
static void kernels_without_comment_or_policy(void **state)
{
    struct legacy_world *world = *state;
    const struct legacy_matches lacking[] = {{false, true}, {true, false}, {false, false}};
    _cleanup_fd_ int sink = legacy_world_sink(AF_INET);
    for (size_t i = 0; i < ARRAY_SIZE(lacking); i++) {
        put_by_text(world, &lacking[i]);
        _cleanup_free_ char *saved = legacy_world_save("");
        assert_true(!!strstr(saved, "--comment") == lacking[i].comment);
        assert_true(!!strstr(saved, "-m policy") == lacking[i].policy);
        assert_int_equal(legacy_world_look(world), TCTL_ALL_IFACE_HOOKS);
        legacy_world_send(sink, 1);
        assert_int_equal(legacy_world_count(world, 0), i + 1);
        legacy_world_replace_programs(world);
        assert_int_equal(legacy_world_look(world), 0);
        legacy_world_take_away(world);
    }
}

static void nothing_is_pinned(void **state)
{
    const struct legacy_world *world = *state;
    struct fault fault = {0};
    legacy_world_put(world);
    legacy_world_run("rm '%s'/*_prog", world->bpffs);
    assert_int_equal(legacy_world_look(world), 0);
    assert_int_equal(legacy_put(world->bpffs, &fault), -ENOENT);
    assert_non_null(strstr(fault.text, pins[PIN_XT_INGRESS_PROG].path));
    legacy_world_take_away(world);
    _cleanup_free_ char *left = legacy_world_save("");
    assert_null(strstr(left, "bw_"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, legacy_world_set_up, legacy_world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(rules_are_those_of_netd),
        TEST(packets_are_counted_once),
        TEST(looking_and_removing_make_no_tables),
        TEST(putting_again_writes_nothing),
        TEST(foreign_rules_and_their_counters_stay),
        TEST(others_write_at_the_same_time),
        TEST(what_others_take_away_is_seen_and_put_back),
        TEST(put_back_before_what_others_accept),
        TEST(a_chain_that_others_use_stays_without_rules),
        TEST(what_goes_to_ipsec_is_let_by),
        TEST(another_program_takes_over_without_a_gap),
        TEST(kernels_without_comment_or_policy),
        TEST(nothing_is_pinned),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: netfilter, legacy", tests, NULL, NULL);
}
