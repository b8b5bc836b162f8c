/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Interfaces come, are renamed and go, with traffic on them: whose it was is told by their names. */
#include <net/if.h> /* before the kernel's header, or both declare the same */

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "fd.h"
#include "iface_kit.h"
#include "kit.h"
#include "program.h"

#define UID 10001
#define OTHER 10002
#define WAIT_MS 10000
#define REMOVED "removed"
#define NAMES "traffic_iface_index_name_map"

static void ip_batch(const char *path)
{
    assert_int_equal(world_run(the_world, PLACE_A, "ip -batch %s", path), 0);
}

/* One command for each number, with it in place of each %u. */
static void ip_each(unsigned int first, unsigned int count, unsigned int step, const char *format)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/batch", the_world->folder);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    for (unsigned int i = 0; i < count; i += step)
        fprintf(file, format, first + i, first + i, first + i); /* NOLINT: the test's own words */
    assert_int_equal(fclose(file), 0);
    ip_batch(path);
    assert_return_code(unlink(path), errno);
}

static struct tctl_counters counted(const char *iface, uid_t uid)
{
    return detail_sum(the_world,
                      &(struct tctl_filter){.ifaces = &iface, .iface_count = 1, .has_uid = true, .uid = uid});
}

static bool is_counted(const char *iface, uid_t uid, uint64_t packets)
{
    const struct tctl_counters now = counted(iface, uid);
    return now.tx_packets == packets && now.tx_bytes == packets * LONE_ON_WIRE && now.rx_packets == 0;
}

/* Names follow by an event that only trafficd hears: what readers say is looked at until it is so. */
static void comes_to(const char *iface, uid_t uid, uint64_t packets)
{
    const uint64_t start = now_ms();
    while (!is_counted(iface, uid, packets)) {
        if (now_ms() - start > WAIT_MS)
            fail_msg("%s: %llu packets of %llu", iface, (unsigned long long)counted(iface, uid).tx_packets,
                     (unsigned long long)packets);
        poll(NULL, 0, 5);
    }
}

/* What it is told is read: a channel that ends with a word unread loses the answer. */
static int send_until_told(int channel, void *arg)
{
    const int fd = *(int *)arg;
    static const char block[LONE_SIZE];
    uint64_t sent = 0, told;
    struct pollfd end = {.fd = channel, .events = POLLIN};
    while (poll(&end, 1, 0) == 0) {
        if (send(fd, block, sizeof(block), 0) != LONE_SIZE)
            return -errno;
        sent++;
    }
    return channel_recv(channel, &told) ?: channel_send(channel, sent);
}

static void test_rows_follow_a_rename_under_traffic(void **state)
{
    struct actor actor;
    uint64_t sent = 0;
    (void)state;
    add_veth("first", 7001);
    int fd = socket_on("first", UID);
    assert_int_equal(actor_start(the_world, PLACE_A, UID, send_until_told, &fd, &actor), 0);
    for (unsigned int i = 0; i < 10; i++) {
        assert_int_equal(world_run(the_world, PLACE_A, "ip link set %s name %s", i % 2 ? "other" : "first",
                                   i % 2 ? "first" : "other"),
                         0);
        comes_to_name(7001, i % 2 ? "first" : "other");
    }
    assert_int_equal(world_run(the_world, PLACE_A, "ip link set first name last"), 0);
    assert_int_equal(channel_send(actor.channel, 0), 0);
    assert_int_equal(channel_recv(actor.channel, &sent), 0);
    assert_int_equal(actor_wait(&actor), 0);
    fd_close(fd);
    assert_true(sent > 0);
    comes_to("last", UID, sent);
    comes_to("first", UID, 0);
    comes_to("other", UID, 0);
    delete_link("last");
    comes_to_name(7001, NULL);
    assert_true(is_counted("last", UID, sent));
}

