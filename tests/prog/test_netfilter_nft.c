/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The table of nf_tables, in the running kernel; nft and iptables-nft-save are the judges. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "cleanup.h"
#include "fd.h"
#include "ruleset.h"
#include "talk.h"

#define INGRESS (1u << TCTL_PREROUTING4 | 1u << TCTL_PREROUTING6)
#define EGRESS (1u << TCTL_POSTROUTING4 | 1u << TCTL_POSTROUTING6)

static uint32_t generation(void)
{
    _cleanup_talk_ struct nft_talk *asking = NULL;
    struct fault fault = {};
    uint32_t number = 0;
    assert_int_equal(nft_talk_open(&asking, &fault), 0);
    assert_int_equal(nft_talk_generation(asking, &number), 0);
    return number;
}

/* Put again: rules, handles and the generation are what they were. */
static void assert_put_changes_nothing(const struct ruleset *ruleset, struct nft_talk **owner)
{
    _cleanup_free_ char *before = ruleset_everything(true);
    uint32_t number = generation();
    ruleset_put(ruleset, owner);
    _cleanup_free_ char *after = ruleset_everything(true);
    assert_string_equal(after, before);
    assert_int_equal(generation(), number);
}

/* Datagrams from the loopback's address to itself, so many. */
static void send_some(const char *address, unsigned int count)
{
    _cleanup_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(9)};
    assert_return_code(fd, errno);
    assert_int_equal(inet_pton(AF_INET, address, &there.sin_addr), 1);
    for (unsigned int i = 0; i < count; i++)
        assert_return_code(sendto(fd, "x", 1, 0, (struct sockaddr *)&there, sizeof(there)), errno);
}

static void send_some_ipv6(unsigned int count)
{
    _cleanup_fd_ int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in6 there = {.sin6_family = AF_INET6, .sin6_port = htons(9), .sin6_addr = in6addr_loopback};
    assert_return_code(fd, errno);
    for (unsigned int i = 0; i < count; i++)
        assert_return_code(sendto(fd, "x", 1, 0, (struct sockaddr *)&there, sizeof(there)), errno);
}

/* No answers to datagrams that nobody takes: what is sent is all that there is. */
static void hush(void)
{
    ruleset_run(
        "nft 'add table inet hush; add chain inet hush in { type filter hook input priority 0; policy drop; }'");
}

static void table_runs_the_pinned_programs(void **state)
{
    struct ruleset *ruleset = *state;
    _cleanup_talk_ struct nft_talk *owner = NULL;
    hush();
    assert_int_equal(ruleset_look(ruleset), 0);
    ruleset_put(ruleset, &owner);
    assert_int_equal(ruleset_look(ruleset), TCTL_ALL_IFACE_HOOKS);
    send_some("127.0.0.1", 100);
    assert_int_equal(ruleset_counted(ruleset, 0), 100);
    assert_int_equal(ruleset_counted(ruleset, 1), 100);
    send_some_ipv6(50);
    assert_int_equal(ruleset_counted(ruleset, 0), 150);
    assert_int_equal(ruleset_counted(ruleset, 1), 150);
    owner = nft_talk_free(owner);
    ruleset_remove();
    assert_int_equal(ruleset_look(ruleset), 0);
    send_some("127.0.0.1", 10);
    assert_int_equal(ruleset_counted(ruleset, 0), 150);
}

static void nft_shows_what_the_table_is(void **state)
{
    static const char *const SHOWN[] = {
        "table inet trafficctl {",
        "trafficctl counts interfaces here",
        "flags owner",
        "type filter hook prerouting priority -450; policy accept;",
        "type filter hook postrouting priority mangle; policy accept;",
        "iifname != \"ipsec*\" meta ipsec missing xt match bpf comment \"trafficctl program ",
        "oifname != \"ipsec*\" rt ipsec missing xt match bpf comment \"trafficctl program ",
    };
    struct ruleset *ruleset = *state;
    _cleanup_talk_ struct nft_talk *owner = NULL;
    ruleset_put(ruleset, &owner);
    _cleanup_free_ char *text = ruleset_says("nft list ruleset");
    print_message("%s", text);
    for (size_t i = 0; i < ARRAY_SIZE(SHOWN); i++)
        if (!strstr(text, SHOWN[i]))
            fail_msg("no %s in:\n%s", SHOWN[i], text);
}

