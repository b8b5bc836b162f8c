/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The firewall's maps come to hold a policy: what is written, in which order, and what is left of a failure. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "denial.h"
#include "execute.h"
#include "policing.h"
#include "surroundings.h"

#define A 10001u
#define B 10002u
#define C 10003u
#define D 10004u
#define E 10005u

#define ON_DOZABLE TCTL_BIT(TCTL_DOZABLE)
#define _cleanup_policy_ _cleanup_(policy_done)

static void list(struct policy *policy, uint32_t chain, uint32_t uid)
{
    assert_int_equal(policy_uids_set(&policy->listed[chain], uid, true), 0);
}

static struct policy policy_of_two(uint32_t chain, uint32_t one, uint32_t other)
{
    struct policy policy = {.switched = TCTL_BIT(chain)};

    list(&policy, chain, one);
    list(&policy, chain, other);
    return policy;
}

static struct policy policy_of_everything(void)
{
    struct policy policy = {.switched = TCTL_BIT(TCTL_STANDBY) | TCTL_BIT(TCTL_OEM_DENY_2) | ON_DOZABLE};

    for (uint32_t chain = 1; chain < TCTL_CHAINS; chain++) {
        list(&policy, chain, A);
        list(&policy, chain, 10000 + 100 * chain);
    }
    assert_int_equal(policy_uids_set(&policy.lockdown, B, true), 0);
    assert_int_equal(policy_set_iface(&policy, A, "plain0"), 0);
    assert_int_equal(policy_set_iface(&policy, B, ""), 0);
    assert_int_equal(policy_set_iface(&policy, C, POLICING_GONE), 0);
    assert_int_equal(policy_set_metered(&policy, "metered0", true), 0);
    return policy;
}

static void enforce(const struct policing *policing, const struct policy *policy)
{
    struct fault fault = {0};

    if (enforce_apply(&policing->maps, policy, &fault) < 0)
        fail_msg("enforce_apply: %s", fault.text);
    assert_string_equal(fault.text, "");
}

static struct policy held(const struct policing *policing)
{
    struct policy policy;

    assert_int_equal(enforce_read(&policing->maps, &policy), 0);
    return policy;
}

static void assert_same_lists(const struct policy *a, const struct policy *b)
{
    assert_int_equal(a->switched, b->switched);
    for (uint32_t chain = 1; chain < TCTL_CHAINS; chain++) {
        assert_int_equal(a->listed[chain].count, b->listed[chain].count);
        if (a->listed[chain].count)
            assert_memory_equal(a->listed[chain].uids, b->listed[chain].uids, 4 * a->listed[chain].count);
    }
    assert_int_equal(a->lockdown.count, b->lockdown.count);
    if (a->lockdown.count)
        assert_memory_equal(a->lockdown.uids, b->lockdown.uids, 4 * a->lockdown.count);
}

static void new_maps_hold_nothing(void **state)
{
    const struct policy nothing = {0};
    _cleanup_policy_ struct policy now = held(*state);

    assert_same_lists(&now, &nothing);
    assert_int_equal(now.iface_count, 0);
    assert_int_equal(now.metered_count, 0);
}

static void a_policy_is_what_the_maps_hold_then(void **state)
{
    const struct policing *policing = *state;
    const uint32_t others = ((TCTL_BIT(TCTL_CHAINS) - 1) & ~TCTL_NETD_CHAINS & ~1u) | TCTL_BIT(TCTL_IFACE_RULE);
    _cleanup_policy_ struct policy asked = policy_of_everything();

    enforce(policing, &asked);
    _cleanup_policy_ struct policy now = held(policing);
    assert_same_lists(&now, &asked);
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
    _cleanup_policy_ struct policy everything = policy_of_everything();

    enforce(policing, &everything);
    enforce(policing, &nothing);
    new_maps_hold_nothing(state);
    assert_int_equal(policing_entry(policing, TCTL_DOZABLE, A), POLICING_NO_ROW);
    assert_int_equal(policing_entry(policing, TCTL_DOZABLE, TCTL_CHAIN_SWITCH), 0);
    assert_int_equal(policing_word(policing, A), POLICING_NO_ROW);
    assert_int_equal(policing_iface(policing, A), POLICING_NO_ROW);
    assert_int_equal(policing_mark(policing, policing_number("metered0")), POLICING_NO_ROW);
}

