/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What was asked for beside what holds, as trafficctl shows and mends it: status, firewall restore, --runtime. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "wall_kit.h"

#define APP 10001
#define OTHER 10002
#define SYSTEM_CONFIG "app_uids = 10002-20000\nread_group = 20001\n" /* APP is none of them */
#define CLOSED_CONFIG WALL_CONFIG "on_bad_policy = closed\n"
#define DAMAGED "trafficctl policy 1\ndeny standby bob\nend\n"

static const char *text_of(const json_t *object, const char *member)
{
    return json_string_value(json_object_get(object, member));
}

/* status, which must find so many differences; the array, which is the caller's. */
static json_t *differs(const char *state, size_t count)
{
    json_t *status = run_ctl_json(the_world, "status", count ? 4 : 0), *array;

    assert_string_equal(text_of(status, "state"), state);
    array = json_incref(json_object_get(status, "differs"));
    json_decref(status);
    assert_true(json_is_array(array));
    if (json_array_size(array) != count)
        fail_msg("status differs in: %s", json_dumps(array, 0));
    return array;
}

static void assert_differs(const json_t *array, const char *what, const char *asked, const char *holds)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *row = json_array_get(array, i);

        if (strcmp(text_of(row, "what"), what) != 0)
            continue;
        if (!strstr(text_of(row, "asked"), asked) || !strstr(text_of(row, "holds"), holds))
            fail_msg("%s: asked '%s', holds '%s'", what, text_of(row, "asked"), text_of(row, "holds"));
        return;
    }
    fail_msg("%s is not among %s", what, json_dumps(array, 0));
}

static void nothing_differs(void)
{
    json_decref(differs("ok", 0));
    run_ctl(the_world, "status", 0, &said);
    assert_non_null(strstr(said.out, "state: ok\n"));
    assert_non_null(strstr(said.out, "as asked for: yes, rules and programs\n"));
}

static void some_rules(void)
{
    wall("firewall deny standby %d", APP);
    wall("firewall enable standby");
    wall("firewall allow restricted %d", OTHER);
    wall("firewall iif %d a0", APP);
    wall("iface metered a0 on");
}

/* The saved policy is what was asked for; --runtime leaves it alone, status says so, restore ends it. */
static void test_runtime_changes_are_not_saved(void **state)
{
    char saved[4096], now[4096];
    json_t *array;

    (void)state;
    some_rules();
    nothing_differs();
    wall_saved(saved, sizeof(saved));
    assert_non_null(strstr(saved, "deny standby 10001\n"));
    wall("firewall deny standby %d --runtime", OTHER);
    wall("firewall disable --runtime standby");
    wall("firewall enable restricted --runtime");
    wall("firewall iif %d any --runtime", APP);
    wall("firewall lockdown %d on --runtime", OTHER);
    wall("iface metered a0 off --runtime");
    wall_saved(now, sizeof(now));
    assert_string_equal(now, saved);
    wall_chain_is(2, false, 2, APP, OTHER);
    array = differs("degraded", 6);
    assert_differs(array, "uid 10002 in standby", "not listed", "listed");
    assert_differs(array, "chain standby", "on", "off");
    assert_differs(array, "chain restricted", "off", "on");
    assert_differs(array, "uid 10001 in iif", "a0", "any");
    assert_differs(array, "uid 10002 in lockdown", "not listed", "listed");
    assert_differs(array, "interface a0", "metered", "not metered");
    json_decref(array);
    wall("firewall restore");
    wall_chain_is(2, true, 1, APP, 0);
    nothing_differs();
}

static void test_status_as_text(void **state)
{
    (void)state;
    some_rules();
    wall("firewall enable dozable");
    wall("firewall disable standby --runtime");
    run_ctl(the_world, "status", 4, &said);
    assert_string_equal(said.error, "");
    assert_non_null(strstr(said.out, "state: degraded\n"));
    assert_non_null(strstr(said.out, "chains that are on: dozable (1 of 12)\n"));
    assert_non_null(strstr(said.out, "DIFFERS        ASKED FOR  HOLDS\n"));
    assert_non_null(strstr(said.out, "chain standby  on         off\n"));
    assert_null(strstr(said.out, "as asked for"));
}

/* A peer is obeyed and never corrected, and status says what he did. */
static void test_what_a_peer_wrote_stays_until_restore(void **state)
{
    json_t *array;

    (void)state;
    some_rules();
    byte_write(the_world, "traffic_standby_uid_map", OTHER, 0);
    byte_write(the_world, "traffic_dozable_uid_map", TCTL_CHAIN_SWITCH, 1);
    wall("firewall deny standby 10005"); /* changes that and nothing else */
    wall_chain_is(2, true, 3, APP, OTHER);
    wall_chain_is(1, true, 0, 0, 0);
    array = differs("degraded", 2);
    assert_differs(array, "uid 10002 in standby", "not listed", "listed");
    assert_differs(array, "chain dozable", "off", "on");
    json_decref(array);
    wall("firewall restore");
    wall_chain_is(2, true, 2, APP, 10005);
    wall_chain_is(1, false, 0, 0, 0);
    nothing_differs();
}

/* Asking again for what is asked already puts this one thing right. */
static void test_asking_again_mends_one_thing(void **state)
{
    struct udp udp = udp_pair(the_world, APP, AF_INET, 1);

    (void)state;
    some_rules();
    wall("firewall allow standby %d --runtime", APP);
    wall("firewall disable standby --runtime");
    assert_true(sends(&udp));
    wall("firewall deny standby %d", APP);
    json_decref(differs("degraded", 1));
    wall("firewall enable standby");
    assert_false(sends(&udp));
    nothing_differs();
    udp_close(&udp);
}

