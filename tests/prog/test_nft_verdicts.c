/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the nft backend lets pass, by real packets of real sockets, beside what bpf/firewall.bpf.h says of the same. */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

#include "cleanup.h"
#include "fd.h"
#include "ruleset.h"
#include "sides_traffic.h"

#include <firewall.bpf.h>

#define RANDOM_POLICIES 100
#define LISTENER_PORT 6000
#define PATIENCE_S 10

/* A policy as far as it is about the app. */
struct asked {
    uint32_t on, listed; /* TCTL_BIT() of chains */
    const char *iif;     /* NULL: no rule */
    bool lockdown, closed, exempt_loopback;
    uint32_t metered; /* 1 << enum wire */
};

struct traffic {
    struct sides_udp udp;
    uint64_t verdicts, dropped[TCTL_REASONS][2]; /* incoming, outgoing */
};

static void hold(const struct sides *sides, const struct asked *asked)
{
    const uint32_t uid = APP_UID;
    struct nft_held held = {.policy.switched = asked->on, .closed = asked->closed};
    for (uint32_t chain = 1; chain < TCTL_CHAINS; chain++)
        assert_int_equal(policy_uids_replace(&held.policy.listed[chain], &uid, asked->listed >> chain & 1), 0);
    assert_int_equal(policy_uids_replace(&held.policy.lockdown, &uid, asked->lockdown), 0);
    assert_int_equal(policy_set_iface(&held.policy, uid, asked->iif), 0);
    for (enum wire wire = WIRE_A; wire < WIRES; wire++)
        if (asked->metered & 1u << wire)
            assert_int_equal(policy_set_metered(&held.policy, wire_names[wire], true), 0);
    if (sides->users->config.exempt_loopback != asked->exempt_loopback) {
        sides->users->config.exempt_loopback = asked->exempt_loopback;
        users_put(sides->users, &held);
    }
    users_hold(sides->users, &held);
    nft_held_done(&held);
}

static uint32_t index_of(const char *name)
{
    for (enum wire wire = 0; wire < WIRES; wire++)
        if (strcmp(wire_names[wire], name) == 0)
            return wire + 1u;
    return *name ? TCTL_NO_IFACE : TCTL_ANY_IFACE;
}

/* TCTL_BIT() of what drops it, by the rules of the programs. */
static uint32_t model(const struct asked *asked, enum wire wire, bool out)
{
    const struct rules rules = {
        .switched = asked->on,
        .rules = asked->listed | (asked->iif ? TCTL_BIT(TCTL_IFACE_RULE) : 0) |
                 (asked->lockdown ? TCTL_BIT(TCTL_LOCKDOWN) : 0),
        .iface = asked->iif ? index_of(asked->iif) : 0,
        .closed = asked->closed,
    };
    const struct way way = {
        .out = out,
        .loopback = wire == WIRE_LOOPBACK,
        .metered = asked->metered >> wire & 1,
        .iface = wire + 1u,
    };
    const struct restriction restriction = restriction_of(&rules);
    return drops_on(restriction.drops, restriction.iface, &way, asked->exempt_loopback);
}

static void assert_verdict(struct traffic *traffic, const struct asked *asked, enum wire wire, bool out)
{
    uint32_t drops = model(asked, wire, out);
    bool passed = out ? sides_udp_out(&traffic->udp, wire) : sides_udp_in(&traffic->udp, wire);
    if (passed != (drops == 0))
        fail_msg("%s by %s %s: on %x, listed %x, iif %s, lockdown %d, closed %d, loopback exempt %d, metered %x",
                 out ? "out" : "in", wire_names[wire], passed ? "passed" : "was dropped", asked->on, asked->listed,
                 asked->iif ? asked->iif : "none", asked->lockdown, asked->closed, asked->exempt_loopback,
                 asked->metered);
    traffic->verdicts++;
    if (!passed)
        traffic->dropped[first_reason(drops)][out]++;
}

/* On the loopback the kernel does not say whose an incoming packet is. */
static void assert_verdicts(struct traffic *traffic, const struct asked *asked)
{
    hold(traffic->udp.sides, asked);
    for (enum wire wire = 0; wire < WIRES; wire++) {
        assert_verdict(traffic, asked, wire, true);
        if (wire != WIRE_LOOPBACK)
            assert_verdict(traffic, asked, wire, false);
    }
}