static const enum pin_id ALL[] = {PIN_DOZABLE_UID, PIN_STANDBY_UID, PIN_POWERSAVE_UID, PIN_UID_RULES,
                                  PIN_UID_IFACE,   PIN_METERED,     PIN_CONFIG};

static void freeze_but(const struct policing *policing, enum pin_id id)
{
    for (size_t i = 0; i < ARRAY_SIZE(ALL); i++)
        if (ALL[i] != id)
            policing_freeze(policing, ALL[i]);
}

/* Entries that say the same in other words too. */
static void what_is_right_is_not_written(void **state)
{
    const struct policing *policing = *state;
    _cleanup_policy_ struct policy asked = policy_of_everything();

    policing_put_entry(policing, TCTL_DOZABLE, A, 200);
    enforce(policing, &asked);
    uint64_t generation = policing_generation(policing);
    freeze_but(policing, PINS);
    enforce(policing, &asked);
    assert_int_equal(policing_entry(policing, TCTL_DOZABLE, A), 200);
    assert_true(policing_generation(policing) > generation); /* a raw writer's change holds at once */
}

static void only_what_differs_is_written(void **state)
{
    const struct policing *policing = *state;
    _cleanup_policy_ struct policy asked = policy_of_everything();

    enforce(policing, &asked);
    list(&asked, TCTL_STANDBY, B);
    asked.switched ^= TCTL_BIT(TCTL_STANDBY);
    freeze_but(policing, PIN_STANDBY_UID);
    enforce(policing, &asked);
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

    list(&asked, TCTL_OEM_DENY_1, A);
    policing_put_entry(policing, TCTL_DOZABLE, A, 0);
    policing_put_entry(policing, TCTL_STANDBY, A, 1);
    fixture_put(policing->fixture, PIN_UID_RULES, &uid, &misnamed);
    fixture_put(policing->fixture, PIN_UID_IFACE, &third, &leftover);
    fixture_put(policing->fixture, PIN_METERED, &iface, &off);
    policing_put_word(policing, D, 0);
    enforce(policing, &asked);
    assert_int_equal(policing_entry(policing, TCTL_DOZABLE, A), POLICING_NO_ROW);
    assert_int_equal(policing_entry(policing, TCTL_STANDBY, A), POLICING_NO_ROW);
    assert_int_equal(policing_word(policing, A), TCTL_BIT(TCTL_OEM_DENY_1));
    assert_int_equal(policing_word(policing, D), POLICING_NO_ROW);
    assert_int_equal(policing_iface(policing, C), POLICING_NO_ROW);
    assert_int_equal(policing_mark(policing, iface), POLICING_NO_ROW);
}

/* There is room for four beside the switch. */
static void an_allow_list_needs_room_for_both_a_deny_list_does_not(void **state)
{
    static const uint32_t lists[] = {TCTL_DOZABLE, TCTL_STANDBY};
    const struct policing *policing = *state;

    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        _cleanup_policy_ struct policy two = policy_of_two(lists[i], A, B), others = policy_of_two(lists[i], C, D);
        struct fault fault = {0};
        list(&two, lists[i], E);
        list(&others, lists[i], E + 1);
        enforce(policing, &two);
        int r = enforce_apply(&policing->maps, &others, &fault);
        assert_int_equal(r, lists[i] == TCTL_DOZABLE ? -E2BIG : 0);
        _cleanup_policy_ struct policy now = held(policing);
        assert_same_lists(&now, r < 0 ? &two : &others);
        if (r < 0)
            assert_string_equal(fault.text,
                                "traffic_dozable_uid_map has room for 5 entries: it holds 4, this would take 7; sizes "
                                "are in section [maps] of the configuration");
    }
}

