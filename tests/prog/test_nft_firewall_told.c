/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the firewall says where nf_tables judges: what it cannot do and why, and what others have done to its table. */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend.h"
#include "denial.h"
#include "loader.h"
#include "ruleset.h"
#include "surroundings.h"
#include "users_place.h"
#include "users_table.h"
#include "wall.h"

#define ALICE USERS_FIRST
#define BOB (USERS_FIRST + 1)
#define NOBODY 65534
#define TABLE "inet " NFT_USERS
#define INTACT "as trafficd made it"
#define MAX_FOUND 8

static struct {
    struct users *users;
    struct users_place place;
    struct tctl_firewall *firewall;
    struct tctl_difference found[MAX_FOUND];
} at;

static int set_up(void **state)
{
    int r = users_set_up(state);
    at.users = *state;
    users_put(at.users, NULL);
    users_place_make(&at.place, 0);
    assert_int_equal(tctl_firewall_open(at.place.folder, &at.firewall), 0);
    return r;
}

static int tear_down(void **state)
{
    at.firewall = tctl_firewall_close(at.firewall);
    users_place_remove(&at.place);
    return users_tear_down(state);
}

static void done(int r)
{
    wall_assert_done(at.firewall, r);
}

static void refused(int r, int expected, const char *said)
{
    wall_assert_refused(at.firewall, r, expected, said);
}

/* Something of everything, saved and held. */
static void ask(void)
{
    const uint32_t many[] = {ALICE, BOB, BOB + 1};
    done(tctl_firewall_enable(at.firewall, TCTL_STANDBY, true, 0));
    done(tctl_firewall_replace(at.firewall, TCTL_STANDBY, many, ARRAY_SIZE(many), 0));
    done(tctl_firewall_set_iface(at.firewall, BOB, "lo", 0));
    done(tctl_firewall_lockdown(at.firewall, ALICE, true, 0));
}

static size_t look(void)
{
    size_t count = 0;
    if (tctl_firewall_differences(at.firewall, at.found, MAX_FOUND, &count) < 0)
        fail_msg("%s", tctl_firewall_problem(at.firewall));
    return count;
}

static void assert_found(size_t i, const char *what, const char *asked, const char *holds)
{
    assert_string_equal(at.found[i].what, what);
    assert_string_equal(at.found[i].asked, asked);
    if (!strstr(at.found[i].holds, holds))
        fail_msg("%s: \"%s\" does not say \"%s\"", what, at.found[i].holds, holds);
}

static void assert_only(const char *what, const char *asked, const char *holds)
{
    size_t count = look();
    for (size_t i = 1; i < count && i < MAX_FOUND; i++)
        print_message("%s: %s, %s\n", at.found[i].what, at.found[i].asked, at.found[i].holds);
    assert_int_equal(count, 1);
    assert_found(0, what, asked, holds);
}

static void restored(void)
{
    done(tctl_firewall_restore(at.firewall));
    assert_int_equal(look(), 0);
    assert_true(users_whole(at.users));
    assert_int_equal(users_send(ALICE), EPERM);
}

static void nothing_differs_where_all_is_well(void **state)
{
    (void)state;
    assert_int_equal(look(), 0);
    ask();
    assert_int_equal(look(), 0);
}

/* All of these fail, and nothing is saved by it. */
static void assert_all_refused(int expected, const char *said)
{
    const uint32_t uid = ALICE;
    struct tctl_firewall_rules rules;
    struct tctl_verdict verdict;
    _cleanup_free_ char *before = wall_text(at.place.policy);
    refused(tctl_firewall_enable(at.firewall, TCTL_DOZABLE, true, 0), expected, said);
    refused(tctl_firewall_enable(at.firewall, TCTL_DOZABLE, true, TCTL_RUNTIME), expected, said);
    refused(wall_set(at.firewall, TCTL_DOZABLE, uid, true, 0), expected, said);
    refused(tctl_firewall_replace(at.firewall, TCTL_DOZABLE, &uid, 1, 0), expected, said);
    refused(tctl_firewall_set_iface(at.firewall, uid, "", 0), expected, said);
    refused(tctl_firewall_lockdown(at.firewall, uid, true, 0), expected, said);
    refused(tctl_firewall_read(at.firewall, &rules), expected, said);
    refused(tctl_firewall_why(at.firewall, uid, NULL, true, &verdict), expected, said);
    _cleanup_free_ char *after = wall_text(at.place.policy);
    assert_string_equal(before, after);
}

