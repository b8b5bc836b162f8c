/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The firewall's commands where nf_tables judges: what is saved, what holds, and what becomes of real packets. */
#include <errno.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend.h"
#include "fd.h"
#include "ruleset.h"
#include "sides_traffic.h"
#include "users_place.h"
#include "wall.h"

#define OTHER_UID 10002
#define GONE "gone0"

static struct {
    struct sides *sides;
    struct users_place place;
    struct tctl_firewall *firewall;
    struct sides_udp udp;
} at;

static int set_up(void **state)
{
    int r = sides_set_up(state);
    at.sides = *state;
    users_put(at.sides->users, NULL);
    users_place_make(&at.place, 0);
    at.udp = sides_udp_open(at.sides, false);
    assert_int_equal(tctl_firewall_open(at.place.folder, &at.firewall), 0);
    return r;
}

static int tear_down(void **state)
{
    tctl_firewall_close(at.firewall);
    sides_udp_close(&at.udp);
    users_place_remove(&at.place);
    return sides_tear_down(state);
}

/* What the app may do: a bit for each of these. */
enum {
    OUT_A = 1,
    OUT_C = 2,
    IN_A = 4,
    IN_C = 8,
    EVERYTHING = 15,
};

static unsigned int passes(void)
{
    return (sides_udp_out(&at.udp, WIRE_A) ? OUT_A : 0u) | (sides_udp_out(&at.udp, WIRE_C) ? OUT_C : 0u) |
           (sides_udp_in(&at.udp, WIRE_A) ? IN_A : 0u) | (sides_udp_in(&at.udp, WIRE_C) ? IN_C : 0u);
}

static void done(int r)
{
    wall_assert_done(at.firewall, r);
}

static void enable(unsigned int chain, bool on)
{
    done(tctl_firewall_enable(at.firewall, chain, on, 0));
}

static void set(unsigned int chain, bool allow)
{
    done(wall_set(at.firewall, chain, APP_UID, allow, 0));
}

static void assert_saved(const char *lines)
{
    _cleanup_free_ char *expected = NULL, *text = wall_text(at.place.policy);
    assert_return_code(asprintf(&expected, "trafficctl policy 1\n%send\n", lines), errno);
    assert_string_equal(text, expected);
}

static void save(const char *lines)
{
    FILE *file = fopen(at.place.policy, "w");
    assert_non_null(file);
    fprintf(file, "trafficctl policy 1\n%send\n", lines);
    assert_int_equal(fclose(file), 0);
}

static void a_chain_holds_while_it_is_on(void **state)
{
    (void)state;
    set(TCTL_STANDBY, false);
    assert_int_equal(passes(), EVERYTHING);
    enable(TCTL_STANDBY, true);
    assert_int_equal(passes(), 0);
    assert_saved("enable standby\ndeny standby 10001\n");
    enable(TCTL_STANDBY, true); /* holds already */
    set(TCTL_STANDBY, true);
    assert_int_equal(passes(), EVERYTHING);
    set(TCTL_STANDBY, false);
    enable(TCTL_STANDBY, false);
    assert_int_equal(passes(), EVERYTHING);
    assert_saved("deny standby 10001\n");
    assert_true(users_whole(at.sides->users));
}

static void each_chain_is_one_of_its_own(void **state)
{
    (void)state;
    done(tctl_firewall_meter(at.firewall, "va", true, 0));
    done(tctl_firewall_meter(at.firewall, "vc", true, 0));
    for (unsigned int chain = 1; chain <= TCTL_FIREWALL_CHAINS; chain++) {
        enable(chain, true);
        set(chain, false);
        assert_int_equal(passes(), 0);
        set(chain, true);
        assert_int_equal(passes(), EVERYTHING);
        enable(chain, false);
    }
}