static void twice_changes_nothing(void **state)
{
    struct ruleset *ruleset = *state;
    _cleanup_talk_ struct nft_talk *owner = NULL;
    ruleset_fill_with_foreign();
    ruleset_put(ruleset, &owner);
    const struct nft_talk *first = owner;
    assert_put_changes_nothing(ruleset, &owner);
    assert_ptr_equal(owner, first);
    assert_put_changes_nothing(ruleset, &owner);
}

static void foreign_ruleset_is_left_byte_for_byte(void **state)
{
    struct ruleset *ruleset = *state;
    ruleset_fill_with_foreign();
    ruleset_note(ruleset);
    for (int i = 0; i < 3; i++) {
        _cleanup_talk_ struct nft_talk *owner = NULL;
        ruleset_put(ruleset, &owner);
        assert_int_equal(ruleset_look(ruleset), TCTL_ALL_IFACE_HOOKS);
        owner = nft_talk_free(owner);
        ruleset_remove();
        ruleset_assert_as_noted(ruleset);
    }
    ruleset_remove();
    ruleset_assert_as_noted(ruleset);
}

static void empty_ruleset_is_empty_again(void **state)
{
    struct ruleset *ruleset = *state;
    struct nft_talk *owner = NULL;
    ruleset_note(ruleset);
    ruleset_put(ruleset, &owner);
    nft_talk_free(owner);
    ruleset_remove();
    ruleset_assert_as_noted(ruleset);
}

static void flush_by_others_leaves_what_has_an_owner(void **state)
{
    struct ruleset *ruleset = *state;
    struct nft_talk *owner = NULL;
    ruleset_fill_with_foreign();
    ruleset_put(ruleset, &owner);
    ruleset_run("nft flush ruleset");
    assert_int_equal(ruleset_look(ruleset), TCTL_ALL_IFACE_HOOKS);
    ruleset_fails("nft delete table inet trafficctl 2>&1");
    ruleset_fails("nft flush chain inet trafficctl bw_raw_PREROUTING 2>&1");
    assert_put_changes_nothing(ruleset, &owner);
    nft_talk_free(owner);
    assert_int_equal(ruleset_look(ruleset), TCTL_ALL_IFACE_HOOKS);
    ruleset_run("nft flush ruleset");
    assert_int_equal(ruleset_look(ruleset), 0);
}

/* What root can do to the table once its owner is gone; and which places run no program then. */
static const struct {
    const char *command;
    uint32_t left;
} DAMAGES[] = {
    {"nft delete table inet trafficctl", 0},
    {"nft flush table inet trafficctl", 0},
    {"nft flush chain inet trafficctl bw_raw_PREROUTING", EGRESS},
    {"nft 'flush chain inet trafficctl bw_mangle_POSTROUTING; delete chain inet trafficctl bw_mangle_POSTROUTING'",
     INGRESS},
    {"nft insert rule inet trafficctl bw_raw_PREROUTING ip ttl 255 drop", EGRESS},
    {"nft insert rule inet trafficctl bw_mangle_POSTROUTING return", INGRESS},
    {"nft chain inet trafficctl bw_raw_PREROUTING '{ policy drop; }'", EGRESS},
    {"nft 'delete chain inet trafficctl bw_raw_PREROUTING; add chain inet trafficctl bw_raw_PREROUTING "
     "{ type filter hook prerouting priority 0; }'",
     EGRESS},
    {"nft 'delete chain inet trafficctl bw_raw_PREROUTING; add chain inet trafficctl bw_raw_PREROUTING'", EGRESS},
    {"nft 'delete chain inet trafficctl bw_mangle_POSTROUTING; add chain inet trafficctl bw_mangle_POSTROUTING "
     "{ type nat hook postrouting priority -150; }'",
     INGRESS},
    {"nft 'flush chain inet trafficctl bw_raw_PREROUTING; add rule inet trafficctl bw_raw_PREROUTING counter comment "
     "\"trafficctl program 1\"'",
     EGRESS},
    {"nft add rule inet trafficctl bw_mangle_POSTROUTING counter comment '\"trafficctl program 1\"'", INGRESS},
    {"for i in 1 2 3 4 5 6 7 8 9 0 1 2; do nft add rule inet trafficctl bw_mangle_POSTROUTING counter comment "
     "'\"trafficctl program 1\"'; done",
     INGRESS},
    {"nft 'delete table inet trafficctl; add table inet trafficctl { comment \"trafficctl counts interfaces here\"; "
     "flags dormant; }'",
     0},
};