static void a_table_that_is_gone_is_missed(void **state)
{
    (void)state;
    ask();
    ruleset_run("nft flush ruleset");
    assert_all_refused(-ENOENT, "the table " TABLE " of nf_tables is not there");
    assert_only("table " TABLE, "there", "gone: nobody is counted or judged");
    assert_int_equal(users_send(ALICE), 0);
    restored();
}

static void a_table_in_parts_is_made_whole(void **state)
{
    (void)state;
    ask();
    ruleset_run("nft 'flush chain " TABLE " rules_in; flush chain " TABLE " answer; delete set " TABLE " iif_ok'");
    assert_all_refused(-ENOENT, "not whole");
    assert_int_equal(look(), 2);
    assert_found(0, "nf_tables set iif_ok", INTACT, "gone");
    assert_found(1, "nf_tables chain rules_in and 1 more", INTACT, "changed its rules");
    restored();
    ruleset_run("nft flush table " TABLE);
    assert_int_equal(look(), 1);
    assert_non_null(strstr(at.found[0].what, " more"));
    assert_int_equal(users_send(ALICE), 0);
    restored();
}

/* No firewall of ours ever wrote this. */
static void what_is_not_understood_is_made_anew(void **state)
{
    (void)state;
    ask();
    ruleset_run("nft add element " TABLE " switched { 99 }");
    assert_all_refused(-EBADMSG, "somebody else has written");
    restored();
}

static void a_table_of_others_is_left_alone(void **state)
{
    (void)state;
    ask();
    users_remove(at.users);
    ruleset_run("nft 'add table " TABLE "; add set " TABLE " standby { type uid; }'");
    _cleanup_free_ char *before = ruleset_everything(true);
    assert_all_refused(-EEXIST, "somebody else's");
    assert_only("table " TABLE, "ours", "somebody else's");
    refused(tctl_firewall_restore(at.firewall), -EEXIST, "not ours");
    _cleanup_free_ char *after = ruleset_everything(true);
    assert_string_equal(before, after);
}

struct mutation {
    const char *command, *what, *asked, *holds;
};

static void what_others_change_differs(void **state)
{
    static const struct mutation mutations[] = {
        {"flush chain " TABLE " judge_out", "nf_tables chain judge_out", INTACT, "changed its rules"},
        {"insert rule " TABLE " drop_out_standby accept", "nf_tables chain drop_out_standby", INTACT, "its rules"},
        {"flush chain " TABLE " input; delete chain " TABLE " input", "nf_tables chain input", INTACT, "gone"},
        {"add chain " TABLE " input { policy drop; }", "nf_tables chain input", INTACT, "another policy"},
        {"flush chain " TABLE " count_in; delete counter " TABLE " lost_in", "nf_tables counter lost_in", INTACT,
         "gone"},
        {"add element " TABLE " app_uids { 5 }", "nf_tables set app_uids", INTACT, "other UIDs"},
        {"delete element " TABLE " standby { 10000 }", "uid 10000 in standby", "listed", "not listed"},
        {"delete element " TABLE " standby { 10000, 10001 }", "uid 10000 and 1 more in standby", "listed", "not"},
        {"add element " TABLE " oem_deny_1 { 10001 }", "uid 10001 in oem_deny_1", "not listed", "listed"},
        {"flush set " TABLE " lockdown", "uid 10000 in lockdown", "listed", "not listed"},
        {"add element " TABLE " lockdown { 5 }; delete element " TABLE " lockdown { 10000 }", "uid 10000 in lockdown",
         "listed", "not listed"},
        {"flush set " TABLE " iif_ok", "uid 10001 in iif", "lo", "none that is there"},
        {"add element " TABLE " iif_ruled { 10002 }; add element " TABLE " iif_any { 10002 }", "uid 10002 in iif",
         "no rule", "any"},
        {"add element " TABLE " metered { \"lo\" }", "interface lo", "not metered", "metered"},
    };
    (void)state;
    ask();
    for (size_t i = 0; i < ARRAY_SIZE(mutations); i++) {
        char command[256];
        snprintf(command, sizeof(command), "nft '%s'", mutations[i].command);
        ruleset_run(command);
        assert_true(look() >= 1);
        assert_found(0, mutations[i].what, mutations[i].asked, mutations[i].holds);
        restored();
    }
}