static void a_list_is_replaced(void **state)
{
    (void)state;
    const uint32_t both[] = {OTHER_UID, APP_UID}, other = OTHER_UID;
    enable(TCTL_DOZABLE, true);
    assert_int_equal(passes(), 0);
    done(tctl_firewall_replace(at.firewall, TCTL_DOZABLE, both, ARRAY_SIZE(both), 0));
    assert_int_equal(passes(), EVERYTHING);
    done(tctl_firewall_replace(at.firewall, TCTL_DOZABLE, &other, 1, 0));
    assert_int_equal(passes(), 0);
    assert_saved("enable dozable\nallow dozable 10002\n");
    done(tctl_firewall_replace(at.firewall, TCTL_DOZABLE, NULL, 0, 0));
    assert_saved("enable dozable\n");
}

static void an_interface_of_its_own_lets_in(void **state)
{
    (void)state;
    done(tctl_firewall_set_iface(at.firewall, APP_UID, "va", 0));
    assert_int_equal(passes(), OUT_A | OUT_C | IN_A);
    assert_saved("iif 10001 va\n");
    done(tctl_firewall_set_iface(at.firewall, APP_UID, "vc", 0));
    assert_int_equal(passes(), OUT_A | OUT_C | IN_C);
    done(tctl_firewall_lockdown(at.firewall, APP_UID, true, 0));
    assert_int_equal(passes(), OUT_A | OUT_C | IN_C);
    done(tctl_firewall_set_iface(at.firewall, APP_UID, NULL, 0));
    assert_int_equal(passes(), OUT_A | OUT_C);
    assert_saved("lockdown 10001\n");
    done(tctl_firewall_set_iface(at.firewall, APP_UID, "", 0));
    assert_int_equal(passes(), EVERYTHING);
    done(tctl_firewall_lockdown(at.firewall, APP_UID, false, 0));
    done(tctl_firewall_set_iface(at.firewall, APP_UID, NULL, 0));
    assert_int_equal(passes(), EVERYTHING);
    assert_saved("");
}

static void metered_interfaces_are_judged_apart(void **state)
{
    (void)state;
    enable(TCTL_METERED_DENY_USER, true);
    set(TCTL_METERED_DENY_USER, false);
    assert_int_equal(passes(), EVERYTHING);
    done(tctl_firewall_meter(at.firewall, "vc", true, 0));
    assert_int_equal(passes(), OUT_A | IN_A);
    done(tctl_firewall_meter(at.firewall, "vc", false, 0));
    assert_int_equal(passes(), EVERYTHING);
    wall_assert_refused(at.firewall, tctl_firewall_meter(at.firewall, GONE, true, 0), -ENODEV, GONE);
    wall_assert_refused(at.firewall, tctl_firewall_meter(at.firewall, GONE, false, 0), -ENODEV, GONE);
    wall_assert_refused(at.firewall, tctl_firewall_meter(at.firewall, "lo", true, 0), -EINVAL, "loopback");
}

static void a_runtime_change_ends_with_a_restore(void **state)
{
    (void)state;
    enable(TCTL_STANDBY, true);
    done(wall_set(at.firewall, TCTL_STANDBY, APP_UID, false, TCTL_RUNTIME));
    done(tctl_firewall_enable(at.firewall, TCTL_OEM_DENY_1, true, TCTL_RUNTIME));
    done(tctl_firewall_lockdown(at.firewall, OTHER_UID, true, TCTL_RUNTIME));
    done(tctl_firewall_meter(at.firewall, "va", true, TCTL_RUNTIME));
    assert_saved("enable standby\n");
    assert_int_equal(passes(), 0);
    done(tctl_firewall_restore(at.firewall));
    assert_int_equal(passes(), EVERYTHING);
    struct nft_held held = users_held(at.sides->users);
    assert_int_equal(held.policy.switched, TCTL_BIT(TCTL_STANDBY));
    assert_int_equal(held.policy.listed[TCTL_STANDBY].count, 0);
    assert_int_equal(held.policy.lockdown.count, 0);
    assert_int_equal(held.policy.metered_count, 0);
    nft_held_done(&held);
}

static void shut(void)
{
    struct enforcer *enforcer = NULL;
    assert_int_equal(backend_nft.rules_open(at.place.folder, &enforcer), 0);
    assert_int_equal(backend_nft.rules_shut(enforcer), 0);
    backend_nft.rules_done(enforcer);
}