static void damage_is_seen_and_mended(void **state)
{
    struct ruleset *ruleset = *state;
    for (size_t i = 0; i < ARRAY_SIZE(DAMAGES); i++) {
        struct nft_talk *owner = NULL;
        ruleset_put(ruleset, &owner);
        owner = nft_talk_free(owner);
        ruleset_run(DAMAGES[i].command);
        if (ruleset_look(ruleset) != DAMAGES[i].left)
            fail_msg("%s: there is %x", DAMAGES[i].command, ruleset_look(ruleset));
        ruleset_put(ruleset, &owner);
        if (ruleset_look(ruleset) != TCTL_ALL_IFACE_HOOKS)
            fail_msg("%s: then there is %x", DAMAGES[i].command, ruleset_look(ruleset));
        assert_put_changes_nothing(ruleset, &owner);
        nft_talk_free(owner);
        ruleset_remove();
    }
}

static void rules_of_others_in_our_chains_are_left(void **state)
{
    struct ruleset *ruleset = *state;
    struct nft_talk *owner = NULL;
    ruleset_put(ruleset, &owner);
    owner = nft_talk_free(owner);
    ruleset_run("nft add rule inet trafficctl bw_raw_PREROUTING ip ttl 254 drop");
    assert_int_equal(ruleset_look(ruleset), TCTL_ALL_IFACE_HOOKS);
    ruleset_run("nft insert rule inet trafficctl bw_raw_PREROUTING ip ttl 255 drop");
    ruleset_put(ruleset, &owner);
    assert_int_equal(ruleset_look(ruleset), TCTL_ALL_IFACE_HOOKS);
    _cleanup_free_ char *text = ruleset_says("nft list chain inet trafficctl bw_raw_PREROUTING");
    assert_non_null(strstr(text, "ip ttl 254 drop"));
    assert_non_null(strstr(text, "ip ttl 255 drop"));
    assert_true(strstr(text, "ip ttl 255 drop") > strstr(text, "xt match"));
    nft_talk_free(owner);
}

static void foreign_table_of_our_name_is_refused(void **state)
{
    struct ruleset *ruleset = *state;
    struct nft_talk *owner = NULL;
    struct fault fault = {};
    ruleset_run("nft 'add table inet trafficctl; add chain inet trafficctl bw_raw_PREROUTING "
                "{ type filter hook prerouting priority -450; }; add rule inet trafficctl bw_raw_PREROUTING counter'");
    ruleset_run("nft 'add table ip trafficctl; add chain ip trafficctl c'");
    ruleset_note(ruleset);
    assert_int_equal(nft_put(ruleset->folder, &owner, &fault), -EEXIST);
    assert_non_null(strstr(fault.text, "not ours"));
    assert_null(owner);
    assert_int_equal(ruleset_look(ruleset), 0);
    ruleset_remove();
    ruleset_assert_as_noted(ruleset);
}