static void test_a_damaged_policy_is_named(void **state)
{
    json_t *array;

    (void)state;
    wall("firewall deny standby %d", APP);
    wall_save(DAMAGED);
    wall_refuses(1, "policy:2", NULL, "firewall deny standby 10002");
    wall_refuses(1, "policy:2", NULL, "firewall enable standby");
    wall_refuses(1, "policy:2", NULL, "firewall iif 10002 a0");
    wall_refuses(1, "policy:2", NULL, "iface metered a0 on");
    wall_refuses(1, "policy:2", NULL, "firewall restore");
    wall_chain_is(2, false, 1, APP, 0);
    wall("firewall deny standby %d --runtime", OTHER);
    wall_chain_is(2, false, 2, APP, OTHER);
    array = differs("degraded", 1);
    assert_differs(array, "policy", "", "policy:2");
    json_decref(array);
    wall_save("trafficctl policy 1\ndeny standby 10001\n"); /* torn */
    wall_refuses(1, "policy:", NULL, "firewall deny standby 10002");
}

static void test_without_a_policy_nothing_is_restored(void **state)
{
    char path[96];

    (void)state;
    wall("firewall deny standby %d", APP);
    snprintf(path, sizeof(path), "%s/policy", the_world->folder);
    assert_return_code(remove(path), 0);
    wall_refuses(1, "it is not there, though", "policy.good", "firewall restore"); /* lost, not given up */
    wall_refuses(1, "it is not there, though", "policy.good", "firewall enable dozable");
    json_decref(differs("degraded", 1));
    snprintf(path, sizeof(path), "%s/policy.good", the_world->folder);
    assert_return_code(remove(path), 0);
    wall_refuses(1, "nothing was saved", "/policy", "firewall restore");
    wall_chain_is(2, false, 1, APP, 0);
    wall("firewall deny oem_deny_1 %d", OTHER); /* saves what it asks for, and no more */
    json_decref(differs("degraded", 1));
}

/* Its maps are gone, and the policy is left, as after a reboot. */
static void restart_from(const char *policy, const char *config)
{
    assert_int_equal(world_stop_daemon(the_world, SIGTERM, NULL), 0);
    run_ctl(the_world, "unload", 0, &said);
    wall_save(policy);
    assert_int_equal(world_configure(the_world, config), 0);
    assert_int_equal(world_start_daemon(the_world), 0);
}

static void test_closed_is_said_everywhere(void **state)
{
    struct udp udp;
    json_t *rules, *answer, *array;

    (void)state;
    restart_from(DAMAGED, CLOSED_CONFIG);
    udp = udp_pair(the_world, APP, AF_INET, 1);
    assert_false(sends(&udp));
    rules = wall_rules();
    assert_true(json_is_true(json_object_get(rules, "closed")));
    json_decref(rules);
    run_ctl(the_world, "firewall show", 0, &said);
    assert_non_null(strstr(said.out, "closed: the saved policy could not be read"));
    answer = run_ctl_json(the_world, "firewall why 10001 --iface a0", 0);
    assert_string_equal(text_of(answer, "verdict"), "drop");
    assert_string_equal(text_of(answer, "reason"), "closed");
    assert_true(json_is_null(json_object_get(answer, "chain")));
    json_decref(answer);
    run_ctl(the_world, "firewall why 10001", 0, &said);
    assert_non_null(strstr(said.out, "closed: the saved policy could not be read"));
    array = differs("degraded", 2);
    assert_differs(array, "policy", "", "policy:2");
    assert_differs(array, "firewall", "the saved policy", "nobody passes");
    json_decref(array);
    run_ctl(the_world, "-n stats drops", 0, &said);
    assert_non_null(strstr(said.out, "10001  closed "));
    run_ctl(the_world, "firewall allow standby 10001 --runtime", 0, &said);
    assert_non_null(strstr(said.error, "until the policy is restored"));
    wall_save("trafficctl policy 1\nend\n");
    wall("firewall restore");
    assert_true(sends(&udp));
    nothing_differs();
    udp_close(&udp);
}

/* A rule that holds for nobody is said to: app_uids have changed since. */
static void test_a_rule_of_a_system_user_differs(void **state)
{
    json_t *array;

    (void)state;
    restart_from("trafficctl policy 1\ndeny standby 10001\nend\n", SYSTEM_CONFIG);
    array = differs("degraded", 1);
    assert_differs(array, "uid 10001 in standby", "judged", "app_uids");
    json_decref(array);
    wall("firewall allow standby %d", APP); /* it can be taken off, though not put on */
    nothing_differs();
    wall_refuses(1, "uid 10001 ", "app_uids", "firewall deny standby 10001");
}

/* The next test's configuration is the usual one. */
static int as_before(void **state)
{
    restart_from("trafficctl policy 1\nend\n", WALL_CONFIG);
    return wall_teardown(state);
}
#define IN_A_ANEW(test) cmocka_unit_test_setup_teardown(test, wall_setup, as_before)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A(test_runtime_changes_are_not_saved),
        IN_A(test_status_as_text),
        IN_A(test_what_a_peer_wrote_stays_until_restore),
        IN_A(test_asking_again_mends_one_thing),
        IN_A(test_a_damaged_policy_is_named),
        IN_A(test_without_a_policy_nothing_is_restored),
        IN_A_ANEW(test_closed_is_said_everywhere),
        IN_A_ANEW(test_a_rule_of_a_system_user_differs),
    };
    const struct world_options options = {.config = WALL_CONFIG};

    return run_world("saved policy", tests, ARRAY_SIZE(tests), &options);
}