static void test_a_reused_number_and_a_used_name(void **state)
{
    (void)state;
    add_veth("usb0", 7101);
    add_veth("idle0", 7102);
    send_on("usb0", UID, 3);
    send_on("usb0", OTHER, 1);
    comes_to("usb0", UID, 3);
    delete_link("usb0");
    delete_link("idle0");
    comes_to_name(7101, NULL);
    comes_to_name(7102, NULL);
    assert_true(is_counted("usb0", UID, 3));
    add_veth("wlan7", 7101); /* the number is another interface's now */
    comes_to_name(7101, "wlan7");
    send_on("wlan7", UID, 5);
    assert_true(is_counted("wlan7", UID, 5));
    assert_true(is_counted("usb0", UID, 3));
    add_veth("usb0", 7103); /* and the name of another number adds to it */
    comes_to_name(7103, "usb0");
    send_on("usb0", UID, 4);
    assert_true(is_counted("usb0", UID, 7));
    delete_link("usb0");
    delete_link("wlan7");
    comes_to_name(7103, NULL);
    comes_to_name(7101, NULL);
    assert_true(is_counted("usb0", UID, 7));
    assert_true(is_counted("usb0", OTHER, 1));
    assert_true(is_counted("wlan7", UID, 5));
}

/* A bridge says of its ports that they went, and means that they left it. */
static void test_a_port_that_leaves_its_bridge_stays(void **state)
{
    (void)state;
    assert_int_equal(world_run(the_world, PLACE_A, "ip link add br7 up type bridge"), 0);
    add_veth("port7", 7201);
    assert_int_equal(world_run(the_world, PLACE_A, "ip link set port7 master br7"), 0);
    send_on("port7", UID, 2);
    assert_int_equal(world_run(the_world, PLACE_A, "ip link set port7 nomaster"), 0);
    assert_int_equal(world_run(the_world, PLACE_A, "ip link add after7 index 7202 type bridge"), 0);
    comes_to_name(7202, "after7"); /* all before it was heard */
    assert_true(has_name(7201, "port7"));
    assert_true(is_counted("port7", UID, 2));
    delete_link("port7");
    delete_link("after7");
    delete_link("br7");
    comes_to_name(7201, NULL);
    assert_true(is_counted("port7", UID, 2));
}

static void put_iface_row(uint32_t index, uint64_t packets)
{
    const unsigned int cpus = the_world->options.percpu ? (unsigned int)sysconf(_SC_NPROCESSORS_CONF) : 1;
    _cleanup_free_ struct tctl_stats_value *values = calloc(cpus, sizeof(*values));
    _cleanup_fd_ int fd = world_map(the_world, "traffic_iface_stats_map");
    assert_non_null(values);
    values->rx_packets = packets;
    assert_return_code(bpf_map_update_elem(fd, &index, values, BPF_ANY), errno);
}

static void test_interfaces_are_told_by_last_names(void **state)
{
    struct program program;
    (void)state;
    add_veth("told7", 7301);
    comes_to_name(7301, "told7");
    put_iface_row(7301, 77);
    send_on("told7", UID, 1);
    delete_link("told7");
    comes_to_name(7301, NULL);
    run_ctl(the_world, "stats iface", 0, &program);
    assert_non_null(strstr(program.out, "told7"));
    run_ctl(the_world, "stats detail", 0, &program);
    assert_non_null(strstr(program.out, "told7"));
    assert_null(strstr(program.out, "7301"));
}

/* While trafficd did not run: what went, and what is called otherwise. */
static void test_a_start_makes_good_what_was_missed(void **state)
{
    (void)state;
    add_veth("away1", 7401);
    add_veth("away2", 7402);
    comes_to_name(7401, "away1");
    comes_to_name(7402, "away2");
    send_on("away1", UID, 1);
    send_on("away2", UID, 2);
    assert_int_equal(world_stop_daemon(the_world, SIGKILL, NULL), 0);
    assert_int_equal(world_run(the_world, PLACE_A, "ip link set away2 name away3"), 0);
    delete_link("away1");
    add_veth("away4", 7403);
    send_on("away4", UID, 4);
    assert_int_equal(world_start_daemon(the_world), 0);
    comes_to_name(7401, NULL);
    comes_to("away1", UID, 1);
    comes_to("away3", UID, 2);
    comes_to("away4", UID, 4);
    comes_to("away2", UID, 0);
    delete_link("away3");
    delete_link("away4");
    comes_to_name(7403, NULL);
}