static void a_full_map_takes_as_many_as_it_has_room_for(void **state)
{
    const struct policing *policing = *state;
    _cleanup_policy_ struct policy asked = policy_of_two(TCTL_POWERSAVE, A, B);
    struct fault fault = {0};

    list(&asked, TCTL_POWERSAVE, C);
    list(&asked, TCTL_POWERSAVE, D);
    asked.switched = 0;
    enforce(policing, &asked);
    list(&asked, TCTL_POWERSAVE, E);
    assert_int_equal(enforce_apply(&policing->maps, &asked, &fault), -E2BIG); /* the switch needs the room */
    policy_uids_set(&asked.listed[TCTL_POWERSAVE], E, false);
    asked.switched = TCTL_BIT(TCTL_POWERSAVE);
    enforce(policing, &asked);
    _cleanup_policy_ struct policy now = held(policing);
    assert_same_lists(&now, &asked);
}

/* Between reading the maps and writing them. */
static void what_a_peer_fills_meanwhile_is_taken_back(void **state)
{
    const struct policing *policing = *state;
    _cleanup_(image_done) struct image from = {0}, to = {0};
    _cleanup_(plan_done) struct plan plan = {0};
    _cleanup_policy_ struct policy asked = policy_of_two(TCTL_STANDBY, A, B);
    const uint32_t wanted[] = {C, D, E};
    const struct policy_uids uids = {.uids = (uint32_t *)wanted, .count = ARRAY_SIZE(wanted)};
    struct fault fault = {0};

    enforce(policing, &asked);
    assert_int_equal(image_read(&policing->maps, &from), 0);
    assert_int_equal(image_copy(&from, &to), 0);
    assert_int_equal(image_edit(&to, TCTL_STANDBY, &uids, IMAGE_REPLACE), 0);
    assert_int_equal(plan_make(&from, &to, &plan), 0);
    assert_int_equal(plan_check(&plan, &policing->maps, &fault), 0);
    policing_put_entry(policing, TCTL_STANDBY, 10100, 0);
    policing_put_entry(policing, TCTL_STANDBY, 10101, 0);
    uint64_t generation = policing_generation(policing);
    assert_int_equal(execute_plan(&plan, &policing->maps, &fault), -E2BIG);
    assert_string_equal(fault.text, "cannot write traffic_standby_uid_map: somebody else has filled it meanwhile");
    assert_true(policing_generation(policing) > generation);
    list(&asked, TCTL_STANDBY, 10100);
    list(&asked, TCTL_STANDBY, 10101);
    _cleanup_policy_ struct policy now = held(policing);
    assert_same_lists(&now, &asked);
}

static void assert_same_images(const struct image *a, const struct image *b)
{
    assert_int_equal(a->switched, b->switched);
    assert_int_equal(a->closed, b->closed);
    for (size_t map = 0; map < IMAGE_MAPS; map++) {
        assert_int_equal(a->maps[map].count, b->maps[map].count);
        for (size_t i = 0; i < a->maps[map].count; i++) {
            assert_int_equal(a->maps[map].rows[i].key, b->maps[map].rows[i].key);
            assert_int_equal(a->maps[map].rows[i].value, b->maps[map].rows[i].value);
        }
    }
}

static void refuse_in_one(const struct policing *policing, enum pin_id id)
{
    _cleanup_(image_done) struct image before = {0}, after = {0};
    _cleanup_policy_ struct policy asked = policy_of_two(TCTL_DOZABLE, A, B), other = policy_of_everything();
    struct fault fault = {0};
    char said[128];

    enforce(policing, &asked);
    assert_int_equal(enforce_set_closed(&policing->maps, true), 0);
    assert_int_equal(image_read(&policing->maps, &before), 0);
    policing_freeze(policing, id);
    uint64_t generation = policing_generation(policing);
    assert_int_equal(enforce_apply(&policing->maps, &other, &fault), -EPERM);
    snprintf(said, sizeof(said), "cannot write %s: Operation not permitted", pins[id].path);
    assert_string_equal(fault.text, said);
    assert_true(policing_generation(policing) > generation);
    assert_int_equal(image_read(&policing->maps, &after), 0);
    assert_same_images(&before, &after);
}

/* Before others were written and after. */
static void whichever_map_refuses_all_are_as_they_were(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(ALL); i++) {
        policing_set_up(state);
        refuse_in_one(*state, ALL[i]);
        policing_tear_down(state);
    }
}