static void replaced_program_is_missing_until_put(void **state)
{
    struct ruleset *ruleset = *state;
    _cleanup_talk_ struct nft_talk *owner = NULL;
    ruleset_put(ruleset, &owner);
    ruleset_pin(ruleset, ruleset->folder, PIN_XT_EGRESS_PROG, 2);
    assert_int_equal(ruleset_look(ruleset), INGRESS);
    ruleset_put(ruleset, &owner);
    assert_int_equal(ruleset_look(ruleset), TCTL_ALL_IFACE_HOOKS);
    assert_put_changes_nothing(ruleset, &owner);
}

struct sender {
    pthread_t thread;
    atomic_bool stop;
    uint64_t sent;
};

static void *keep_sending(void *argument)
{
    struct sender *sender = argument;
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    _cleanup_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    while (!atomic_load(&sender->stop))
        sender->sent += sendto(fd, "x", 1, 0, (struct sockaddr *)&there, sizeof(there)) == 1;
    return NULL;
}

static void no_packet_is_lost_or_doubled_by_a_replacement(void **state)
{
    struct ruleset *ruleset = *state;
    _cleanup_talk_ struct nft_talk *owner = NULL;
    struct sender sender = {};
    hush();
    ruleset_put(ruleset, &owner);
    assert_int_equal(pthread_create(&sender.thread, NULL, keep_sending, &sender), 0);
    for (uint32_t i = 1; i <= 100; i++) {
        ruleset_pin(ruleset, ruleset->folder, PIN_XT_INGRESS_PROG, i % 2 ? 2 : 0);
        ruleset_pin(ruleset, ruleset->folder, PIN_XT_EGRESS_PROG, i % 2 ? 3 : 1);
        ruleset_put(ruleset, &owner);
    }
    atomic_store(&sender.stop, true);
    pthread_join(sender.thread, NULL);
    print_message("%lu packets\n", (unsigned long)sender.sent);
    assert_true(sender.sent > 1000);
    assert_true(ruleset_counted(ruleset, 0) > 0 && ruleset_counted(ruleset, 2) > 0);
    assert_int_equal(ruleset_counted(ruleset, 0) + ruleset_counted(ruleset, 2), sender.sent);
    assert_int_equal(ruleset_counted(ruleset, 1) + ruleset_counted(ruleset, 3), sender.sent);
}

static void put_goes_on_while_others_change_the_ruleset(void **state)
{
    struct ruleset *ruleset = *state;
    pid_t other = fork();
    assert_return_code(other, errno);
    if (other == 0) {
        execl("/bin/sh", "sh", "-c", "while :; do nft add table ip busy; nft delete table ip busy; done", NULL);
        _exit(127);
    }
    for (int i = 0; i < 50; i++) {
        struct nft_talk *owner = NULL;
        ruleset_put(ruleset, &owner);
        assert_int_equal(ruleset_look(ruleset), TCTL_ALL_IFACE_HOOKS);
        nft_talk_free(owner);
        ruleset_remove();
        assert_int_equal(ruleset_look(ruleset), 0);
    }
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
}

/* Somebody to send to, who says nothing. */
static void make_interface(const char *name, const char *address, const char *peer)
{
    char command[512];
    snprintf(command, sizeof(command),
             "ip link add %s type veth peer name p%s && echo 1 > /proc/sys/net/ipv6/conf/%s/disable_ipv6 && "
             "echo 1 > /proc/sys/net/ipv6/conf/p%s/disable_ipv6 && ip addr add %s dev %s && ip link set %s up && "
             "ip link set p%s up && ip neigh add %s lladdr 02:00:00:00:00:02 dev %s nud permanent",
             name, name, name, name, address, name, name, name, peer, name);
    ruleset_run(command);
}

static void interfaces_of_ipsec_are_not_counted(void **state)
{
    struct ruleset *ruleset = *state;
    _cleanup_talk_ struct nft_talk *owner = NULL;
    make_interface("ipsec7", "192.0.2.1/24", "192.0.2.2");
    make_interface("other7", "198.51.100.1/24", "198.51.100.2");
    ruleset_put(ruleset, &owner);
    send_some("192.0.2.2", 10);
    assert_int_equal(ruleset_counted(ruleset, 1), 0);
    send_some("198.51.100.2", 10);
    assert_int_equal(ruleset_counted(ruleset, 1), 10);
}