static void switches_that_others_change_differ(void **state)
{
    (void)state;
    ask();
    ruleset_run("nft flush set " TABLE " switched");
    assert_int_equal(look(), 2);
    assert_found(0, "nf_tables chain rules_out and 2 more", INTACT, "changed its rules");
    assert_found(1, "chain standby", "on", "off");
    restored();
}

static void a_policy_that_was_bad_differs(void **state)
{
    (void)state;
    struct enforcer *enforcer = NULL;
    ask();
    assert_int_equal(backend_nft.rules_open(at.place.folder, &enforcer), 0);
    assert_int_equal(backend_nft.rules_shut(enforcer), 0);
    backend_nft.rules_done(enforcer);
    assert_only("firewall", "the saved policy", "nobody passes");
    restored();
}

/* A change holds in the sets, and it is said that nobody asks them. */
static void what_is_not_judged_is_noted(void **state)
{
    (void)state;
    struct tctl_verdict verdict;
    ask();
    ruleset_run("nft flush chain " TABLE " postrouting");
    refused(tctl_firewall_enable(at.firewall, TCTL_OEM_DENY_1, true, 0), 0, "nothing that is sent is judged");
    refused(tctl_firewall_why(at.firewall, ALICE, NULL, true, &verdict), 0, "nothing that is sent is judged");
    ruleset_run("nft flush chain " TABLE " rules_in");
    refused(tctl_firewall_enable(at.firewall, TCTL_OEM_DENY_1, true, TCTL_RUNTIME), 0, "sent or received");
    restored();
    ruleset_run("nft flush chain " TABLE " judge_in");
    refused(tctl_firewall_lockdown(at.firewall, BOB, true, 0), 0, "nothing that is received is judged");
    restored();
}

/* A start lets it sleep until the policy holds in it: that does not wake it. */
static void a_table_that_sleeps_is_filled(void **state)
{
    (void)state;
    ask();
    ruleset_run("nft 'add table " TABLE " { flags dormant; }'");
    ruleset_run("nft flush set " TABLE " standby");
    refused(tctl_firewall_restore(at.firewall), 0, "nothing that is sent or received is judged");
    assert_only("table " TABLE, "at work", "dormant");
    assert_int_equal(users_send(ALICE), 0);
    users_put(at.users, NULL);
    restored();
}

/* A name that the table does not say. */
static void a_rule_for_no_interface_is_shown(void **state)
{
    (void)state;
    struct tctl_firewall_rules rules;
    struct tctl_verdict verdict;
    ruleset_run("nft add element " TABLE " iif_ruled { 10000 }");
    done(tctl_firewall_read(at.firewall, &rules));
    assert_int_equal(rules.iface_count, 1);
    assert_string_equal(rules.ifaces[0].iface, "#0");
    tctl_firewall_rules_done(&rules);
    done(tctl_firewall_why(at.firewall, ALICE, NULL, false, &verdict));
    assert_string_equal(verdict.reason, "iif");
}