/* The row goes after the bit; that it cannot puts the bit back. */
static void an_interface_is_there_as_long_as_its_rule(void **state)
{
    const struct policing *policing = *state;
    const struct policy nothing = {0};
    _cleanup_policy_ struct policy asked = {0};
    struct fault fault = {0};

    assert_int_equal(policy_set_iface(&asked, A, "plain0"), 0);
    enforce(policing, &asked);
    policing_freeze(policing, PIN_UID_IFACE);
    assert_int_equal(enforce_apply(&policing->maps, &nothing, &fault), -EPERM);
    assert_int_equal(policing_word(policing, A), TCTL_BIT(TCTL_IFACE_RULE));
    assert_int_equal(policing_iface(policing, A), policing_number("plain0"));
}

struct denied {
    const struct policing *policing;
    uint32_t chain;
    uint64_t commands;
    int error, expected;
    const char *said;
};

static int replace_denied(void *context)
{
    const struct denied *denied = context;
    struct policy asked = policy_of_two(denied->chain, C, D);
    struct fault fault = {0};

    if (denial_of_bpf(denied->commands, denied->error) < 0)
        return 1;
    int r = enforce_apply(&denied->policing->maps, &asked, &fault);
    policy_done(&asked);
    if (r == denied->expected && strcmp(fault.text, denied->said) == 0)
        return 0;
    fprintf(stderr, "%d: %s\n", r, fault.text);
    return 2;
}

static void replace_while_denied(const struct denied *denied)
{
    _cleanup_policy_ struct policy before = policy_of_two(denied->chain, A, B);

    enforce(denied->policing, &before);
    assert_int_equal(surroundings_wait(surroundings_fork(replace_denied, (void *)denied)), 0);
}

static const uint64_t UPDATES = DENIAL_OF(BPF_MAP_UPDATE_ELEM) | DENIAL_OF(BPF_MAP_UPDATE_BATCH);
static const uint64_t DELETES = DENIAL_OF(BPF_MAP_DELETE_ELEM) | DENIAL_OF(BPF_MAP_DELETE_BATCH);

/* Which of them was done first is to be seen by whom else the failure left. */
static void allowing_comes_first_and_what_cannot_be_taken_back_is_said(void **state)
{
    const struct denied deletes = {*state,
                                   TCTL_DOZABLE,
                                   DELETES,
                                   EIO,
                                   -EIO,
                                   "cannot write traffic_dozable_uid_map: Input/output error; it could not all be "
                                   "taken back; dozable holds 2 of 2 UIDs of the old list and 2 of 2 of the new one"};
    const struct denied updates = {*state,
                                   TCTL_STANDBY,
                                   UPDATES,
                                   EIO,
                                   -EIO,
                                   "cannot write traffic_standby_uid_map: Input/output error; it could not all be "
                                   "taken back; standby holds 0 of 2 UIDs of the old list and 0 of 2 of the new one"};

    replace_while_denied(&deletes);
    assert_int_equal(policing_entry(*state, TCTL_DOZABLE, A), 1);
    assert_int_equal(policing_entry(*state, TCTL_DOZABLE, C), 1);
    replace_while_denied(&updates);
    assert_int_equal(policing_entry(*state, TCTL_STANDBY, A), POLICING_NO_ROW);
}

static void what_could_be_written_is_taken_back(void **state)
{
    const struct denied deletes = {*state, TCTL_STANDBY, DELETES,
                                   EIO,    -EIO,         "cannot write traffic_standby_uid_map: Input/output error"};
    const struct denied updates = {
        *state, TCTL_POWERSAVE, UPDATES, EIO, -EIO, "cannot write traffic_powersave_uid_map: Input/output error"};

    replace_while_denied(&deletes);
    assert_int_equal(policing_entry(*state, TCTL_STANDBY, A), 0);
    replace_while_denied(&updates);
    assert_int_equal(policing_entry(*state, TCTL_POWERSAVE, A), 1);
}

static void kernels_without_batches_take_them_one_by_one(void **state)
{
    const struct denied batches = {*state,
                                   TCTL_DOZABLE,
                                   DENIAL_OF(BPF_MAP_UPDATE_BATCH) | DENIAL_OF(BPF_MAP_DELETE_BATCH) |
                                       DENIAL_OF(BPF_MAP_LOOKUP_BATCH),
                                   EINVAL,
                                   0,
                                   ""};
    _cleanup_policy_ struct policy asked = policy_of_two(TCTL_DOZABLE, C, D);

    replace_while_denied(&batches);
    _cleanup_policy_ struct policy now = held(*state);
    assert_same_lists(&now, &asked);
}

