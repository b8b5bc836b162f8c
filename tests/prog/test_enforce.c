/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The firewall's maps come to hold a policy: what is written and what is left alone. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "denial.h"
#include "enforcing.h"
#include "surroundings.h"

#define A 10001u
#define B 10002u
#define C 10003u
#define D 10004u

static void new_maps_hold_nothing(void **state)
{
    const struct policy nothing = {0};
    _cleanup_policy_ struct policy now = enforcing_held(*state);

    enforcing_assert_same_lists(&now, &nothing);
    assert_int_equal(now.iface_count, 0);
    assert_int_equal(now.metered_count, 0);
}

static void a_policy_is_what_the_maps_hold_then(void **state)
{
    const struct policing *policing = *state;
    const uint32_t others = ((TCTL_BIT(TCTL_CHAINS) - 1) & ~TCTL_NETD_CHAINS & ~1u) | TCTL_BIT(TCTL_IFACE_RULE);
    _cleanup_policy_ struct policy asked = enforcing_everything();

    enforcing_apply(policing, &asked);
    _cleanup_policy_ struct policy now = enforcing_held(policing);
    enforcing_assert_same_lists(&now, &asked);
    assert_int_equal(now.iface_count, 3);
    assert_string_equal(policy_find_iface(&now, A)->iface, "plain0");
    assert_string_equal(policy_find_iface(&now, B)->iface, "");
    assert_string_equal(policy_find_iface(&now, C)->iface, "#0");
    assert_int_equal(now.metered_count, 1);
    assert_string_equal(now.metered[0], "metered0");

    assert_int_equal(policing_entry(policing, TCTL_DOZABLE, A), 1);
    assert_int_equal(policing_entry(policing, TCTL_STANDBY, A), 0);
    assert_int_equal(policing_entry(policing, TCTL_POWERSAVE, A), 1);
    assert_int_equal(policing_entry(policing, TCTL_DOZABLE, TCTL_CHAIN_SWITCH), 1);
    assert_int_equal(policing_entry(policing, TCTL_POWERSAVE, TCTL_CHAIN_SWITCH), POLICING_NO_ROW);
    assert_int_equal(policing_config(policing).chains, TCTL_BIT(TCTL_OEM_DENY_2));
    assert_int_equal(policing_word(policing, A), others);
    assert_int_equal(policing_iface(policing, A), policing_number("plain0"));
    assert_int_equal(policing_word(policing, B), TCTL_BIT(TCTL_IFACE_RULE) | TCTL_BIT(TCTL_LOCKDOWN));
    assert_int_equal(policing_iface(policing, B), TCTL_ANY_IFACE);
    assert_int_equal(policing_iface(policing, C), TCTL_NO_IFACE);
    assert_int_equal(policing_mark(policing, policing_number("metered0")), 1);
}

static void no_policy_empties_the_maps(void **state)
{
    const struct policing *policing = *state;
    const struct policy nothing = {0};
    _cleanup_policy_ struct policy everything = enforcing_everything();

    enforcing_apply(policing, &everything);
    enforcing_apply(policing, &nothing);
    new_maps_hold_nothing(state);
    assert_int_equal(policing_entry(policing, TCTL_DOZABLE, A), POLICING_NO_ROW);
    assert_int_equal(policing_entry(policing, TCTL_DOZABLE, TCTL_CHAIN_SWITCH), 0);
    assert_int_equal(policing_word(policing, A), POLICING_NO_ROW);
    assert_int_equal(policing_iface(policing, A), POLICING_NO_ROW);
    assert_int_equal(policing_mark(policing, policing_number("metered0")), POLICING_NO_ROW);
}

static void freeze_but(const struct policing *policing, enum pin_id id)
{
    for (size_t i = 0; i < ENFORCING_MAPS; i++)
        if (enforcing_maps[i] != id)
            policing_freeze(policing, enforcing_maps[i]);
}

/* Entries that say the same in other words too. */
static void what_is_right_is_not_written(void **state)
{
    const struct policing *policing = *state;
    _cleanup_policy_ struct policy asked = enforcing_everything();

    policing_put_entry(policing, TCTL_DOZABLE, A, 200);
    enforcing_apply(policing, &asked);
    uint64_t generation = policing_generation(policing);
    freeze_but(policing, PINS);
    enforcing_apply(policing, &asked);
    assert_int_equal(policing_entry(policing, TCTL_DOZABLE, A), 200);
    assert_true(policing_generation(policing) > generation); /* a raw writer's change holds at once */
}