static uint64_t row_of(const char *set, uint32_t reason)
{
    char command[128], key[64];
    uint64_t packets = 0;
    snprintf(command, sizeof(command), "nft list set inet " NFT_USERS " %s", set);
    snprintf(key, sizeof(key), "%u . 0x%08x counter packets ", APP_UID, reason);
    _cleanup_free_ char *text = ruleset_says(command);
    const char *at = strstr(text, key);
    if (at)
        assert_int_equal(sscanf(at + strlen(key), "%" SCNu64, &packets), 1);
    return packets;
}

/* Every drop is counted, by the reason that the programs would tell. */
static void traffic_end(const struct traffic *traffic)
{
    for (uint32_t reason = 1; reason < TCTL_REASONS; reason++) {
        assert_int_equal(row_of("dropped_in", reason), traffic->dropped[reason][0]);
        assert_int_equal(row_of("dropped_out", reason), traffic->dropped[reason][1]);
    }
    assert_int_equal(users_counted("lost_drops"), 0);
    assert_true(users_whole(traffic->udp.sides->users));
    print_message("%" PRIu64 " verdicts\n", traffic->verdicts);
}

static void each_chain(struct traffic *traffic)
{
    for (uint32_t chain = 1; chain < TCTL_CHAINS; chain++)
        for (uint32_t which = 0; which < 4; which++)
            assert_verdicts(traffic, &(struct asked){
                                         .on = which & 1 ? TCTL_BIT(chain) : 0,
                                         .listed = which & 2 ? TCTL_BIT(chain) : 0,
                                         .exempt_loopback = chain % 2,
                                         .metered = 1u << WIRE_A,
                                     });
}

static const char *const iifs[] = {NULL, "", "va", "vc", "gone"};

static void each_interface(struct traffic *traffic)
{
    for (size_t i = 0; i < ARRAY_SIZE(iifs); i++)
        for (uint32_t which = 0; which < 8; which++)
            assert_verdicts(traffic, &(struct asked){
                                         .iif = iifs[i],
                                         .lockdown = which & 1,
                                         .closed = which & 2,
                                         .exempt_loopback = which & 4,
                                     });
}

/* Each of them one time in 2^rare. */
static uint32_t random_chains(int rare)
{
    uint32_t chains = TCTL_BIT(TCTL_CHAINS) - 2;
    for (int i = 0; i < rare; i++)
        chains &= (uint32_t)random();
    return chains;
}

/* Mostly such as let something pass. */
static void any(struct traffic *traffic)
{
    for (int i = 0; i < RANDOM_POLICIES; i++) {
        struct asked asked = {
            .on = random_chains(3),
            .iif = iifs[(size_t)random() % ARRAY_SIZE(iifs)],
            .lockdown = random() % 4 == 0,
            .closed = random() % 8 == 0,
            .exempt_loopback = random() % 2,
            .metered = (uint32_t)random() & (1u << WIRE_A | 1u << WIRE_C),
        };
        asked.listed = TCTL_ALLOW_LISTS ^ random_chains(2);
        assert_verdicts(traffic, &asked);
    }
}

static void assert_all(const struct sides *sides, bool ipv6)
{
    struct traffic traffic = {.udp = sides_udp_open(sides, ipv6)};
    users_put(sides->users, NULL);
    each_chain(&traffic);
    each_interface(&traffic);
    any(&traffic);
    traffic_end(&traffic);
    sides_udp_close(&traffic.udp);
}

static void datagrams(void **state)
{
    assert_all(*state, false);
}

static void datagrams_of_ipv6(void **state)
{
    assert_all(*state, true);
}

/* Everybody else is none of it. */
static void nobody_else_is_judged(void **state)
{
    const struct sides *sides = *state;
    users_put(sides->users, NULL);
    hold(sides, &(struct asked){.closed = true, .on = TCTL_BIT(TCTL_DOZABLE)});
    assert_int_equal(users_send(APP_UID), EPERM);
    assert_int_equal(users_send(0), 0);
    assert_int_equal(users_send(USERS_FIRST - 1), 0);
    assert_int_equal(users_send(USERS_LAST + 1), 0);
}

static const struct asked denied = {.on = TCTL_BIT(TCTL_STANDBY), .listed = TCTL_BIT(TCTL_STANDBY)};