/* Number of trafficd's socket that hears of links (group 1 of protocol 0), as the kernel lists it. */
static uint32_t listening_port(void)
{
    char path[64], line[256];
    uint32_t found = 0;
    snprintf(path, sizeof(path), "/proc/%d/net/netlink", the_world->daemon);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file)) {
        unsigned int protocol, port, groups;
        if (sscanf(line, "%*s %u %u %x", &protocol, &port, &groups) == 3 && protocol == NETLINK_ROUTE && groups == 1)
            found = port;
    }
    assert_int_equal(fclose(file), 0);
    assert_int_not_equal(found, 0);
    return found;
}

struct nonsense {
    struct nlmsghdr header;
    struct ifinfomsg link;
    char rest[32];
};

static int send_nonsense(int channel, void *arg)
{
    const struct sockaddr_nl to = {.nl_family = AF_NETLINK, .nl_pid = *(uint32_t *)arg};
    struct nonsense nameless = {.header = {.nlmsg_len = sizeof(nameless), .nlmsg_type = RTM_NEWLINK},
                                .link = {.ifi_index = 7501}};
    struct nonsense cut = nameless, other = nameless;
    const struct nonsense *const all[] = {&nameless, &cut, &other};
    _cleanup_fd_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    (void)channel;
    cut.header.nlmsg_len++;
    other.header.nlmsg_type = RTM_DELADDR;
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        if (sendto(fd, all[i], sizeof(*all[i]), 0, (const struct sockaddr *)&to, sizeof(to)) != sizeof(*all[i]))
            return -errno;
    }
    return 0;
}

static struct tctl_interfaces page(void)
{
    const uint32_t zero = 0;
    struct tctl_interfaces page = {0};
    _cleanup_fd_ int fd = world_map(the_world, TCTL_DIR "/interfaces");
    assert_return_code(bpf_map_lookup_elem(fd, &zero, &page), errno);
    return page;
}

static void test_nonsense_is_ignored_and_counted(void **state)
{
    uint32_t port = listening_port();
    struct actor actor;
    (void)state;
    const uint64_t before = page().malformed;
    assert_int_equal(actor_start(the_world, PLACE_A, 0, send_nonsense, &port, &actor), 0);
    assert_int_equal(actor_wait(&actor), 0);
    add_veth("sane7", 7502);
    comes_to_name(7502, "sane7");
    assert_int_equal(page().malformed, before + 3);
    assert_true(has_name(7501, NULL));
    delete_link("sane7");
    comes_to_name(7502, NULL);
}

static size_t most_names(void)
{
    struct bpf_map_info info = {0};
    __u32 length = sizeof(info);
    _cleanup_fd_ int fd = world_map(the_world, NAMES);
    assert_return_code(bpf_obj_get_info_by_fd(fd, &info, &length), errno);
    return info.max_entries / 2;
}

/* An hour's containers in a minute: each with a name of its own, and one packet. */
static void test_containers_come_and_go(void **state)
{
    enum { ROUNDS = 6, EACH = 100, FIRST = 8000 };
    const uid_t uid = 10077;
    const struct tctl_filter filter = {.has_uid = true, .uid = uid};
    (void)state;
    for (unsigned int round = 0; round < ROUNDS; round++) {
        const unsigned int first = FIRST + round * EACH;
        ip_each(first, EACH, 1, "link add name veth%u index %u group 77 up type veth peer name p%u\n");
        for (unsigned int i = 0; i < EACH; i++) {
            char name[IFNAMSIZ];
            snprintf(name, sizeof(name), "veth%u", first + i);
            send_on(name, uid, 1);
        }
        assert_int_equal(world_run(the_world, PLACE_A, "ip link del group 77"), 0);
    }
    for (unsigned int i = 0; i < ROUNDS * EACH; i += 50)
        comes_to_name(FIRST + i, NULL);
    comes_to_name(FIRST + ROUNDS * EACH - 1, NULL);
    const uint64_t start = now_ms();
    while (map_rows(the_world, NAMES) > most_names())
        assert_true(now_ms() - start < WAIT_MS);
    const struct tctl_counters sum = detail_sum(the_world, &filter);
    assert_int_equal(sum.tx_packets, ROUNDS * EACH);
    assert_int_equal(sum.tx_bytes, ROUNDS * EACH * LONE_ON_WIRE);
    assert_true(counted(REMOVED, uid).tx_packets > 0);
    assert_int_equal(uid_total(the_world, uid).tx_packets, ROUNDS * EACH);
    assert_true(is_counted("veth8599", uid, 1)); /* the last of them still has its name */
}

