/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The saved policy at a start: what maps that are new come to hold, and that those which were there stay. Root. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "cut_off.h"
#include "policing.h"
#include "policy_file.h"

#define HEAD "trafficctl policy 1\n"
#define SAVED                                                                                                          \
    HEAD "enable standby\nenable oem_deny_2\ndeny standby 10001\ndeny oem_deny_2 10002\niif 10003 plain0\n"            \
         "lockdown 10004\nmetered metered0\nend\n"
#define LAST_GOOD HEAD "enable standby\ndeny standby 10009\nend\n"
#define TORN HEAD "enable standby\ndeny standby 10001\n"
#define FOREIGN "{ \"policy\": 1 }\n"

static char warned[8192];

static void note(const char *text)
{
    strncat(warned, text, sizeof(warned) - strlen(warned) - 1);
    strncat(warned, "\n", sizeof(warned) - strlen(warned) - 1);
}

static void assert_warned(const char *part)
{
    if (!strstr(warned, part))
        fail_msg("no '%s' in: %s", part, warned);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* NULL: no such file. */
static void save(struct policing *policing, const char *text, const char *good)
{
    char path[192];
    snprintf(path, sizeof(path), "%s/lib", policing->folder);
    mkdir(path, 0755);
    unlink(policing->policy);
    snprintf(path, sizeof(path), "%s" POLICY_FILE_GOOD, policing->policy);
    unlink(path);
    if (text)
        write_file(policing->policy, text);
    if (good)
        write_file(path, good);
    policing->fixture->options.policy = policing->policy;
}

static void stop(struct policing *policing)
{
    policing->fixture->loaded = loaded_free(policing->fixture->loaded);
}

/* As a restart of trafficd; after an unload, as a boot. */
static void start(struct policing *policing)
{
    struct fault fault = {0};
    warned[0] = '\0';
    if (loader_start(&policing->fixture->options, true, note, &policing->fixture->loaded, &fault) < 0)
        fail_msg("%s", fault.text);
}

static void boot(struct policing *policing)
{
    stop(policing);
    assert_int_equal(loader_unload(policing->fixture->bpffs, NULL), 0);
    start(policing);
}

static void restart(struct policing *policing)
{
    stop(policing);
    start(policing);
}

static void holds_saved(const struct policing *policing)
{
    assert_int_equal(policing_entry(policing, TCTL_STANDBY, TCTL_CHAIN_SWITCH), 1);
    assert_int_equal(policing_entry(policing, TCTL_STANDBY, 10001), 0);
    assert_int_equal(policing_word(policing, 10002), TCTL_BIT(TCTL_OEM_DENY_2));
    assert_int_equal(policing_word(policing, 10003), TCTL_BIT(TCTL_IFACE_RULE));
    assert_int_equal(policing_iface(policing, 10003), policing_number("plain0"));
    assert_int_equal(policing_word(policing, 10004), TCTL_BIT(TCTL_LOCKDOWN));
    assert_int_not_equal(policing_mark(policing, policing_number("metered0")), POLICING_NO_ROW);
    assert_int_equal(policing_config(policing).chains, TCTL_BIT(TCTL_OEM_DENY_2));
    assert_int_equal(policing_config(policing).closed, 0);
}

static void holds_nothing(const struct policing *policing)
{
    assert_int_equal(policing_entry(policing, TCTL_STANDBY, 10001), POLICING_NO_ROW);
    assert_int_not_equal(policing_entry(policing, TCTL_STANDBY, TCTL_CHAIN_SWITCH), 1);
    assert_int_equal(policing_word(policing, 10002), POLICING_NO_ROW);
    assert_int_equal(policing_config(policing).chains, 0);
}

static void a_boot_brings_the_saved_policy(void **state)
{
    struct policing *policing = *state;
    char good[192];
    struct policy copy = {0};
    save(policing, SAVED, NULL);
    boot(policing);
    holds_saved(policing);
    assert_string_equal(warned, "");
    snprintf(good, sizeof(good), "%s" POLICY_FILE_GOOD, policing->policy);
    assert_int_equal(policy_file_read(good, &copy, NULL), 0);
    assert_int_equal(copy.listed[TCTL_STANDBY].count, 1);
    policy_done(&copy);
}

static void a_boot_without_a_policy_brings_nothing(void **state)
{
    struct policing *policing = *state;
    save(policing, NULL, NULL);
    boot(policing);
    holds_nothing(policing);
    assert_string_equal(warned, "");
}

/* Who blocked somebody, and finds the file gone after a boot, did not ask for everybody to pass. */
static void a_boot_without_the_policy_that_was_there_goes_by_the_copy(void **state)
{
    struct policing *policing = *state;
    save(policing, NULL, LAST_GOOD);
    boot(policing);
    assert_warned("is not there, though ");
    assert_warned("the last good policy holds instead: ");
    assert_int_equal(policing_entry(policing, TCTL_STANDBY, TCTL_CHAIN_SWITCH), 1);
    assert_int_equal(policing_entry(policing, TCTL_STANDBY, 10009), 0);
    policing->fixture->options.on_bad_policy = LOAD_CLOSED;
    boot(policing);
    assert_int_equal(policing_config(policing).closed, 1);
}

/* Whatever the file says: it may have been changed without the maps, and the maps without the file. */
static void a_restart_neither_opens_nor_corrects(void **state)
{
    struct policing *policing = *state;
    static const char *const TEXTS[] = {SAVED, HEAD "end\n", NULL};
    save(policing, SAVED, NULL);
    boot(policing);
    policing_put_entry(policing, TCTL_STANDBY, 10008, 0);
    policing_put_word(policing, 10002, 0);
    for (size_t i = 0; i < ARRAY_SIZE(TEXTS); i++) {
        save(policing, TEXTS[i], NULL);
        restart(policing);
        assert_string_equal(warned, "");
        assert_int_equal(policing_entry(policing, TCTL_STANDBY, 10001), 0);
        assert_int_equal(policing_entry(policing, TCTL_STANDBY, 10008), 0);
        assert_int_equal(policing_word(policing, 10002), 0);
        assert_int_equal(policing_config(policing).chains, TCTL_BIT(TCTL_OEM_DENY_2));
    }
}

/* What that map said is in no other place any more. */
static void a_start_that_misses_a_map_brings_the_policy(void **state)
{
    static const enum pin_id MISSING[] = {PIN_STANDBY_UID, PIN_UID_RULES, PIN_UID_IFACE, PIN_METERED, PIN_CONFIG};
    struct policing *policing = *state;
    save(policing, SAVED, NULL);
    boot(policing);
    for (size_t i = 0; i < ARRAY_SIZE(MISSING); i++) {
        stop(policing);
        assert_return_code(unlink(fixture_path(policing->fixture, pins[MISSING[i]].path)), errno);
        start(policing);
        holds_saved(policing);
    }
}

enum then {
    THEN_KEPT,      /* what the maps hold */
    THEN_LAST_GOOD, /* of the copy */
    THEN_CLOSED,
    THEN_OPEN,
};

static void check_then(const struct policing *policing, enum then then, bool booted)
{
    static const char *const SAYS[] = {
        [THEN_KEPT] = "the rules that the kernel has go on holding",
        [THEN_LAST_GOOD] = "the last good policy holds instead: ",
        [THEN_CLOSED] = "nobody passes whom the firewall may judge until ",
        [THEN_OPEN] = "everybody passes (on_bad_policy = open)",
    };
    assert_warned(SAYS[then]);
    assert_int_equal(policing_config(policing).closed, then == THEN_CLOSED);
    if (then == THEN_OPEN)
        holds_nothing(policing);
    if (then == THEN_KEPT)
        holds_saved(policing);
    if (then == THEN_CLOSED)
        assert_int_equal(policing_entry(policing, TCTL_STANDBY, 10001), booted ? POLICING_NO_ROW : 0);
    if (then == THEN_LAST_GOOD) {
        assert_int_equal(policing_entry(policing, TCTL_STANDBY, 10009), 0);
        assert_int_equal(policing_entry(policing, TCTL_STANDBY, TCTL_CHAIN_SWITCH), 1);
        assert_int_equal(policing_entry(policing, TCTL_STANDBY, 10001), POLICING_NO_ROW);
    }
}

/* As after a boot with the policy that is good, without the programs being loaded anew. */
static void put_back(struct policing *policing)
{
    struct tctl_firewall *firewall = policing_open(policing);
    save(policing, SAVED, NULL);
    assert_int_equal(tctl_firewall_restore(firewall), 0);
    tctl_firewall_close(firewall);
    holds_saved(policing);
}

static void bad(struct policing *policing, const char *text, const char *where)
{
    static const struct {
        enum load_bad_policy key;
        bool boots;
        const char *good;
        enum then then;
    } CASES[] = {
        {LOAD_KEEP, true, LAST_GOOD, THEN_LAST_GOOD}, {LOAD_KEEP, true, NULL, THEN_CLOSED},
        {LOAD_KEEP, true, TORN, THEN_CLOSED},         {LOAD_KEEP, false, LAST_GOOD, THEN_KEPT},
        {LOAD_KEEP, false, NULL, THEN_KEPT},          {LOAD_CLOSED, true, LAST_GOOD, THEN_CLOSED},
        {LOAD_CLOSED, true, NULL, THEN_CLOSED},       {LOAD_CLOSED, false, LAST_GOOD, THEN_CLOSED},
        {LOAD_CLOSED, false, NULL, THEN_CLOSED},      {LOAD_OPEN, true, LAST_GOOD, THEN_OPEN},
        {LOAD_OPEN, true, NULL, THEN_OPEN},           {LOAD_OPEN, false, LAST_GOOD, THEN_OPEN},
        {LOAD_OPEN, false, NULL, THEN_OPEN},
    };
    char place[192];
    snprintf(place, sizeof(place), "%s:%s", policing->policy, where);
    save(policing, SAVED, NULL);
    boot(policing);
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        put_back(policing);
        save(policing, text, CASES[i].good);
        policing->fixture->options.on_bad_policy = CASES[i].key;
        if (CASES[i].boots)
            boot(policing);
        else
            restart(policing);
        assert_warned(place);
        check_then(policing, CASES[i].then, CASES[i].boots);
        policing->fixture->options.on_bad_policy = LOAD_KEEP;
    }
}