static void nobody_passes_until_all_is_restored(void **state)
{
    (void)state;
    struct tctl_firewall_rules rules;
    set(TCTL_STANDBY, false);
    done(tctl_firewall_lockdown(at.firewall, OTHER_UID, true, TCTL_RUNTIME));
    shut();
    assert_int_equal(passes(), 0);
    wall_assert_refused(at.firewall, tctl_firewall_lockdown(at.firewall, APP_UID, true, TCTL_RUNTIME), 0,
                        "nobody passes");
    assert_int_equal(passes(), 0);
    assert_int_equal(tctl_firewall_read(at.firewall, &rules), 0);
    assert_true(rules.closed);
    assert_int_equal(rules.lockdown_count, 2); /* the rest holds */
    assert_int_equal(rules.chains[TCTL_STANDBY].count, 1);
    tctl_firewall_rules_done(&rules);
    done(tctl_firewall_restore(at.firewall));
    assert_int_equal(passes(), EVERYTHING);
    assert_int_equal(tctl_firewall_read(at.firewall, &rules), 0);
    assert_false(rules.closed);
    assert_int_equal(rules.lockdown_count, 0);
    tctl_firewall_rules_done(&rules);
}

static void assert_iface(const char *expected)
{
    struct tctl_firewall_rules rules;
    assert_int_equal(tctl_firewall_read(at.firewall, &rules), 0);
    assert_int_equal(rules.iface_count, 1);
    assert_int_equal(rules.ifaces[0].uid, APP_UID);
    assert_string_equal(rules.ifaces[0].iface, expected);
    tctl_firewall_rules_done(&rules);
}

/* A change of something else is none of it, and it holds once there is such an interface. */
static void an_interface_that_is_not_there_keeps_its_name(void **state)
{
    (void)state;
    struct tctl_verdict verdict;
    save("deny metered_deny_user 10001\nenable metered_deny_user\niif 10001 " GONE "\nmetered " GONE "\n");
    done(tctl_firewall_restore(at.firewall));
    assert_int_equal(passes(), OUT_A | OUT_C);
    done(tctl_firewall_lockdown(at.firewall, OTHER_UID, true, 0));
    assert_iface(GONE);
    assert_int_equal(passes(), OUT_A | OUT_C);
    assert_int_equal(tctl_firewall_why(at.firewall, APP_UID, "va", false, &verdict), 0);
    assert_string_equal(verdict.reason, "iif");
    ruleset_run("ip link add " GONE " type veth peer name gone1");
    assert_int_equal(tctl_firewall_why(at.firewall, APP_UID, GONE, false, &verdict), 0);
    assert_string_equal(verdict.reason, "metered_deny_user");
    done(tctl_firewall_meter(at.firewall, "vc", true, TCTL_RUNTIME));
    ruleset_run("ip link delete " GONE);
    done(tctl_firewall_meter(at.firewall, GONE, false, 0));
    assert_int_equal(passes(), OUT_A);
    wall_assert_refused(at.firewall, tctl_firewall_set_iface(at.firewall, APP_UID, GONE, 0), -ENODEV, GONE);
}

/* Its mark was never saved. */
static void a_mark_of_an_interface_that_went_can_be_taken_away(void **state)
{
    (void)state;
    ruleset_run("ip link add " GONE " type veth peer name gone1");
    done(tctl_firewall_meter(at.firewall, GONE, true, TCTL_RUNTIME));
    ruleset_run("ip link delete " GONE);
    done(tctl_firewall_meter(at.firewall, GONE, false, TCTL_RUNTIME));
    wall_assert_refused(at.firewall, tctl_firewall_meter(at.firewall, GONE, false, TCTL_RUNTIME), -ENODEV, GONE);
}

static void note(const char *line)
{
    struct tctl_state *state = at.place.state;
    const size_t length = strlen(state->options);
    snprintf(state->options + length, sizeof(state->options) - length, "%s\n", line);
}

