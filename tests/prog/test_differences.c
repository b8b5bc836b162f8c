/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The saved policy against the maps: each kind of difference, made as a peer or an accident makes it, is found and
 * named, and nothing else is. Root.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <fcntl.h>
#include <net/if.h>

#include "cleanup.h"
#include "fd.h"
#include "loopback.h"
#include "policy_file.h"
#include "scene.h"

#define UID 10001u
#define OTHER 10002u
#define SYSTEM 500u

static void run_ip(const char *words)
{
    char line[256];
    snprintf(line, sizeof(line), "ip %s", words);
    assert_int_equal(system(line), 0);
}

/* A policy with something of everything, saved and enforced. */
static void ask(struct scene *scene)
{
    _cleanup_(policy_done) struct policy policy = {.switched = TCTL_BIT(TCTL_STANDBY) | TCTL_BIT(TCTL_OEM_DENY_2)};
    struct fault fault = {0};
    for (uint32_t uid = 20000; uid < 23000; uid++) {
        assert_int_equal(policy_uids_set(&policy.listed[TCTL_DOZABLE], uid, true), 0);
        assert_int_equal(policy_uids_set(&policy.listed[TCTL_OEM_DENY_2], uid, true), 0);
    }
    assert_int_equal(policy_uids_set(&policy.listed[TCTL_STANDBY], UID, true), 0);
    assert_int_equal(policy_uids_set(&policy.listed[TCTL_RESTRICTED], UID, true), 0);
    assert_int_equal(policy_uids_set(&policy.lockdown, OTHER, true), 0);
    assert_int_equal(policy_set_iface(&policy, UID, "lo"), 0);
    assert_int_equal(policy_set_iface(&policy, OTHER, "not-there"), 0);
    assert_int_equal(policy_set_iface(&policy, 20000, ""), 0);
    assert_int_equal(policy_set_metered(&policy, "v0", true), 0);
    assert_int_equal(policy_set_metered(&policy, "not-there", true), 0);
    assert_int_equal(policy_file_write(scene->policy, &policy, &fault), 0);
    if (enforce_apply(&scene->enforce, &policy, &fault) < 0)
        fail_msg("%s", fault.text);
}

/* The saved policy once more: nothing differs any more. */
static void restore(struct scene *scene)
{
    _cleanup_(policy_done) struct policy policy = {0};
    struct fault fault = {0};
    assert_int_equal(policy_file_read(scene->policy, &policy, &fault), 0);
    if (enforce_apply(&scene->enforce, &policy, &fault) < 0)
        fail_msg("%s", fault.text);
    scene_assert_none(scene);
}

static void nothing_differs_where_all_is_well(void **state)
{
    scene_assert_none(*state);
    ask(*state);
    scene_assert_none(*state);
}

static void remove_row(const struct scene *scene, enum pin_id id, uint32_t key)
{
    _cleanup_fd_ int fd = fixture_pin(scene->fixture, id);
    assert_return_code(bpf_map_delete_elem(fd, &key), errno);
}

static void put_byte(const struct scene *scene, enum pin_id id, uint32_t key, uint8_t value)
{
    fixture_put(scene->fixture, id, &key, &value);
}

static void put_rules(const struct scene *scene, uint32_t uid, uint32_t rules)
{
    fixture_put(scene->fixture, PIN_UID_RULES, &uid, &(struct tctl_uid_rules){.uid = uid, .rules = rules});
}

static void switches_are_compared(void **state)
{
    struct scene *scene = *state;
    const uint32_t zero = 0;
    struct tctl_config config;
    ask(scene);
    put_byte(scene, PIN_STANDBY_UID, TCTL_CHAIN_SWITCH, 0);
    scene_assert_only(scene, "chain standby", "on", "off");
    restore(scene);
    put_byte(scene, PIN_POWERSAVE_UID, TCTL_CHAIN_SWITCH, 1);
    scene_assert_only(scene, "chain powersave", "off", "on");
    restore(scene);
    assert_true(fixture_get(scene->fixture, PIN_CONFIG, &zero, &config));
    config.chains ^= TCTL_BIT(TCTL_OEM_DENY_2) | TCTL_BIT(TCTL_METERED_ALLOW);
    fixture_put(scene->fixture, PIN_CONFIG, &zero, &config);
    assert_int_equal(scene_look(scene), 2);
    assert_string_equal(scene->found[0].what, "chain oem_deny_2");
    assert_string_equal(scene->found[1].what, "chain metered_allow");
    restore(scene);
}