static void a_torn_policy_is_refused_and_the_key_says_what_holds(void **state)
{
    bad(*state, TORN, "");
}

static void a_foreign_policy_is_refused_and_the_key_says_what_holds(void **state)
{
    bad(*state, FOREIGN, "1: ");
}

/* A file that says more than the maps have room for is no better than one that cannot be read. */
static void a_policy_that_finds_no_room_closes(void **state)
{
    struct policing *policing = *state;
    save(policing,
         HEAD "enable standby\ndeny standby 10001\ndeny standby 10002\ndeny standby 10003\ndeny standby 10004\n"
              "deny standby 10005\ndeny standby 10006\nend\n",
         NULL);
    boot(policing);
    assert_int_equal(policing_config(policing).closed, 1);
    assert_warned("nobody passes");
    save(policing, HEAD "enable standby\ndeny standby 10001\nend\n", NULL);
    boot(policing);
    assert_int_equal(policing_config(policing).closed, 0);
    assert_string_equal(warned, "");
}

static void who_is_closed_out_stays_so_until_the_policy_is_put_back(void **state)
{
    struct policing *policing = *state;
    save(policing, TORN, NULL);
    boot(policing);
    assert_int_equal(policing_config(policing).closed, 1);
    save(policing, SAVED, NULL);
    restart(policing);
    assert_warned("nobody passes yet");
    assert_int_equal(policing_config(policing).closed, 1);
    struct tctl_firewall *firewall = policing_open(policing);
    assert_int_equal(tctl_firewall_restore(firewall), 0);
    tctl_firewall_close(firewall);
    holds_saved(policing);
}

