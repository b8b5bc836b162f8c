/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A sample of the decision table by real sockets: every chain, interface rules, exemptions; what is dropped is seen. */
#include <errno.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <trafficctl/events.h>

#include "attempt.h"
#include "cleanup.h"
#include "fd.h"

#define USER BARRIER_USER
#define OTHER BARRIER_OTHER
#define SYSTEM 500
#define DATAGRAM 28 /* IPv4's and UDP's header */

static int quiet_set_up(void **state)
{
    (void)state;
    barrier_down();
    return 0;
}

static struct tctl_counters dropped(uint32_t uid, const char *reason)
{
    _cleanup_free_ struct tctl_drop_row *rows = NULL;
    size_t count = 0;

    assert_int_equal(tctl_read_drops(the_world->traffic, &rows, &count), 0);
    for (size_t i = 0; i < count; i++)
        if (rows[i].uid == uid && strcmp(rows[i].reason, reason) == 0)
            return rows[i].counters;
    return (struct tctl_counters){0};
}

static void is_silent(const struct udp *udp, size_t size)
{
    static const char block[1000];
    char byte;

    assert_int_equal(send(udp->a, block, size, 0), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(send(udp->b, block, size, 0), size);
    assert_int_equal(recv(udp->a, &byte, 1, 0), -1);
    assert_int_equal(errno, EAGAIN);
}

static void talks(const struct udp *udp)
{
    udp_send(udp->a, udp->b, 100);
    udp_send(udp->b, udp->a, 100);
}

/* Blocked both ways: counted in, since it crossed the link, and not out; each drop is seen. */
static void blocks(unsigned chain)
{
    struct udp user = udp_pair(the_world, USER, AF_INET, 1), other = udp_pair(the_world, OTHER, AF_INET, 2);
    struct udp system_user = udp_pair(the_world, SYSTEM, AF_INET, 3);
    struct wire_filter filter = {.family = AF_INET, .protocol = IPPROTO_UDP, .address = 1};
    struct tctl_counters before = dropped(USER, tctl_chain_name(chain));
    struct meter meter;

    talks(&user);
    barrier_up(chain);
    meter = meter_start(the_world, USER, &filter);
    is_silent(&user, 100);
    is_silent(&user, 72);
    meter_exact(&meter);
    assert_counters_equal("received", meter_counted(&meter), (struct tctl_counters){172 + 2 * DATAGRAM, 2, 0, 0});
    assert_counters_equal("dropped", counters_less(dropped(USER, tctl_chain_name(chain)), before),
                          (struct tctl_counters){172 + 2 * DATAGRAM, 2, 172 + 2 * DATAGRAM, 2});
    talks(&other);
    talks(&system_user);
    barrier_set(chain, USER, true);
    talks(&user);
    barrier_set(chain, USER, false);
    is_silent(&user, 1);
    barrier_enable(chain, false);
    talks(&user);
    udp_close(&user);
    udp_close(&other);
    udp_close(&system_user);
}

static void test_every_chain(void **state)
{
    (void)state;
    for (unsigned chain = TCTL_DOZABLE; chain < TCTL_CHAINS; chain++) {
        barrier_meter("a0", (TCTL_METERED_CHAINS & TCTL_BIT(chain)) != 0);
        blocks(chain);
        barrier_down();
    }
}

static void test_metered_chains_need_a_metered_interface(void **state)
{
    struct udp udp = udp_pair(the_world, USER, AF_INET, 1);

    (void)state;
    for (unsigned chain = TCTL_METERED_ALLOW; chain < TCTL_CHAINS; chain++) {
        barrier_up(chain);
        talks(&udp);
        barrier_meter("a0", true);
        is_silent(&udp, 10);
        barrier_meter("a0", false);
        talks(&udp);
        barrier_down();
    }
    udp_close(&udp);
}

static int connecting_at_a0(int channel, void *arg)
{
    const struct attempt *attempt = arg;
    _cleanup_fd_ int fd = socket(attempt->filter.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    (void)channel;
    if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "a0", 3) < 0)
        return -EBADE;
    return attempt_connect(fd, &attempt->to);
}

