/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A list that does not fit is refused as a whole, said, and has changed nothing: neither in the maps nor on disk. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <trafficctl/firewall.h>

#include "fd.h"
#include "fixture.h"

#define ROOM 20u /* for UIDs and the switch of each chain of netd's */
#define OWN_ROOM (3 * ROOM)
#define FIRST 10001u

static char folder[] = "/tmp/trafficctl-full-XXXXXX", options[120];
static struct tctl_firewall *firewall;
static uint32_t uids[4 * OWN_ROOM];

static int set_up(void **state)
{
    struct fixture *fixture = fixture_new(false);
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(options, sizeof(options), "policy = %s/policy\n", folder);
    fixture->options.effective = options;
    for (int map = LOAD_DOZABLE_UID; map <= LOAD_POWERSAVE_UID; map++)
        fixture->options.entries[map] = ROOM;
    fixture_load(fixture);
    assert_int_equal(tctl_firewall_open(fixture->bpffs, &firewall), 0);
    for (uint32_t i = 0; i < ARRAY_SIZE(uids); i++)
        uids[i] = FIRST + i;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    char command[100];
    snprintf(command, sizeof(command), "rm -r %s", folder);
    assert_int_equal(system(command), 0);
    firewall = tctl_firewall_close(firewall);
    *state = fixture_free(*state);
    return 0;
}

/* All that a change may change, in text: files and the switches and lists of the maps. */
static char *everything(void)
{
    struct tctl_firewall_rules rules;
    char *text = NULL, *files;
    size_t length;
    FILE *stream = open_memstream(&text, &length);
    static const char *const names[] = {"policy", "policy.good", "policy.new"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char path[64];
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        files = NULL;
        int r = fd_read_file(path, 100000, &files);
        fprintf(stream, "%s: %d %s\n", names[i], r, files ?: "");
        free(files);
    }
    assert_int_equal(tctl_firewall_read(firewall, &rules), 0);
    for (unsigned int chain = 1; chain <= TCTL_FIREWALL_CHAINS; chain++) {
        fprintf(stream, "\n%u %d:", chain, rules.chains[chain].enabled);
        for (size_t i = 0; i < rules.chains[chain].count; i++)
            fprintf(stream, " %u", rules.chains[chain].uids[i]);
    }
    for (size_t i = 0; i < rules.lockdown_count; i++)
        fprintf(stream, "\nlockdown %u", rules.lockdown[i]);
    for (size_t i = 0; i < rules.iface_count; i++)
        fprintf(stream, "\niif %u %s", rules.ifaces[i].uid, rules.ifaces[i].iface);
    tctl_firewall_rules_done(&rules);
    fclose(stream);
    return text;
}

static void says(const char *part)
{
    if (!strstr(tctl_firewall_problem(firewall), part))
        fail_msg("'%s' does not say '%s'", tctl_firewall_problem(firewall), part);
}

static void refuses_replace(unsigned int chain, const uint32_t *list, size_t count, unsigned int flags, uint32_t room)
{
    char part[64];
    _cleanup_free_ char *before = everything();
    assert_int_equal(tctl_firewall_replace(firewall, chain, list, count, flags), -E2BIG);
    snprintf(part, sizeof(part), "has room for %u entries", room);
    says(part);
    says("[maps]");
    _cleanup_free_ char *after = everything();
    assert_string_equal(before, after);
}

static void takes_replace(unsigned int chain, const uint32_t *list, size_t count, unsigned int flags)
{
    if (tctl_firewall_replace(firewall, chain, list, count, flags) < 0)
        fail_msg("%s", tctl_firewall_problem(firewall));
}

/* As many as fit do, one more does not, also while others are on the list that need their room until the end. */
static void fills_up(unsigned int chain, unsigned int flags, uint32_t room, uint32_t usable)
{
    bool allows = tctl_chain_is_allow_list(chain);
    takes_replace(chain, uids, usable, flags);
    refuses_replace(chain, uids, usable + 1, flags, room);
    takes_replace(chain, uids, 5, flags);
    refuses_replace(chain, uids, usable + 1, flags, room);
    if (allows) {
        takes_replace(chain, uids + 5, usable - 5, flags);
        takes_replace(chain, uids, 5, flags);
        refuses_replace(chain, uids + 5, usable - 4, flags, room);
    } else {
        takes_replace(chain, uids + 5, usable, flags); /* a deny list loses first */
    }
    takes_replace(chain, NULL, 0, flags);
    takes_replace(chain, uids, usable, flags);
    takes_replace(chain, NULL, 0, flags);
}