static void only_what_differs_is_written(void **state)
{
    const struct policing *policing = *state;
    _cleanup_policy_ struct policy asked = enforcing_everything();

    enforcing_apply(policing, &asked);
    enforcing_list(&asked, TCTL_STANDBY, B);
    asked.switched ^= TCTL_BIT(TCTL_STANDBY);
    freeze_but(policing, PIN_STANDBY_UID);
    enforcing_apply(policing, &asked);
    assert_int_equal(policing_entry(policing, TCTL_STANDBY, B), 0);
    assert_int_equal(policing_entry(policing, TCTL_STANDBY, TCTL_CHAIN_SWITCH), 0);
}

/* Rows that say nothing or name somebody else. */
static void rubbish_of_raw_writers_goes(void **state)
{
    const struct policing *policing = *state;
    const uint32_t uid = A, iface = policing_number("plain0");
    const struct tctl_uid_rules misnamed = {B, TCTL_BIT(TCTL_OEM_DENY_1)};
    const struct tctl_uid_iface leftover = {C, 7};
    const uint32_t third = C;
    const uint8_t off = 0;
    _cleanup_policy_ struct policy asked = {0};

    enforcing_list(&asked, TCTL_OEM_DENY_1, A);
    policing_put_entry(policing, TCTL_DOZABLE, A, 0);
    policing_put_entry(policing, TCTL_STANDBY, A, 1);
    fixture_put(policing->fixture, PIN_UID_RULES, &uid, &misnamed);
    fixture_put(policing->fixture, PIN_UID_IFACE, &third, &leftover);
    fixture_put(policing->fixture, PIN_METERED, &iface, &off);
    policing_put_word(policing, D, 0);
    enforcing_apply(policing, &asked);
    assert_int_equal(policing_entry(policing, TCTL_DOZABLE, A), POLICING_NO_ROW);
    assert_int_equal(policing_entry(policing, TCTL_STANDBY, A), POLICING_NO_ROW);
    assert_int_equal(policing_word(policing, A), TCTL_BIT(TCTL_OEM_DENY_1));
    assert_int_equal(policing_word(policing, D), POLICING_NO_ROW);
    assert_int_equal(policing_iface(policing, C), POLICING_NO_ROW);
    assert_int_equal(policing_mark(policing, iface), POLICING_NO_ROW);
}

static void applying_ends_what_closed(void **state)
{
    const struct policing *policing = *state;
    const struct policy nothing = {0};
    uint64_t generation = policing_generation(policing);

    assert_int_equal(enforce_set_closed(&policing->maps, true), 0);
    assert_int_equal(policing_config(policing).closed, 1);
    assert_true(policing_generation(policing) > generation);
    enforcing_apply(policing, &nothing);
    assert_int_equal(policing_config(policing).closed, 0);
    assert_int_equal(enforce_set_closed(&policing->maps, true), 0);
    assert_int_equal(enforce_set_closed(&policing->maps, false), 0);
    assert_int_equal(policing_config(policing).closed, 0);
}

/* Of the configuration too, which is the loader's. */
static void the_rest_of_the_configuration_stays(void **state)
{
    const struct policing *policing = *state;
    struct tctl_config before = policing_config(policing);
    _cleanup_policy_ struct policy asked = enforcing_everything();

    enforcing_apply(policing, &asked);
    assert_int_equal(enforce_set_closed(&policing->maps, true), 0);
    struct tctl_config after = policing_config(policing);
    after.closed = before.closed;
    after.chains = before.chains;
    assert_memory_equal(&after, &before, sizeof(after));
}

static const struct policing *watched;
static int waits, waits_at_another_time;

static void look_while_waiting(int number)
{
    (void)number;
    waits++;
    if (policing_entry(watched, TCTL_DOZABLE, TCTL_CHAIN_SWITCH) != 0 || policing_entry(watched, TCTL_DOZABLE, A) != 1)
        waits_at_another_time++;
}

static int empty_watched(void *context)
{
    const struct policy nothing = {0};
    struct fault fault = {0};

    watched = context;
    if (signal(SIGSYS, look_while_waiting) == SIG_ERR || denial_with_signal(__NR_membarrier) < 0)
        return 1;
    int r = enforce_apply(&watched->maps, &nothing, &fault);
    return r == 0 && waits == 1 && waits_at_another_time == 0 ? 0 : 2;
}