/* Before the kernel has chosen a way nobody knows whether it is metered: such a connect waits, and nothing leaves. */
static void test_metered_connect_waits(void **state)
{
    struct attempt attempt;
    struct tctl_counters counters;
    _cleanup_fd_ int listener = attempt_tcp(AF_INET, &attempt);
    _cleanup_fd_ int fd = socket_as(the_world, PLACE_A, USER, AF_INET, SOCK_STREAM, 0);

    (void)state;
    barrier_meter("a0", true);
    barrier_up(TCTL_METERED_DENY_USER);
    assert_int_equal(wire_reset(the_world), 0);
    assert_int_equal(connect(fd, &attempt.to.any, sizeof(attempt.to.v4)), -1);
    assert_int_equal(errno, EINPROGRESS);
    assert_int_equal(wire_count(the_world, &attempt.filter, &counters), 0);
    assert_int_equal(counters.tx_packets, 0);
}

static void test_metered_connect_of_a_bound_socket_fails(void **state)
{
    struct attempt attempt;
    _cleanup_fd_ int listener = attempt_tcp(AF_INET, &attempt);

    (void)state;
    barrier_meter("a0", true);
    barrier_up(TCTL_METERED_DENY_USER);
    attempt_fails(connecting_at_a0, &attempt);
}

/* An address of this machine, whichever: 127.0.0.1, ::1, mapped, and those of a0. */
static union address own_address(int i, uint16_t port)
{
    union address own = address_of(i & 1 ? AF_INET6 : AF_INET, 2, port);

    if (i == 0)
        own.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (i == 1)
        own.v6.sin6_addr = in6addr_loopback;
    if (i == 5) {
        own.v6.sin6_addr = (struct in6_addr){.s6_addr32 = {0, 0, htonl(0xFFFF), htonl(INADDR_LOOPBACK)}};
    }
    if (i == 7) {
        own.v6.sin6_addr = (struct in6_addr){.s6_addr32 = {0, 0, htonl(0xFFFF), htonl(0xC0000202)}};
    }
    return own;
}
#define OWN_ADDRESSES 8 /* two of them twice */

