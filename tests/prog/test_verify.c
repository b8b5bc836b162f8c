/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Verify beside real link statistics: an interface of the test's own, in a network namespace of its own, and rows. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <sched.h>

#include <trafficctl/verify.h>

#include "cleanup.h"
#include "fd.h"
#include "fixture.h"
#include "iface_base.h"
#include "surroundings.h"

#define UID 10001u
#define READER 20001u

#define PAYLOAD 100u
#define L3 (PAYLOAD + 28) /* with headers of UDP and IPv4 */
#define ETHERNET 14

struct verify_test {
    struct fixture *fixture;
    int home; /* network namespace */
    int udp;
    uint32_t index; /* of the interface t0, which receives nothing */
};

static void run(const char *command)
{
    if (system(command) != 0) /* NOLINT(cert-env33-c,bugprone-command-processor): words of this file */
        fail_msg("%s", command);
}

/*
 * Nothing but the test's own datagrams goes out: no IPv6, a neighbour that need not be asked for, and that is not at
 * the other end, where they end.
 */
static void make_interface(void)
{
    run("echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6");
    run("ip link add t0 type veth peer name t1 && ip link set t0 up && ip link set t1 up && ip addr add 192.0.2.1/24 "
        "dev t0 &&"
        " ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 nud permanent dev t0");
}

static void send_datagrams(const struct verify_test *test, uint32_t count)
{
    static const char payload[PAYLOAD];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};

    to.sin_addr.s_addr = inet_addr("192.0.2.2");
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(sendto(test->udp, payload, sizeof(payload), 0, (struct sockaddr *)&to, sizeof(to)), PAYLOAD);
}

static void set_way(const struct verify_test *test, uint32_t way)
{
    const struct tctl_interfaces page = {.netfilter = way};
    const uint32_t entry = 0;

    fixture_put(test->fixture, PIN_INTERFACES, &entry, &page);
}

/* As if nobody had noted where counting begins. */
static void forget(const struct verify_test *test)
{
    _cleanup_fd_ int bases = fixture_pin(test->fixture, PIN_IFACE_BASE);

    assert_true(bpf_map_delete_elem(bases, &test->index) == 0 || errno == ENOENT);
}

static void start(void **state, bool percpu)
{
    struct verify_test *test = calloc(1, sizeof(*test));

    assert_non_null(test);
    test->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    assert_return_code(test->home, errno);
    assert_return_code(unshare(CLONE_NEWNET), errno);
    make_interface();
    test->index = if_nametoindex("t0");
    test->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_return_code(test->udp, errno);
    test->fixture = fixture_new(percpu);
    test->fixture->options.read_group = "20001";
    fixture_load(test->fixture);
    forget(test);
    set_way(test, TCTL_NETFILTER_LINK);
    *state = test;
}

static int set_up(void **state)
{
    start(state, false);
    return 0;
}

static int set_up_percpu(void **state)
{
    start(state, true);
    return 0;
}

static int tear_down(void **state)
{
    struct verify_test *test = *state;

    fixture_free(test->fixture);
    fd_close(test->udp);
    assert_return_code(setns(test->home, CLONE_NEWNET), errno);
    fd_close(test->home);
    free(test);
    return 0;
}

static struct tctl_stats_value sent(uint32_t datagrams)
{
    return (struct tctl_stats_value){.tx_packets = datagrams, .tx_bytes = (uint64_t)datagrams * L3};
}

/* Into one CPU's counters where each has its own. */
static void put_row(const struct verify_test *test, enum pin_id id, const void *key, struct tctl_stats_value value)
{
    _cleanup_free_ struct tctl_stats_value *values = calloc(libbpf_num_possible_cpus(), sizeof(*values));

    assert_non_null(values);
    values[libbpf_num_possible_cpus() - 1] = value;
    fixture_put(test->fixture, id, key, test->fixture->options.percpu ? values : &value);
}

static void put_user(const struct verify_test *test, uint32_t uid, uint32_t tag, uint32_t datagrams)
{
    const struct tctl_stats_key key = {.uid = uid, .tag = tag, .iface_index = test->index};

    put_row(test, PIN_UID_STATS, &key, sent(datagrams));
}

static void put_interface(const struct verify_test *test, uint32_t datagrams)
{
    put_row(test, PIN_IFACE_STATS, &test->index, sent(datagrams));
}

static void note(const struct verify_test *test)
{
    assert_int_equal(iface_base_note_all(test->fixture->bpffs), 0);
}

/* t0's sending. */
static struct tctl_verify_side verified_with(const struct verify_test *test, bool *ret_noted, bool *ret_counted)
{
    struct tctl *traffic = NULL;
    struct tctl_verified all = {0};
    struct tctl_verify_side side;

    assert_int_equal(tctl_open(test->fixture->bpffs, &traffic), 0);
    assert_int_equal(tctl_verify(traffic, &all), 0);
    assert_int_equal(all.count, 3);
    assert_string_equal(all.rows[0].iface, "lo");
    assert_string_equal(all.rows[1].iface, "t0");
    side = all.rows[1].tx;
    *ret_noted = all.rows[1].noted;
    *ret_counted = all.interfaces;
    assert_int_equal(side.moved.packets, 0);
    tctl_verified_done(&all);
    tctl_close(traffic);
    return side;
}

static struct tctl_verify_side verified(const struct verify_test *test)
{
    bool noted, counted;
    struct tctl_verify_side side = verified_with(test, &noted, &counted);

    assert_true(noted);
    assert_true(counted);
    return side;
}