static void a_connect_is_refused_at_once(void **state)
{
    const struct sides *sides = *state;
    users_put(sides->users, NULL);
    hold(sides, &denied);
    for (int ipv6 = 0; ipv6 < 2; ipv6++)
        for (enum wire wire = 0; wire < WIRES; wire++) {
            _cleanup_fd_ int fd = sides_socket(sides, false, APP_UID, SOCK_STREAM, wire, ipv6, 0);
            assert_int_equal(sides_connect(fd, wire, wire != WIRE_LOOPBACK, ipv6, LISTENER_PORT), ECONNREFUSED);
        }
    assert_int_equal(row_of("refused", TCTL_STANDBY), 2 * WIRES);
    assert_int_equal(row_of("dropped_out", TCTL_STANDBY), 0);
}

static void a_reset_gets_out(void **state)
{
    const struct sides *sides = *state;
    const struct linger abort = {.l_onoff = 1};
    users_put(sides->users, NULL);
    for (int ipv6 = 0; ipv6 < 2; ipv6++) {
        char byte;
        hold(sides, &(struct asked){0});
        struct sides_tcp made = sides_tcp_connect(sides, ipv6);
        hold(sides, &denied);
        assert_return_code(setsockopt(made.app, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort)), errno);
        fd_close(made.app);
        assert_int_equal(recv(made.other, &byte, 1, 0), -1);
        assert_int_equal(errno, ECONNRESET);
        fd_close(made.other);
    }
    assert_int_equal(row_of("dropped_out", TCTL_STANDBY), 0);
}

/* Data first, which do not: nothing but the end may be in the packet that gets in, and it is behind them. */
static void an_end_gets_in_and_data_do_not(void **state)
{
    const struct sides *sides = *state;
    users_put(sides->users, NULL);
    for (int ipv6 = 0; ipv6 < 2; ipv6++) {
        char byte;
        hold(sides, &(struct asked){0});
        struct sides_tcp ends = sides_tcp_connect(sides, ipv6), says = sides_tcp_connect(sides, ipv6);
        hold(sides, &denied);
        assert_int_equal(send(says.other, "x", 1, 0), 1);
        assert_return_code(shutdown(ends.other, SHUT_WR), errno);
        assert_int_equal(recv(ends.app, &byte, 1, 0), 0);
        assert_int_equal(recv(says.app, &byte, 1, MSG_DONTWAIT), -1);
        assert_true(row_of("dropped_in", TCTL_STANDBY) > 0);
        fd_close(ends.app);
        fd_close(ends.other);
        fd_close(says.app);
        fd_close(says.other);
    }
}

static void wait_for_drop(uint32_t reason, uint64_t before)
{
    time_t end = time(NULL) + PATIENCE_S;
    while (row_of("dropped_in", reason) == before)
        assert_true(time(NULL) < end);
}

/* Whose listener it is is not known when a connection is asked for: the answer is judged, by where it goes. */
static void nobody_gets_in_by_a_listener(void **state)
{
    const struct sides *sides = *state;
    users_put(sides->users, NULL);
    for (int ipv6 = 0; ipv6 < 2; ipv6++) {
        _cleanup_fd_ int listener = sides_socket(sides, false, APP_UID, SOCK_STREAM, WIRE_A, ipv6, LISTENER_PORT);
        _cleanup_fd_ int kept_out = sides_socket(sides, true, 0, SOCK_STREAM | SOCK_NONBLOCK, WIRE_A, ipv6, 0);
        _cleanup_fd_ int let_in = sides_socket(sides, true, 0, SOCK_STREAM, WIRE_A, ipv6, 0);
        uint64_t before = row_of("dropped_in", TCTL_LOCKDOWN);
        assert_return_code(listen(listener, 5), errno);
        hold(sides, &(struct asked){.lockdown = true});
        assert_int_equal(sides_connect(kept_out, WIRE_A, false, ipv6, LISTENER_PORT), EINPROGRESS);
        wait_for_drop(TCTL_LOCKDOWN, before);
        hold(sides, &(struct asked){.iif = "va"});
        assert_int_equal(sides_connect(let_in, WIRE_A, false, ipv6, LISTENER_PORT), 0);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, sides_set_up, sides_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(datagrams),
        TEST(datagrams_of_ipv6),
        TEST(nobody_else_is_judged),
        TEST(a_connect_is_refused_at_once),
        TEST(a_reset_gets_out),
        TEST(an_end_gets_in_and_data_do_not),
        TEST(nobody_gets_in_by_a_listener),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: nft verdicts", tests, NULL, NULL);
}