/* Where a chain is off, its list changes at once and no order is promised. */
static void in_every_kind_of_chain(unsigned int flags)
{
    static const unsigned int netds[] = {TCTL_DOZABLE, TCTL_STANDBY}, own[] = {TCTL_RESTRICTED, TCTL_OEM_DENY_1};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(tctl_firewall_enable(firewall, netds[i], true, flags), 0);
        assert_int_equal(tctl_firewall_enable(firewall, own[i], true, flags), 0);
    }
    for (size_t i = 0; i < 2; i++) {
        fills_up(netds[i], flags, ROOM, ROOM - 1);
        fills_up(own[i], flags, OWN_ROOM, OWN_ROOM);
    }
}

static void a_full_map_refuses_a_list_and_nothing_is_changed(void **state)
{
    (void)state;
    in_every_kind_of_chain(0);
}

static void a_full_map_refuses_a_runtime_list_too(void **state)
{
    (void)state;
    in_every_kind_of_chain(TCTL_RUNTIME);
}

static void a_full_map_refuses_single_uids_all_or_none(void **state)
{
    (void)state;
    takes_replace(TCTL_STANDBY, uids, ROOM - 3, 0);
    _cleanup_free_ char *before = everything();
    assert_int_equal(tctl_firewall_set(firewall, TCTL_STANDBY, uids + ROOM, 3, false, 0), -E2BIG);
    says("has room for 20 entries");
    _cleanup_free_ char *after = everything();
    assert_string_equal(before, after);
    assert_int_equal(tctl_firewall_set(firewall, TCTL_STANDBY, uids + ROOM, 2, false, 0), 0);
    assert_int_equal(tctl_firewall_set(firewall, TCTL_STANDBY, uids, ROOM - 3, false, 0), 0); /* holds already */
}

/* Room for the switch is kept, or nobody could enable what was filled. */
static void a_full_chain_can_be_switched(void **state)
{
    (void)state;
    takes_replace(TCTL_POWERSAVE, uids, ROOM - 1, 0);
    assert_int_equal(tctl_firewall_enable(firewall, TCTL_POWERSAVE, true, 0), 0);
    assert_int_equal(tctl_firewall_enable(firewall, TCTL_POWERSAVE, false, 0), 0);
    assert_int_equal(tctl_firewall_enable(firewall, TCTL_POWERSAVE, true, 0), 0);
}

/* One row holds all rules of a UID in the nine chains, lockdown and its interface. */
static void a_full_map_has_room_for_more_rules_of_the_same_uids(void **state)
{
    (void)state;
    takes_replace(TCTL_RESTRICTED, uids, OWN_ROOM, 0);
    takes_replace(TCTL_BACKGROUND, uids, OWN_ROOM, 0);
    assert_int_equal(tctl_firewall_lockdown(firewall, uids[0], true, 0), 0);
    _cleanup_free_ char *before = everything();
    assert_int_equal(tctl_firewall_lockdown(firewall, uids[OWN_ROOM], true, 0), -E2BIG);
    says("has room for 60 entries");
    assert_int_equal(tctl_firewall_set_iface(firewall, uids[OWN_ROOM], "", 0), -E2BIG);
    _cleanup_free_ char *after = everything();
    assert_string_equal(before, after);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_full_map_refuses_a_list_and_nothing_is_changed),    TEST(a_full_map_refuses_a_runtime_list_too),
        TEST(a_full_map_refuses_single_uids_all_or_none),          TEST(a_full_chain_can_be_switched),
        TEST(a_full_map_has_room_for_more_rules_of_the_same_uids),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: firewall full", tests, NULL, NULL);
}