/* A bpffs at such a path, bound there; the pins are the same. */
static void put_at(struct ruleset *ruleset, const char *path)
{
    struct fault fault = {};
    _cleanup_talk_ struct nft_talk *owner = NULL;
    uint32_t there = 0;
    uint64_t before = ruleset_counted(ruleset, 0);
    assert_return_code(mkdir(path, 0700), errno);
    assert_return_code(mount(ruleset->folder, path, NULL, MS_BIND, NULL), errno);
    int r = nft_put(path, &owner, &fault);
    if (r < 0)
        fail_msg("%s: %s", path, fault.text);
    assert_int_equal(nft_look(path, &there, &fault), 0);
    assert_int_equal(there, TCTL_ALL_IFACE_HOOKS);
    send_some("127.0.0.1", 10);
    assert_int_equal(ruleset_counted(ruleset, 0), before + 10);
    owner = nft_talk_free(owner);
    ruleset_remove();
    umount2(path, MNT_DETACH);
    rmdir(path);
}

static void paths_may_be_odd_and_long(void **state)
{
    struct ruleset *ruleset = *state;
    char path[1024], place[] = "/tmp/trafficctl-odd-XXXXXX", deep[512];
    hush();
    assert_non_null(mkdtemp(place));
    snprintf(path, sizeof(path), "%s/a b\"'$(x)\\\n\xc3\xa4;{}", place);
    put_at(ruleset, path);
    snprintf(deep, sizeof(deep), "%s/%0250d", place, 1);
    assert_return_code(mkdir(deep, 0700), errno);
    snprintf(path, sizeof(path), "%s/%0250d", deep, 2);
    put_at(ruleset, path);
    rmdir(deep);
    rmdir(place);
}

static void missing_program_is_told(void **state)
{
    struct ruleset *ruleset = *state;
    _cleanup_free_ char *path = NULL;
    struct nft_talk *owner = NULL;
    struct fault fault = {};
    ruleset_put(ruleset, &owner);
    nft_talk_free(TAKE_PTR(owner));
    assert_return_code(pins_path(ruleset->folder, PIN_XT_EGRESS_PROG, &path), 0);
    assert_return_code(unlink(path), errno);
    assert_int_equal(ruleset_look(ruleset), INGRESS);
    assert_int_equal(nft_put(ruleset->folder, &owner, &fault), -ENOTSUP);
    assert_non_null(strstr(fault.text, path));
    ruleset_remove();
}

static void without_capability_it_is_refused(void **state)
{
    (void)state;
    int status = -1;
    pid_t child = fork();
    assert_return_code(child, errno);
    if (child == 0)
        _exit(setuid(65534) == 0 && nft_remove(NULL) == -EPERM ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, ruleset_set_up, ruleset_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(table_runs_the_pinned_programs),
        TEST(nft_shows_what_the_table_is),
        TEST(twice_changes_nothing),
        TEST(foreign_ruleset_is_left_byte_for_byte),
        TEST(empty_ruleset_is_empty_again),
        TEST(flush_by_others_leaves_what_has_an_owner),
        TEST(damage_is_seen_and_mended),
        TEST(rules_of_others_in_our_chains_are_left),
        TEST(foreign_table_of_our_name_is_refused),
        TEST(replaced_program_is_missing_until_put),
        TEST(no_packet_is_lost_or_doubled_by_a_replacement),
        TEST(put_goes_on_while_others_change_the_ruleset),
        TEST(interfaces_of_ipsec_are_not_counted),
        TEST(paths_may_be_odd_and_long),
        TEST(missing_program_is_told),
        TEST(without_capability_it_is_refused),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: nft", tests, NULL, NULL);
}