static int connecting(int channel, void *arg)
{
    const union address *to = arg;
    _cleanup_fd_ int fd = socket(to->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    (void)channel;
    return attempt_connect(fd, to);
}

static int sending(int channel, void *arg)
{
    const union address *to = arg;
    _cleanup_fd_ int fd = socket(to->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    (void)channel;
    return attempt_send(fd, to);
}

static int listener_in_a(void)
{
    union address any = {.v6 = {.sin6_family = AF_INET6}};
    int fd = socket_as(the_world, PLACE_A, OTHER, AF_INET6, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    bind_to(fd, &any);
    assert_return_code(listen(fd, 8), errno);
    return fd;
}

static void test_this_machine_is_reached_unless_that_is_not_exempt(void **state)
{
    _cleanup_fd_ int listener = listener_in_a();
    uint16_t port = ntohs(name_of(listener).v6.sin6_port);

    for (int exempt = 1; exempt >= 0; exempt--) {
        barrier_exempt(exempt, false);
        for (int i = 0; i < OWN_ADDRESSES; i++) {
            union address own = own_address(i, port);

            barrier_up(*(unsigned *)*state);
            assert_int_equal(as_uid(the_world, PLACE_A, USER, connecting, &own), exempt ? 0 : -EPERM);
            assert_int_equal(as_uid(the_world, PLACE_A, USER, sending, &own), exempt ? 0 : -EPERM);
        }
    }
}

static void test_background_is_not_for_loopback(void **state)
{
    _cleanup_fd_ int listener = listener_in_a();
    struct udp udp = udp_pair(the_world, USER, AF_INET, 1);

    (void)state;
    barrier_exempt(false, false);
    barrier_up(TCTL_BACKGROUND);
    for (int i = 0; i < OWN_ADDRESSES; i++) {
        union address own = own_address(i, ntohs(name_of(listener).v6.sin6_port));

        assert_int_equal(as_uid(the_world, PLACE_A, USER, connecting, &own), 0);
    }
    is_silent(&udp, 10);
    udp_close(&udp);
}

/* The other side's end is heard, and one's own reset leaves; nothing else of the connection does. */
static void test_ends_and_resets_pass(void **state)
{
    const struct linger reset = {.l_onoff = 1};
    struct wire_filter filter = {.family = AF_INET, .protocol = IPPROTO_TCP};
    struct tctl_counters counters;
    struct tcp tcp;
    char byte;

    barrier_down();
    tcp = tcp_connect(the_world, USER, AF_INET, 1);
    transfer(tcp.b, tcp.a, 1000, 1000);
    acknowledge(tcp.a);
    barrier_up(*(unsigned *)*state);
    assert_int_equal(wire_reset(the_world), 0);
    assert_return_code(shutdown(tcp.b, SHUT_WR), errno);
    wait_for(tcp.a, POLLIN);
    assert_int_equal(recv(tcp.a, &byte, 1, 0), 0);
    assert_return_code(setsockopt(tcp.a, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), errno);
    fd_close(tcp.a);
    wait_for(tcp.b, POLLIN);
    assert_int_equal(recv(tcp.b, &byte, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
    assert_int_equal(wire_count(the_world, &filter, &counters), 0);
    assert_int_equal(counters.tx_packets, 1);
    fd_close(tcp.b);
    fd_close(tcp.listener);
}

/* A segment with data, though it is the last, is no end. */
static void test_data_with_an_end_is_not_heard(void **state)
{
    struct tcp tcp;
    char byte;

    barrier_down();
    tcp = tcp_connect(the_world, USER, AF_INET, 1);
    transfer(tcp.b, tcp.a, 1000, 1000);
    acknowledge(tcp.a);
    barrier_up(*(unsigned *)*state);
    assert_return_code(setsockopt(tcp.b, IPPROTO_TCP, TCP_CORK, &(int){1}, sizeof(int)), errno);
    assert_int_equal(send(tcp.b, "x", 1, 0), 1);
    assert_return_code(shutdown(tcp.b, SHUT_WR), errno);
    assert_int_equal(recv(tcp.a, &byte, 1, 0), -1);
    assert_int_equal(errno, EAGAIN);
    barrier_down();
    wait_for(tcp.a, POLLIN); /* the peer tries again */
    assert_int_equal(recv(tcp.a, &byte, 1, 0), 1);
    tcp_end(&tcp, false);
}

/* Only what comes in, and never over loopback. */
static void hears(const struct udp *udp, bool heard)
{
    union address own = own_address(0, 9);
    char byte;

    udp_send(udp->a, udp->b, 10);
    assert_int_equal(send(udp->b, "x", 1, 0), 1);
    if (heard)
        wait_for(udp->a, POLLIN);
    assert_int_equal(recv(udp->a, &byte, 1, 0), heard ? 1 : -1);
    assert_int_equal(as_uid(the_world, PLACE_A, USER, sending, &own), 0);
}

static void test_rules_of_interfaces(void **state)
{
    struct udp udp = udp_pair(the_world, USER, AF_INET, 1);
    struct tctl_counters iif = dropped(USER, "iif"), lockdown = dropped(USER, "lockdown");

    (void)state;
    barrier_exempt(false, false);
    barrier_iif(USER, "lo");
    hears(&udp, false);
    barrier_iif(USER, "a0");
    hears(&udp, true);
    barrier_lockdown(USER, true);
    hears(&udp, true); /* it has an interface of its own */
    barrier_iif(USER, NULL);
    hears(&udp, false);
    barrier_iif(USER, "");
    hears(&udp, true);
    barrier_iif(USER, NULL);
    barrier_lockdown(USER, false);
    hears(&udp, true);
    assert_int_equal(dropped(USER, "iif").rx_packets - iif.rx_packets, 1);
    assert_int_equal(dropped(USER, "lockdown").rx_packets - lockdown.rx_packets, 1);
    udp_close(&udp);
}

struct told {
    unsigned count;
    struct tctl_firewall_event last;
};

static int note_event(void *context, const struct tctl_firewall_event *event)
{
    struct told *told = context;

    if (event->uid != USER)
        return 0;
    told->count++;
    told->last = *event;
    return 0;
}

/* One event for a thousand drops within a second. */
static void test_what_is_dropped_is_told(void **state)
{
    struct tctl_events *events = NULL;
    struct udp udp = udp_pair(the_world, USER, AF_INET, 1);
    struct told told = {0};
    uint64_t start = now_ms();

    (void)state;
    map_empty(the_world, TCTL_DIR "/drops"); /* and with it who was told of last */
    assert_int_equal(tctl_events_open(the_world->bpffs, &events), 0);
    barrier_up(TCTL_OEM_DENY_2);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(send(udp.a, "x", 1, 0), -1);
    assert_int_equal(tctl_events_read(events, note_event, &told), 0);
    assert_in_range(told.count, 1, 1 + (now_ms() - start) / 1000);
    assert_string_equal(told.last.reason, "oem_deny_2");
    assert_true(told.last.out && !told.last.refused_connect);
    assert_counters_equal("dropped", dropped(USER, "oem_deny_2"),
                          (struct tctl_counters){0, 0, 1000 * (DATAGRAM + 1), 1000});
    tctl_events_close(events);
    udp_close(&udp);
}

static void test_refused_connect_is_told(void **state)
{
    struct attempt attempt;
    _cleanup_fd_ int listener = attempt_tcp(AF_INET, &attempt);
    struct tctl_events *events = NULL;
    struct told told = {0};

    (void)state;
    map_empty(the_world, TCTL_DIR "/drops");
    assert_int_equal(tctl_events_open(the_world->bpffs, &events), 0);
    barrier_up(TCTL_OEM_DENY_3);
    assert_int_equal(as_uid(the_world, PLACE_A, USER, connecting, &attempt.to), -EPERM);
    assert_int_equal(tctl_events_read(events, note_event, &told), 0);
    assert_int_equal(told.count, 1);
    assert_string_equal(told.last.reason, "oem_deny_3");
    assert_true(told.last.out && told.last.refused_connect);
    assert_counters_equal("dropped", dropped(USER, "oem_deny_3"), (struct tctl_counters){0, 0, 0, 1});
    tctl_events_close(events);
}

int main(void)
{
#define QUIET_TEST(test) cmocka_unit_test_setup_teardown(test, quiet_set_up, barrier_tear_down)
    const struct CMUnitTest tests[] = {
        QUIET_TEST(test_every_chain),
        QUIET_TEST(test_metered_chains_need_a_metered_interface),
        QUIET_TEST(test_metered_connect_waits),
        QUIET_TEST(test_metered_connect_of_a_bound_socket_fails),
        BARRIER_TESTS(test_this_machine_is_reached_unless_that_is_not_exempt),
        QUIET_TEST(test_background_is_not_for_loopback),
        BARRIER_TESTS(test_ends_and_resets_pass),
        BARRIER_TESTS(test_data_with_an_end_is_not_heard),
        QUIET_TEST(test_rules_of_interfaces),
        QUIET_TEST(test_what_is_dropped_is_told),
        QUIET_TEST(test_refused_connect_is_told),
    };

    return run_both("firewall", tests, ARRAY_SIZE(tests));
}