#define STORM 2000 /* and their peers */
#define STORM_FIRST 20000
#define SENDERS 20

static void storm(void)
{
    ip_each(STORM_FIRST, STORM, 1, "link add name a%u index %u up type veth peer name p%u\n");
    for (unsigned int i = 0; i < SENDERS; i++) {
        char name[IFNAMSIZ];
        snprintf(name, sizeof(name), "a%u", STORM_FIRST + i);
        send_on(name, UID, i + 1);
    }
    ip_each(STORM_FIRST, STORM, 1, "link set a%u name b%u\n");
    ip_each(STORM_FIRST, STORM, 2, "link set b%u group 77\n");
    assert_int_equal(world_run(the_world, PLACE_A, "ip link del group 77"), 0);
}

static void storm_is_right(bool all_heard)
{
    uint64_t sum = 0;
    for (unsigned int i = 0; i < STORM; i++) {
        char name[IFNAMSIZ];
        snprintf(name, sizeof(name), "b%u", STORM_FIRST + i);
        comes_to_name(STORM_FIRST + i, i % 2 ? name : NULL);
        if (i < SENDERS && (i % 2 || all_heard))
            comes_to(name, UID, i + 1);
        sum += i < SENDERS ? i + 1 : 0;
    }
    const struct tctl_counters all = detail_sum(the_world, &(struct tctl_filter){.has_uid = true, .uid = UID});
    assert_int_equal(all.tx_packets, sum);
    ip_each(STORM_FIRST + 1, STORM - 1, 2, "link set b%u group 77\n");
    assert_int_equal(world_run(the_world, PLACE_A, "ip link del group 77"), 0);
    for (unsigned int i = 0; i < STORM; i++)
        comes_to_name(STORM_FIRST + i, NULL);
    assert_int_equal(detail_sum(the_world, &(struct tctl_filter){.has_uid = true, .uid = UID}).tx_packets, sum);
    map_empty(the_world, "traffic_uid_stats_map");
}

static void test_a_storm_of_interfaces(void **state)
{
    (void)state;
    storm();
    storm_is_right(true);
}

/* More than its socket holds happens while trafficd is stopped. */
static void test_a_storm_that_nobody_hears(void **state)
{
    const uint64_t before = page().overflows;
    (void)state;
    assert_return_code(kill(the_world->daemon, SIGSTOP), errno);
    storm();
    assert_return_code(kill(the_world->daemon, SIGCONT), errno);
    storm_is_right(false);
    assert_true(page().overflows > before);
    assert_int_equal(page().malformed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_follow_a_rename_under_traffic),
        cmocka_unit_test(test_a_reused_number_and_a_used_name),
        cmocka_unit_test(test_a_port_that_leaves_its_bridge_stays),
        cmocka_unit_test(test_interfaces_are_told_by_last_names),
        cmocka_unit_test(test_a_start_makes_good_what_was_missed),
        cmocka_unit_test(test_nonsense_is_ignored_and_counted),
        cmocka_unit_test(test_containers_come_and_go),
    };
    const struct CMUnitTest storms[] = {
        cmocka_unit_test(test_a_storm_of_interfaces),
        cmocka_unit_test(test_a_storm_that_nobody_hears),
    };
    const struct world_options large = {.config = "[maps]\niface_index_name = 16000\n"};
    int failed = run_both("e2e: names of interfaces", tests, sizeof(tests) / sizeof(*tests));

    return failed + run_world("e2e: storms of interfaces", storms, sizeof(storms) / sizeof(*storms), &large);
}