static int open_and_say(int expected, const char *said)
{
    struct tctl_firewall *firewall = NULL;
    bool right = tctl_firewall_open(at.place.folder, &firewall) == expected && firewall &&
                 strstr(tctl_firewall_problem(firewall), said);
    tctl_firewall_close(firewall);
    return right ? 0 : 1;
}

static int open_elsewhere(void *context)
{
    (void)context;
    return unshare(CLONE_NEWNET) < 0 ? 2 : open_and_say(-EXDEV, "another network namespace");
}

static int open_as_nobody(void *context)
{
    (void)context;
    return setresuid(NOBODY, NOBODY, NOBODY) < 0 ? 2 : open_and_say(-EACCES, "takes root");
}

/* Its owner below may ask nothing of nf_tables above. */
static int open_in_a_container(void *context)
{
    (void)context;
    FILE *map;
    if (unshare(CLONE_NEWUSER) < 0 || !(map = fopen("/proc/self/uid_map", "w")) || fputs("0 0 1", map) < 0 ||
        fclose(map) != 0)
        return 2;
    return open_and_say(-EACCES, "takes root");
}

/* No bpf(2) is needed for any of it. */
static int change_without_bpf(void *context)
{
    struct tctl_firewall *firewall = NULL;
    struct tctl_verdict verdict = {0};
    size_t count = 1;
    (void)context;
    if (denial_of_bpf(DENIAL_ALL, EPERM) < 0 || tctl_firewall_open(at.place.folder, &firewall) < 0)
        return 1;
    if (tctl_firewall_enable(firewall, TCTL_STANDBY, true, 0) < 0 ||
        wall_set(firewall, TCTL_STANDBY, ALICE, false, 0) < 0)
        return 2;
    if (tctl_firewall_why(firewall, ALICE, NULL, true, &verdict) < 0 || verdict.pass)
        return 3;
    if (tctl_firewall_differences(firewall, NULL, 0, &count) < 0 || count != 0 || tctl_firewall_restore(firewall) < 0)
        return 4;
    tctl_firewall_close(firewall);
    return 0;
}

static void the_firewall_takes_root_here(void **state)
{
    (void)state;
    assert_int_equal(surroundings_wait(surroundings_fork(open_elsewhere, NULL)), 0);
    assert_int_equal(surroundings_wait(surroundings_fork(open_as_nobody, NULL)), 0);
    assert_int_equal(surroundings_wait(surroundings_fork(open_in_a_container, NULL)), 0);
}

static void no_bpf_is_needed(void **state)
{
    (void)state;
    assert_int_equal(surroundings_wait(surroundings_fork(change_without_bpf, NULL)), 0);
    assert_int_equal(users_send(ALICE), EPERM);
    assert_int_equal(users_send(BOB), 0);
}

static void an_unload_is_noticed(void **state)
{
    (void)state;
    struct fault fault = {0};
    struct tctl_firewall_rules rules;
    ask();
    assert_int_equal(loader_unload(at.place.folder, &fault), 0);
    refused(tctl_firewall_enable(at.firewall, TCTL_DOZABLE, true, 0), -ESTALE, "unloaded");
    refused(tctl_firewall_read(at.firewall, &rules), -ESTALE, "unloaded");
    assert_int_equal(open_and_say(-ENOENT, "start trafficd"), 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_differs_where_all_is_well),
        TEST(a_table_that_is_gone_is_missed),
        TEST(a_table_in_parts_is_made_whole),
        TEST(what_is_not_understood_is_made_anew),
        TEST(a_table_of_others_is_left_alone),
        TEST(what_others_change_differs),
        TEST(switches_that_others_change_differ),
        TEST(a_policy_that_was_bad_differs),
        TEST(what_is_not_judged_is_noted),
        TEST(a_table_that_sleeps_is_filled),
        TEST(a_rule_for_no_interface_is_shown),
        TEST(the_firewall_takes_root_here),
        TEST(no_bpf_is_needed),
        TEST(an_unload_is_noticed),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: nft firewall, told", tests, NULL, NULL);
}
