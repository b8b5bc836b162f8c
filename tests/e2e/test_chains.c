/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The three chains in their simplest form, enabled and listed, written raw into their maps. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fd.h"
#include "kit.h"
#include "traffic_abi.h"

#define APP 10001
#define OTHER_APP 10002
#define SYSTEM 500 /* outside app_uids below */

#define DOZABLE "traffic_dozable_uid_map"
#define STANDBY "traffic_standby_uid_map"
#define POWERSAVE "traffic_powersave_uid_map"

static const struct wire_filter UDP4 = {.family = AF_INET, .protocol = IPPROTO_UDP};

static bool passes(const struct udp *udp)
{
    if (send(udp->a, "x", 1, 0) == 1)
        return true;
    assert_int_equal(errno, EPERM);
    return false;
}

/* A raw write holds within 100 ms. */
static void comes_to(const struct udp *udp, bool expected)
{
    uint64_t start = now_ms();

    while (passes(udp) != expected)
        assert_true(now_ms() - start < PROMISE_MS);
}

/* Still so when every stored answer has expired: as the last thing, after others were seen to change. */
static void stays(const struct udp *udp, bool expected)
{
    policy_raise(the_world);
    assert_int_equal(passes(udp), expected);
}

static void allow_list(const char *chain)
{
    struct udp app = udp_pair(the_world, APP, AF_INET, 1), other = udp_pair(the_world, OTHER_APP, AF_INET, 2);
    struct udp system_user = udp_pair(the_world, SYSTEM, AF_INET, 3);

    byte_write(the_world, chain, APP, 1);
    byte_write(the_world, chain, TCTL_CHAIN_SWITCH, 1);
    comes_to(&other, false);
    stays(&app, true);
    stays(&system_user, true);
    byte_write(the_world, chain, APP, 0); /* listed, but with the value that drops */
    comes_to(&app, false);
    byte_write(the_world, chain, OTHER_APP, 7);
    comes_to(&other, true);
    byte_write(the_world, chain, TCTL_CHAIN_SWITCH, 0);
    comes_to(&app, true);
    byte_remove(the_world, chain, TCTL_CHAIN_SWITCH);
    byte_remove(the_world, chain, APP);
    byte_remove(the_world, chain, OTHER_APP);
    stays(&other, true);
    udp_close(&app);
    udp_close(&other);
    udp_close(&system_user);
}

static void test_dozable_is_an_allow_list(void **state)
{
    (void)state;
    allow_list(DOZABLE);
}

static void test_powersave_is_an_allow_list(void **state)
{
    (void)state;
    allow_list(POWERSAVE);
}

static void test_standby_is_a_deny_list(void **state)
{
    struct udp app = udp_pair(the_world, APP, AF_INET, 1), other = udp_pair(the_world, OTHER_APP, AF_INET, 2);
    struct udp system_user = udp_pair(the_world, SYSTEM, AF_INET, 3);

    (void)state;
    byte_write(the_world, STANDBY, SYSTEM, 0);
    byte_write(the_world, STANDBY, APP, 0);
    stays(&app, true); /* not enabled yet */
    byte_write(the_world, STANDBY, TCTL_CHAIN_SWITCH, 1);
    comes_to(&app, false);
    stays(&other, true);
    stays(&system_user, true);
    byte_remove(the_world, STANDBY, APP);
    comes_to(&app, true);
    byte_remove(the_world, STANDBY, SYSTEM);
    byte_remove(the_world, STANDBY, TCTL_CHAIN_SWITCH);
    udp_close(&app);
    udp_close(&other);
    udp_close(&system_user);
}

/* netd lets a dozable-allowed UID pass although standby denies it; here every chain must agree. */
static void test_one_chain_is_enough_to_block(void **state)
{
    struct udp app = udp_pair(the_world, APP, AF_INET, 1);

    (void)state;
    byte_write(the_world, DOZABLE, APP, 1);
    byte_write(the_world, DOZABLE, TCTL_CHAIN_SWITCH, 1);
    byte_write(the_world, STANDBY, APP, 0);
    byte_write(the_world, STANDBY, TCTL_CHAIN_SWITCH, 1);
    comes_to(&app, false);
    byte_remove(the_world, STANDBY, TCTL_CHAIN_SWITCH);
    byte_remove(the_world, STANDBY, APP);
    byte_remove(the_world, DOZABLE, TCTL_CHAIN_SWITCH);
    byte_remove(the_world, DOZABLE, APP);
    comes_to(&app, true);
    udp_close(&app);
}

/* Dropped on the way in: it crossed the link, so it is counted. Dropped on the way out: it did not. */
static void test_blocked_ingress_is_counted_and_egress_is_not(void **state)
{
    struct udp app = udp_pair(the_world, APP, AF_INET, 1);
    char byte;
    struct meter meter;

    (void)state;
    byte_write(the_world, STANDBY, APP, 0);
    byte_write(the_world, STANDBY, TCTL_CHAIN_SWITCH, 1);
    comes_to(&app, false);
    meter = meter_start(the_world, APP, &UDP4);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(send(app.b, "hello", 5, 0), 5);
        assert_false(passes(&app));
    }
    meter_exact(&meter);
    assert_counters_equal("blocked", meter_counted(&meter), (struct tctl_counters){5 * 33, 5, 0, 0});
    assert_int_equal(recv(app.a, &byte, 1, 0), -1);
    assert_int_equal(errno, EAGAIN);
    byte_remove(the_world, STANDBY, TCTL_CHAIN_SWITCH);
    byte_remove(the_world, STANDBY, APP);
    udp_close(&app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dozable_is_an_allow_list),
        cmocka_unit_test(test_powersave_is_an_allow_list),
        cmocka_unit_test(test_standby_is_a_deny_list),
        cmocka_unit_test(test_one_chain_is_enough_to_block),
        cmocka_unit_test(test_blocked_ingress_is_counted_and_egress_is_not),
    };
    const struct world_options shared = {.config = "app_uids = 10000-20000\n"};
    const struct world_options percpu = {.config = "app_uids = 10000-20000\n", .percpu = true};

    return run_world("chains", tests, ARRAY_SIZE(tests), &shared) +
           run_world("chains", tests, ARRAY_SIZE(tests), &percpu);
}