/* One that has seen the chain on and asks for the list only now would drop what either policy allows. */
static void an_allow_list_is_emptied_when_no_program_goes_by_it(void **state)
{
    _cleanup_policy_ struct policy asked = enforcing_two(TCTL_DOZABLE, A, B);

    enforcing_apply(*state, &asked);
    assert_int_equal(surroundings_wait(surroundings_fork(empty_watched, *state)), 0);
    assert_int_equal(policing_entry(*state, TCTL_DOZABLE, A), POLICING_NO_ROW);
}

static void thousands_are_replaced(void **state)
{
    const struct policing *policing = *state;
    const uint32_t count = 1900;
    _cleanup_policy_ struct policy asked = {.switched = TCTL_BIT(TCTL_DOZABLE) | TCTL_BIT(TCTL_STANDBY) |
                                                        TCTL_BIT(TCTL_RESTRICTED)};

    for (uint32_t first = 10000; first < 10000 + 3 * count; first += count) {
        uint32_t *uids = reallocarray(NULL, count, sizeof(*uids));
        assert_non_null(uids);
        for (uint32_t i = 0; i < count; i++)
            uids[i] = first + i;
        assert_int_equal(policy_uids_replace(&asked.listed[TCTL_DOZABLE], uids, count), 0);
        assert_int_equal(policy_uids_replace(&asked.listed[TCTL_STANDBY], uids, count), 0);
        assert_int_equal(policy_uids_replace(&asked.listed[TCTL_RESTRICTED], uids, count), 0);
        free(uids);
        enforcing_apply(policing, &asked);
        _cleanup_policy_ struct policy now = enforcing_held(policing);
        enforcing_assert_same_lists(&now, &asked);
    }
}

static void rules_and_marks_follow_interfaces(void **state)
{
    const struct policing *policing = *state;
    _cleanup_policy_ struct policy asked = {0};

    assert_int_equal(policy_set_iface(&asked, A, POLICING_GONE), 0);
    assert_int_equal(policy_set_metered(&asked, POLICING_GONE, true), 0);
    enforcing_apply(policing, &asked);
    assert_int_equal(policing_iface(policing, A), TCTL_NO_IFACE);
    for (int i = 0; i < 2; i++) {
        policing_add_iface(POLICING_GONE);
        uint32_t number = policing_number(POLICING_GONE);
        uint64_t generation = policing_generation(policing);
        assert_int_equal(enforce_follow(&policing->maps, &asked), 0);
        assert_int_equal(policing_iface(policing, A), number);
        assert_int_equal(policing_mark(policing, number), 1);
        assert_true(policing_generation(policing) > generation);
        policing_delete_iface(POLICING_GONE);
        assert_int_equal(enforce_follow(&policing->maps, &asked), 0);
        assert_int_equal(policing_iface(policing, A), TCTL_NO_IFACE);
        assert_int_equal(policing_mark(policing, number), POLICING_NO_ROW);
    }
}

static void rename_iface(const struct policing *policing, const char *from, const char *to)
{
    char line[128], name[TCTL_IFNAME_LEN] = "";
    uint32_t number = policing_number(from);

    snprintf(name, sizeof(name), "%s", from);
    fixture_put(policing->fixture, PIN_IFACE_INDEX_NAME, &number, name); /* as whoever follows it has seen it */
    snprintf(line, sizeof(line), "ip link set %s name %s", from, to);
    assert_int_equal(system(line), 0); /* NOLINT: the test's own words */
}