static void assert_amount(struct tctl_amount amount, uint64_t packets, uint64_t bytes)
{
    assert_int_equal(amount.packets, packets);
    assert_int_equal(amount.bytes, bytes);
}

static void assert_part(struct tctl_part part, int64_t packets, int64_t bytes)
{
    assert_int_equal(part.packets, packets);
    assert_int_equal(part.bytes, bytes);
}

static void all_of_it_is_explained(void **state)
{
    const struct verify_test *test = *state;

    note(test);
    send_datagrams(test, 10);
    put_interface(test, 10);
    put_user(test, UID, 0, 4);
    put_user(test, UID, 0xabc, 3); /* is in the row without tag too */
    put_user(test, UID + 1, 0, 6);
    struct tctl_verify_side side = verified(test);
    assert_amount(side.link, 10, 10 * (L3 + ETHERNET));
    assert_amount(side.interface, 10, 10 * L3);
    assert_amount(side.users, 10, 10 * L3);
    assert_part(side.headers, 0, 10 * ETHERNET);
    assert_part(side.other, 0, 0);
    assert_part(side.unexplained, 0, 0);
    assert_false(tctl_verify_doubts(&side));
}

static void parts_are_taken_from_their_map(void **state)
{
    const struct verify_test *test = *state;
    const struct tctl_iface_parts parts = {.forwarded = sent(3), .ownerless = sent(2)};

    note(test);
    send_datagrams(test, 10);
    put_interface(test, 9);
    put_user(test, UID, 0, 4);
    fixture_put(test->fixture, PIN_IFACE_PARTS, &test->index, &parts);
    struct tctl_verify_side side = verified(test);
    assert_part(side.other, 1, L3);
    assert_part(side.forwarded, 3, 3 * L3);
    assert_part(side.ownerless, 2, 2 * L3);
    assert_part(side.unexplained, 0, 0);
}

static void a_row_that_is_missing_is_noticed(void **state)
{
    const struct verify_test *test = *state;

    note(test);
    send_datagrams(test, 10);
    put_interface(test, 10);
    put_user(test, UID, 0, 9);
    struct tctl_verify_side side = verified(test);
    assert_part(side.unexplained, 1, L3);
    assert_true(tctl_verify_doubts(&side));
}

static void the_base_is_noted_once(void **state)
{
    const struct verify_test *test = *state;

    send_datagrams(test, 5);
    put_interface(test, 2); /* seen by the programs before anybody noted it */
    note(test);
    send_datagrams(test, 3);
    note(test);
    put_interface(test, 5);
    put_user(test, UID, 0, 5);
    struct tctl_verify_side side = verified(test);
    assert_int_equal(side.before.packets, 3);
    assert_int_equal(side.link.packets, 5);
    assert_part(side.headers, 0, 3 * ETHERNET);
    assert_part(side.other, 0, 0);
    assert_part(side.unexplained, 0, 0);
}

static void no_base_is_said_to_be_none(void **state)
{
    const struct verify_test *test = *state;
    bool noted, counted;

    send_datagrams(test, 5);
    note(test);
    forget(test);
    struct tctl_verify_side side = verified_with(test, &noted, &counted);
    assert_false(noted);
    assert_int_equal(side.before.packets, 0);
    assert_int_equal(side.link.packets, 5);
}

static void uncounted_interfaces_are_said_to_be(void **state)
{
    const struct verify_test *test = *state;
    bool noted, counted;

    set_way(test, TCTL_NETFILTER_OFF);
    note(test);
    send_datagrams(test, 10);
    put_user(test, UID, 0, 8);
    struct tctl_verify_side side = verified_with(test, &noted, &counted);
    assert_false(counted);
    assert_part(side.headers, 0, 10 * ETHERNET);
    assert_part(side.other, 2, 2 * L3);
    assert_part(side.unexplained, 0, 0);
}

static int verify_elsewhere(void *bpffs)
{
    struct tctl *traffic = NULL;
    struct tctl_verified all;

    if (unshare(CLONE_NEWNET) < 0 || tctl_open(bpffs, &traffic) < 0)
        return 1;
    return tctl_verify(traffic, &all) == -EXDEV ? 0 : 2;
}

static void other_namespaces_are_refused(void **state)
{
    const struct verify_test *test = *state;

    assert_int_equal(surroundings_wait(surroundings_fork(verify_elsewhere, test->fixture->bpffs)), 0);
}

/* The bpffs itself is root's alone. */
static int verify_as_reader(void *bpffs)
{
    struct tctl *traffic = NULL;
    struct tctl_verified all;

    if (setresgid(READER, READER, READER) < 0 || setresuid(READER, READER, READER) < 0)
        return 1;
    if (tctl_open(bpffs, &traffic) < 0)
        return 2;
    return tctl_verify(traffic, &all) == 0 && all.count == 3 ? 0 : 3;
}

static void readers_may_verify(void **state)
{
    const struct verify_test *test = *state;

    note(test);
    assert_return_code(chmod(test->fixture->bpffs, 0711), errno);
    assert_int_equal(surroundings_wait(surroundings_fork(verify_as_reader, test->fixture->bpffs)), 0);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        EACH(all_of_it_is_explained),
        cmocka_unit_test_setup_teardown(all_of_it_is_explained, set_up_percpu, tear_down),
        EACH(parts_are_taken_from_their_map),
        EACH(a_row_that_is_missing_is_noticed),
        EACH(the_base_is_noted_once),
        EACH(no_base_is_said_to_be_none),
        EACH(uncounted_interfaces_are_said_to_be),
        EACH(other_namespaces_are_refused),
        EACH(readers_may_verify),
    };

    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