static void lists_are_compared(void **state)
{
    struct scene *scene = *state;
    ask(scene);
    remove_row(scene, PIN_DOZABLE_UID, 20005);
    scene_assert_only(scene, "uid 20005 in dozable", "listed", "not listed");
    for (uint32_t uid = 20006; uid < 20317; uid++)
        remove_row(scene, PIN_DOZABLE_UID, uid);
    scene_assert_only(scene, "uid 20005 and 311 more in dozable", "listed", "not listed");
    put_byte(scene, PIN_DOZABLE_UID, 24001, 7);
    assert_int_equal(scene_look(scene), 2);
    assert_string_equal(scene->found[1].what, "uid 24001 in dozable");
    assert_string_equal(scene->found[1].asked, "not listed");
    restore(scene);
    remove_row(scene, PIN_STANDBY_UID, UID);
    put_byte(scene, PIN_STANDBY_UID, OTHER, 0);
    assert_int_equal(scene_look(scene), 2);
    restore(scene);
    put_rules(scene, 20000, TCTL_BIT(TCTL_IFACE_RULE));
    scene_assert_only(scene, "uid 20000 in oem_deny_2", "listed", "not listed");
    put_rules(scene, 20000, TCTL_BIT(TCTL_IFACE_RULE) | TCTL_BIT(TCTL_OEM_DENY_2) | TCTL_BIT(TCTL_BACKGROUND));
    scene_assert_only(scene, "uid 20000 in background", "not listed", "listed");
    restore(scene);
    put_rules(scene, OTHER, TCTL_BIT(TCTL_IFACE_RULE));
    scene_assert_only(scene, "uid 10002 in lockdown", "listed", "not listed");
    restore(scene);
}

/* What a raw writer may have meant, and what is none of ours. */
static void values_that_say_nothing_are_found(void **state)
{
    struct scene *scene = *state;
    ask(scene);
    put_byte(scene, PIN_DOZABLE_UID, OTHER, 0);
    scene_assert_only(scene, "uid 10002 in traffic_dozable_uid_map", "no row", "allows nothing");
    restore(scene);
    put_byte(scene, PIN_STANDBY_UID, OTHER, 1);
    scene_assert_only(scene, "uid 10002 in traffic_standby_uid_map", "no row", "denies nothing");
    restore(scene);
    fixture_put(scene->fixture, PIN_UID_RULES, &(uint32_t){20001},
                &(struct tctl_uid_rules){.uid = 20002, .rules = TCTL_BIT(TCTL_OEM_DENY_2)});
    scene_assert_only(scene, "uid 20001 in trafficctl/uid_rules", "a row that names its UID", "nothing passes");
    restore(scene);
}

static void put_iface(const struct scene *scene, uint32_t uid, uint32_t iface)
{
    fixture_put(scene->fixture, PIN_UID_IFACE, &uid, &(struct tctl_uid_iface){.uid = uid, .iface = iface});
}