/* Who has the name has what is asked for of it, not who had it. */
static void rules_and_marks_follow_names(void **state)
{
    const struct policing *policing = *state;
    const uint32_t plain = policing_number("plain0"), metered = policing_number("metered0"), b = B;
    const struct tctl_uid_iface raw = {B, metered};
    _cleanup_policy_ struct policy asked = {0};

    assert_int_equal(policy_set_iface(&asked, A, "metered0"), 0);
    assert_int_equal(policy_set_metered(&asked, "metered0", true), 0);
    enforcing_apply(policing, &asked);
    policing_put_word(policing, B, TCTL_BIT(TCTL_IFACE_RULE));
    fixture_put(policing->fixture, PIN_UID_IFACE, &b, &raw);
    rename_iface(policing, "metered0", "other0");
    assert_int_equal(enforce_follow(&policing->maps, &asked), 0);
    assert_int_equal(policing_mark(policing, metered), POLICING_NO_ROW);
    assert_int_equal(policing_iface(policing, A), TCTL_NO_IFACE);
    assert_int_equal(policing_iface(policing, B), metered); /* nobody's but a peer's: by number */
    rename_iface(policing, "plain0", "metered0");
    assert_int_equal(enforce_follow(&policing->maps, &asked), 0);
    assert_int_equal(policing_mark(policing, plain), 1);
    assert_int_equal(policing_iface(policing, A), plain);
    rename_iface(policing, "metered0", "plain0");
    rename_iface(policing, "other0", "metered0");
    assert_int_equal(enforce_follow(&policing->maps, &asked), 0);
    assert_int_equal(policing_mark(policing, plain), POLICING_NO_ROW);
    assert_int_equal(policing_mark(policing, metered), 1);
    assert_int_equal(policing_iface(policing, A), metered);
}

/* By a name that the policy does not give. */
static void marks_of_peers_stay_with_the_number(void **state)
{
    const struct policing *policing = *state;
    const uint32_t plain = policing_number("plain0");
    _cleanup_policy_ struct policy asked = {0};

    assert_int_equal(policy_set_metered(&asked, "metered0", true), 0);
    enforcing_apply(policing, &asked);
    fixture_put(policing->fixture, PIN_METERED, &plain, &(uint8_t){1});
    rename_iface(policing, "plain0", "other0");
    assert_int_equal(enforce_follow(&policing->maps, &asked), 0);
    assert_int_equal(policing_mark(policing, plain), 1);
    assert_int_equal(policing_mark(policing, policing_number("metered0")), 1);
}

/* What peers have asked for of interfaces that are there, and everything that is not about interfaces. */
static void following_touches_nothing_else(void **state)
{
    const struct policing *policing = *state;
    const uint32_t a = A, plain = policing_number("plain0"), metered = policing_number("metered0");
    const struct tctl_uid_iface raw = {A, metered};
    const uint8_t off = 0;
    _cleanup_policy_ struct policy asked = {0};

    assert_int_equal(policy_set_iface(&asked, A, "plain0"), 0);
    assert_int_equal(policy_set_iface(&asked, B, "plain0"), 0);
    assert_int_equal(policy_set_metered(&asked, "metered0", true), 0);
    enforcing_list(&asked, TCTL_OEM_DENY_1, D);
    policing_put_word(policing, A, TCTL_BIT(TCTL_IFACE_RULE));
    fixture_put(policing->fixture, PIN_UID_IFACE, &a, &raw);
    fixture_put(policing->fixture, PIN_METERED, &metered, &off);
    fixture_put(policing->fixture, PIN_METERED, &plain, &(uint8_t){1});
    policing_put_entry(policing, TCTL_DOZABLE, A, 200);
    freeze_but(policing, PINS);
    assert_int_equal(enforce_follow(&policing->maps, &asked), 0);
    assert_int_equal(policing_iface(policing, A), metered);
    assert_int_equal(policing_iface(policing, B), POLICING_NO_ROW);
}

static void nothing_is_opened_where_nothing_is_pinned(void **state)
{
    struct enforce none;

    (void)state;
    assert_int_equal(enforce_open("/tmp", &none), -ENOENT);
    enforce_done(&none);
}

#define ENFORCE(test) cmocka_unit_test_setup_teardown(test, policing_set_up, policing_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENFORCE(new_maps_hold_nothing),
        ENFORCE(a_policy_is_what_the_maps_hold_then),
        ENFORCE(no_policy_empties_the_maps),
        ENFORCE(what_is_right_is_not_written),
        ENFORCE(only_what_differs_is_written),
        ENFORCE(rubbish_of_raw_writers_goes),
        ENFORCE(applying_ends_what_closed),
        ENFORCE(the_rest_of_the_configuration_stays),
        ENFORCE(an_allow_list_is_emptied_when_no_program_goes_by_it),
        ENFORCE(thousands_are_replaced),
        ENFORCE(rules_and_marks_follow_interfaces),
        ENFORCE(rules_and_marks_follow_names),
        ENFORCE(marks_of_peers_stay_with_the_number),
        ENFORCE(following_touches_nothing_else),
        cmocka_unit_test(nothing_is_opened_where_nothing_is_pinned),
    };

    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: enforce", tests, NULL, NULL);
}