static void what_is_open_is_closed_by_a_change(void **state)
{
    (void)state;
    char byte;
    const struct sides_tcp kept = sides_tcp_connect(at.sides, false);
    enable(TCTL_STANDBY, true);
    set(TCTL_STANDBY, false);
    assert_int_equal(recv(kept.app, &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
    set(TCTL_STANDBY, true);
    note("destroy_sockets = yes");
    done(wall_set(at.firewall, TCTL_STANDBY, OTHER_UID, false, 0));
    assert_int_equal(recv(kept.app, &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
    set(TCTL_STANDBY, false);
    assert_int_equal(recv(kept.app, &byte, 1, 0), -1);
    assert_int_equal(errno, ECONNABORTED);
    assert_int_equal(recv(kept.other, &byte, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
    fd_close(kept.app);
    fd_close(kept.other);
}

static void system_uids_are_refused(void **state)
{
    (void)state;
    struct tctl_verdict verdict;
    wall_assert_refused(at.firewall, wall_set(at.firewall, TCTL_STANDBY, 1000, false, 0), -EPERM, "system UID");
    wall_assert_refused(at.firewall, tctl_firewall_set_iface(at.firewall, 1000, "va", 0), -EPERM, "system UID");
    assert_int_equal(tctl_firewall_why(at.firewall, 1000, NULL, true, &verdict), 0);
    assert_true(verdict.pass);
    assert_string_equal(verdict.reason, "system uid");
    save("deny standby 1000\nenable standby\n");
    wall_assert_refused(at.firewall, tctl_firewall_restore(at.firewall), 0, "do not hold");
    done(wall_set(at.firewall, TCTL_STANDBY, 1000, true, 0));
    save("allow dozable 1000\n");
    wall_assert_refused(at.firewall, tctl_firewall_restore(at.firewall), 0, "do not hold");
    done(wall_set(at.firewall, TCTL_DOZABLE, 1000, false, TCTL_RUNTIME)); /* off the list that it is on */
    wall_assert_refused(at.firewall, wall_set(at.firewall, TCTL_DOZABLE, 1000, false, TCTL_RUNTIME), -EPERM,
                        "system UID");
}

/* why says what packets meet. */
static void why_is_what_packets_meet(void **state)
{
    (void)state;
    struct tctl_verdict verdict;
    enable(TCTL_METERED_DENY_ADMIN, true);
    set(TCTL_METERED_DENY_ADMIN, false);
    done(tctl_firewall_set_iface(at.firewall, APP_UID, "vc", 0));
    done(tctl_firewall_meter(at.firewall, "va", true, 0));
    for (unsigned int which = 0; which < 4; which++) {
        assert_int_equal(tctl_firewall_why(at.firewall, APP_UID, which & 1 ? "vc" : "va", !(which & 2), &verdict), 0);
        assert_int_equal(verdict.pass, passes() >> which & 1);
        assert_string_equal(verdict.reason, which & 1 ? "allowed" : "metered_deny_admin");
    }
    done(tctl_firewall_why(at.firewall, APP_UID, NULL, false, &verdict));
    assert_string_equal(verdict.reason, "iif");
    done(tctl_firewall_why(at.firewall, APP_UID, "lo", true, &verdict));
    assert_true(verdict.pass);
    done(tctl_firewall_lockdown(at.firewall, OTHER_UID, true, 0));
    done(tctl_firewall_why(at.firewall, OTHER_UID, NULL, false, &verdict));
    assert_string_equal(verdict.reason, "lockdown");
    shut();
    done(tctl_firewall_why(at.firewall, OTHER_UID, "lo", true, &verdict));
    assert_string_equal(verdict.reason, "closed");
    wall_assert_refused(at.firewall, tctl_firewall_why(at.firewall, APP_UID, GONE, true, &verdict), -ENODEV, GONE);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_chain_holds_while_it_is_on),
        TEST(each_chain_is_one_of_its_own),
        TEST(a_list_is_replaced),
        TEST(an_interface_of_its_own_lets_in),
        TEST(metered_interfaces_are_judged_apart),
        TEST(a_runtime_change_ends_with_a_restore),
        TEST(nobody_passes_until_all_is_restored),
        TEST(an_interface_that_is_not_there_keeps_its_name),
        TEST(a_mark_of_an_interface_that_went_can_be_taken_away),
        TEST(what_is_open_is_closed_by_a_change),
        TEST(system_uids_are_refused),
        TEST(why_is_what_packets_meet),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: nft firewall", tests, NULL, NULL);
}