static void rules_of_system_uids_are_loaded_and_warned_of(void **state)
{
    struct policing *policing = *state;
    save(policing, HEAD "enable standby\ndeny standby 500\ndeny standby 10001\nlockdown 501\nend\n", NULL);
    boot(policing);
    assert_int_equal(policing_entry(policing, TCTL_STANDBY, 500), 0);
    assert_warned(": 2 of its rules do not hold: app_uids does not contain their UIDs, as 501");
    restart(policing);
    assert_warned(": 2 of its rules do not hold");
    warned[0] = '\0';
    policing->fixture->options.app_uids[0] = (struct uid_range){500, 10000};
    assert_int_equal(loader_apply(policing->fixture->loaded, &policing->fixture->options, note, NULL), 0);
    assert_warned(": 1 of its rules do not hold: app_uids does not contain their UIDs, as 10001");
}

/* In a child. Status 0: it went well. */
static int start_once(void *context)
{
    struct loaded *loaded = NULL;
    int r = loader_start(context, false, NULL, &loaded, NULL);
    loaded_free(loaded);
    return r < 0;
}

/* Maps that a boot made and did not come to fill are no maps that were there. */
static void a_boot_that_is_killed_opens_nothing(void **state)
{
    struct policing *policing = *state;
    save(policing, SAVED, NULL);
    stop(policing);
    assert_int_equal(loader_unload(policing->fixture->bpffs, NULL), 0);
    unsigned int change = 1;
    for (; cut_off(start_once, &policing->fixture->options, change); change += CUT_OFF_STEP) {
        start(policing);
        holds_saved(policing);
        stop(policing);
        assert_int_equal(loader_unload(policing->fixture->bpffs, NULL), 0);
    }
    assert_true(change > 5 * CUT_OFF_STEP);
}

#define RESTORE(test) cmocka_unit_test_setup_teardown(test, policing_set_up, policing_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RESTORE(a_boot_brings_the_saved_policy),
        RESTORE(a_boot_without_a_policy_brings_nothing),
        RESTORE(a_boot_without_the_policy_that_was_there_goes_by_the_copy),
        RESTORE(a_restart_neither_opens_nor_corrects),
        RESTORE(a_start_that_misses_a_map_brings_the_policy),
        RESTORE(a_torn_policy_is_refused_and_the_key_says_what_holds),
        RESTORE(a_foreign_policy_is_refused_and_the_key_says_what_holds),
        cmocka_unit_test_setup_teardown(a_policy_that_finds_no_room_closes, policing_set_up_small, policing_tear_down),
        RESTORE(who_is_closed_out_stays_so_until_the_policy_is_put_back),
        RESTORE(rules_of_system_uids_are_loaded_and_warned_of),
        RESTORE(a_boot_that_is_killed_opens_nothing),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: restore", tests, NULL, NULL);
}