static void interfaces_of_rules_are_compared(void **state)
{
    struct scene *scene = *state;
    ask(scene);
    put_iface(scene, UID, if_nametoindex("v1"));
    scene_assert_only(scene, "uid 10001 in iif", "lo", "v1");
    put_iface(scene, UID, TCTL_ANY_IFACE);
    scene_assert_only(scene, "uid 10001 in iif", "lo", "any");
    put_iface(scene, UID, 4711);
    scene_assert_only(scene, "uid 10001 in iif", "lo", "#4711");
    remove_row(scene, PIN_UID_IFACE, UID);
    scene_assert_only(scene, "uid 10001 in iif", "lo", "none that is there");
    restore(scene);
    put_iface(scene, OTHER, if_nametoindex("v1"));
    scene_assert_only(scene, "uid 10002 in iif", "not-there", "v1");
    put_iface(scene, OTHER, 4711); /* a number that nobody has */
    scene_assert_none(scene);
    put_rules(scene, UID, TCTL_BIT(TCTL_RESTRICTED));
    put_rules(scene, 20000, TCTL_BIT(TCTL_OEM_DENY_2));
    scene_assert_only(scene, "uid 10001 and 1 more in iif", "lo", "no rule");
    restore(scene);
    put_rules(scene, 20001, TCTL_BIT(TCTL_OEM_DENY_2) | TCTL_BIT(TCTL_IFACE_RULE));
    put_iface(scene, 20001, TCTL_ANY_IFACE);
    scene_assert_only(scene, "uid 20001 in iif", "no rule", "any");
    restore(scene);
}

static void metered_interfaces_are_compared(void **state)
{
    struct scene *scene = *state;
    ask(scene);
    remove_row(scene, PIN_METERED, if_nametoindex("v0"));
    scene_assert_only(scene, "interface v0", "metered", "not metered");
    restore(scene);
    put_byte(scene, PIN_METERED, if_nametoindex("v0"), 0);
    scene_assert_only(scene, "interface v0", "metered", "not metered");
    restore(scene);
    put_byte(scene, PIN_METERED, if_nametoindex("v1"), 1);
    scene_assert_only(scene, "interface v1", "not metered", "metered");
    restore(scene);
    put_byte(scene, PIN_METERED, 4711, 1);
    scene_assert_only(scene, "interface #4711", "not metered", "metered");
    restore(scene);
}

static void nobody_asked_for_rules_without_a_policy(void **state)
{
    struct scene *scene = *state;
    ask(scene);
    assert_return_code(unlink(scene->policy), errno);
    remove_row(scene, PIN_STANDBY_UID, UID);
    scene_assert_none(scene);
}

/* Whoever asks for nothing any more takes the copy away too. */
static void a_policy_that_was_lost_is_a_difference(void **state)
{
    struct scene *scene = *state;
    ask(scene);
    assert_int_equal(tctl_firewall_restore(scene->firewall), 0);
    assert_return_code(unlink(scene->policy), errno);
    scene_assert_only(scene, "policy", "a policy that can be read", "it is not there, though");
    assert_int_equal(tctl_firewall_enable(scene->firewall, TCTL_DOZABLE, true, 0), -EBADMSG);
    assert_int_equal(tctl_firewall_restore(scene->firewall), -EBADMSG);
    assert_int_equal(access(scene->policy, F_OK), -1);
}