static void applying_ends_what_closed(void **state)
{
    const struct policing *policing = *state;
    const struct policy nothing = {0};
    uint64_t generation = policing_generation(policing);

    assert_int_equal(enforce_set_closed(&policing->maps, true), 0);
    assert_int_equal(policing_config(policing).closed, 1);
    assert_true(policing_generation(policing) > generation);
    enforce(policing, &nothing);
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
    _cleanup_policy_ struct policy asked = policy_of_everything();

    enforce(policing, &asked);
    assert_int_equal(enforce_set_closed(&policing->maps, true), 0);
    struct tctl_config after = policing_config(policing);
    after.closed = before.closed;
    after.chains = before.chains;
    assert_memory_equal(&after, &before, sizeof(after));
}

static void thousands_are_replaced(void **state)
{
    const struct policing *policing = *state;
    const uint32_t count = 1900;
    _cleanup_policy_ struct policy asked = {.switched =
                                                ON_DOZABLE | TCTL_BIT(TCTL_STANDBY) | TCTL_BIT(TCTL_RESTRICTED)};

    for (uint32_t first = 10000; first < 10000 + 3 * count; first += count) {
        uint32_t *uids = reallocarray(NULL, count, sizeof(*uids));
        assert_non_null(uids);
        for (uint32_t i = 0; i < count; i++)
            uids[i] = first + i;
        assert_int_equal(policy_uids_replace(&asked.listed[TCTL_DOZABLE], uids, count), 0);
        assert_int_equal(policy_uids_replace(&asked.listed[TCTL_STANDBY], uids, count), 0);
        assert_int_equal(policy_uids_replace(&asked.listed[TCTL_RESTRICTED], uids, count), 0);
        free(uids);
        enforce(policing, &asked);
        _cleanup_policy_ struct policy now = held(policing);
        assert_same_lists(&now, &asked);
    }
}

static void rules_and_marks_follow_interfaces(void **state)
{
    const struct policing *policing = *state;
    _cleanup_policy_ struct policy asked = {0};

    assert_int_equal(policy_set_iface(&asked, A, POLICING_GONE), 0);
    assert_int_equal(policy_set_metered(&asked, POLICING_GONE, true), 0);
    enforce(policing, &asked);
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
    list(&asked, TCTL_OEM_DENY_1, D);
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
#define ENFORCE_SMALL(test) cmocka_unit_test_setup_teardown(test, policing_set_up_small, policing_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENFORCE(new_maps_hold_nothing),
        ENFORCE(a_policy_is_what_the_maps_hold_then),
        ENFORCE(no_policy_empties_the_maps),
        ENFORCE(what_is_right_is_not_written),
        ENFORCE(only_what_differs_is_written),
        ENFORCE(rubbish_of_raw_writers_goes),
        ENFORCE_SMALL(an_allow_list_needs_room_for_both_a_deny_list_does_not),
        ENFORCE_SMALL(a_full_map_takes_as_many_as_it_has_room_for),
        ENFORCE_SMALL(what_a_peer_fills_meanwhile_is_taken_back),
        cmocka_unit_test(whichever_map_refuses_all_are_as_they_were),
        ENFORCE(an_interface_is_there_as_long_as_its_rule),
        ENFORCE(allowing_comes_first_and_what_cannot_be_taken_back_is_said),
        ENFORCE(what_could_be_written_is_taken_back),
        ENFORCE(kernels_without_batches_take_them_one_by_one),
        ENFORCE(applying_ends_what_closed),
        ENFORCE(the_rest_of_the_configuration_stays),
        ENFORCE(thousands_are_replaced),
        ENFORCE(rules_and_marks_follow_interfaces),
        ENFORCE(following_touches_nothing_else),
        cmocka_unit_test(nothing_is_opened_where_nothing_is_pinned),
    };

    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: enforce", tests, NULL, NULL);
}