static void a_bad_policy_is_one_difference(void **state)
{
    struct scene *scene = *state;
    char where[128];
    ask(scene);
    _cleanup_fd_ int fd = open(scene->policy, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_int_equal(write(fd, "trafficctl policy 1\nenable standby\nenable lunch\nend\n", 52), 52);
    snprintf(where, sizeof(where), "%s:3:", scene->policy);
    scene_assert_only(scene, "policy", "a policy that can be read", where);
}

/* Whoever owns the folder could put an older policy there, or take it away for the next boot. */
static void a_policy_in_a_place_of_others_is_a_difference(void **state)
{
    struct scene *scene = *state;
    ask(scene);
    assert_return_code(chown(scene->folder, UID, (gid_t)-1), errno);
    scene_assert_only(scene, "policy", "a policy that can be read", "belongs to UID 10001");
    assert_return_code(unlink(scene->policy), errno);
    scene_assert_only(scene, "policy", "a policy that can be read", "belongs to UID 10001");
    assert_return_code(chown(scene->folder, 0, (gid_t)-1), errno);
    scene_assert_none(scene);
}

static void a_closed_firewall_is_a_difference(void **state)
{
    struct scene *scene = *state;
    ask(scene);
    assert_int_equal(enforce_set_closed(&scene->enforce, true), 0);
    scene_assert_only(scene, "firewall", "the saved policy", "nobody passes");
    assert_int_equal(enforce_set_closed(&scene->enforce, false), 0);
    scene_assert_none(scene);
}

static void rules_that_hold_for_nobody_are_found(void **state)
{
    struct scene *scene = *state;
    put_byte(scene, PIN_STANDBY_UID, SYSTEM, 0);
    put_byte(scene, PIN_STANDBY_UID, SYSTEM + 1, 0);
    put_byte(scene, PIN_STANDBY_UID, UID, 0);
    scene_assert_only(scene, "uid 500 and 1 more in standby", "judged", "app_uids");
    remove_row(scene, PIN_STANDBY_UID, SYSTEM);
    remove_row(scene, PIN_STANDBY_UID, SYSTEM + 1);
    put_rules(scene, SYSTEM, TCTL_BIT(TCTL_LOCKDOWN));
    scene_assert_only(scene, "uid 500 in lockdown", "judged", "app_uids");
    remove_row(scene, PIN_UID_RULES, SYSTEM);

    /* asked for, and not in the maps either */
    _cleanup_(policy_done) struct policy policy = {0};
    struct fault fault = {0};
    assert_int_equal(policy_set_iface(&policy, SYSTEM, "lo"), 0);
    assert_int_equal(policy_file_write(scene->policy, &policy, &fault), 0);
    remove_row(scene, PIN_STANDBY_UID, UID);
    assert_int_equal(scene_look(scene), 2);
    assert_string_equal(scene->found[0].what, "uid 500 in iif");
    assert_string_equal(scene->found[0].asked, "lo");
    assert_string_equal(scene->found[1].asked, "judged");
}

static void more_than_there_is_room_for_are_counted(void **state)
{
    struct scene *scene = *state;
    struct tctl_difference found[2];
    size_t count;
    ask(scene);
    put_byte(scene, PIN_METERED, 4711, 1);
    put_byte(scene, PIN_METERED, 4712, 1);
    put_byte(scene, PIN_METERED, 4713, 1);
    memset(found, 0x55, sizeof(found));
    assert_int_equal(tctl_firewall_differences(scene->firewall, found, 1, &count), 0);
    assert_int_equal(count, 3);
    assert_string_equal(found[0].what, "interface #4711");
    assert_int_equal(found[1].what[0], 0x55);
    assert_int_equal(tctl_firewall_differences(scene->firewall, NULL, 0, &count), 0);
    assert_int_equal(count, 3);
}

/* What is half done then looks so. */
static void differences_are_found_though_a_writer_does_not_end(void **state)
{
    struct scene *scene = *state;
    ask(scene);
    _cleanup_fd_ int folder = open(fixture_path(scene->fixture, TCTL_DIR), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_return_code(folder, errno);
    assert_return_code(flock(folder, LOCK_EX | LOCK_NB), errno);
    put_byte(scene, PIN_METERED, 4711, 1);
    scene_assert_only(scene, "interface #4711", "not metered", "metered");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scene_set_up, scene_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_differs_where_all_is_well),
        TEST(switches_are_compared),
        TEST(lists_are_compared),
        TEST(values_that_say_nothing_are_found),
        TEST(interfaces_of_rules_are_compared),
        TEST(metered_interfaces_are_compared),
        TEST(nobody_asked_for_rules_without_a_policy),
        TEST(a_policy_that_was_lost_is_a_difference),
        TEST(a_bad_policy_is_one_difference),
        TEST(a_policy_in_a_place_of_others_is_a_difference),
        TEST(a_closed_firewall_is_a_difference),
        TEST(rules_that_hold_for_nobody_are_found),
        TEST(differences_are_found_though_a_writer_does_not_end),
        TEST(more_than_there_is_room_for_are_counted),
    };
    loopback_enter();
    run_ip("link add v0 type veth peer name v1");
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: rules that differ", tests, NULL, NULL);
}
