/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What is left of a failure to make the maps hold a policy: what was before, or what cannot be put back is said. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <bpf/bpf.h>

#include "denial.h"
#include "enforcing.h"
#include "execute.h"
#include "surroundings.h"

#define A 10001u
#define B 10002u
#define C 10003u
#define D 10004u
#define E 10005u

/* There is room for four beside the switch. */
static void an_allow_list_needs_room_for_both_a_deny_list_does_not(void **state)
{
    static const uint32_t lists[] = {TCTL_DOZABLE, TCTL_STANDBY};
    const struct policing *policing = *state;

    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        _cleanup_policy_ struct policy two = enforcing_two(lists[i], A, B), others = enforcing_two(lists[i], C, D);
        struct fault fault = {0};
        enforcing_list(&two, lists[i], E);
        enforcing_list(&others, lists[i], E + 1);
        enforcing_apply(policing, &two);
        int r = enforce_apply(&policing->maps, &others, &fault);
        assert_int_equal(r, lists[i] == TCTL_DOZABLE ? -E2BIG : 0);
        _cleanup_policy_ struct policy now = enforcing_held(policing);
        enforcing_assert_same_lists(&now, r < 0 ? &two : &others);
        if (r < 0)
            assert_string_equal(fault.text,
                                "traffic_dozable_uid_map has room for 5 entries: it holds 4, this would take 7; sizes "
                                "are in section [maps] of the configuration");
    }
}

static void a_full_map_takes_as_many_as_it_has_room_for(void **state)
{
    const struct policing *policing = *state;
    _cleanup_policy_ struct policy asked = enforcing_two(TCTL_POWERSAVE, A, B);
    struct fault fault = {0};

    enforcing_list(&asked, TCTL_POWERSAVE, C);
    enforcing_list(&asked, TCTL_POWERSAVE, D);
    asked.switched = 0;
    enforcing_apply(policing, &asked);
    enforcing_list(&asked, TCTL_POWERSAVE, E);
    assert_int_equal(enforce_apply(&policing->maps, &asked, &fault), -E2BIG); /* the switch needs the room */
    policy_uids_set(&asked.listed[TCTL_POWERSAVE], E, false);
    asked.switched = TCTL_BIT(TCTL_POWERSAVE);
    enforcing_apply(policing, &asked);
    _cleanup_policy_ struct policy now = enforcing_held(policing);
    enforcing_assert_same_lists(&now, &asked);
}

/* Between reading the maps and writing them. */
static void what_a_peer_fills_meanwhile_is_taken_back(void **state)
{
    const struct policing *policing = *state;
    _cleanup_(image_done) struct image from = {0}, to = {0};
    _cleanup_(plan_done) struct plan plan = {0};
    _cleanup_policy_ struct policy asked = enforcing_two(TCTL_STANDBY, A, B);
    const uint32_t wanted[] = {C, D, E};
    const struct policy_uids uids = {.uids = (uint32_t *)wanted, .count = ARRAY_SIZE(wanted)};
    struct fault fault = {0};

    enforcing_apply(policing, &asked);
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
    enforcing_list(&asked, TCTL_STANDBY, 10100);
    enforcing_list(&asked, TCTL_STANDBY, 10101);
    _cleanup_policy_ struct policy now = enforcing_held(policing);
    enforcing_assert_same_lists(&now, &asked);
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
    _cleanup_policy_ struct policy asked = enforcing_two(TCTL_DOZABLE, A, B), other = enforcing_everything();
    struct fault fault = {0};
    char said[128];

    enforcing_apply(policing, &asked);
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
    for (size_t i = 0; i < ENFORCING_MAPS; i++) {
        policing_set_up(state);
        refuse_in_one(*state, enforcing_maps[i]);
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
    enforcing_apply(policing, &asked);
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
    struct policy asked = enforcing_two(denied->chain, C, D);
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
    _cleanup_policy_ struct policy before = enforcing_two(denied->chain, A, B);

    enforcing_apply(denied->policing, &before);
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
    _cleanup_policy_ struct policy asked = enforcing_two(TCTL_DOZABLE, C, D);

    replace_while_denied(&batches);
    _cleanup_policy_ struct policy now = enforcing_held(*state);
    enforcing_assert_same_lists(&now, &asked);
}

#define ENFORCE(test) cmocka_unit_test_setup_teardown(test, policing_set_up, policing_tear_down)
#define ENFORCE_SMALL(test) cmocka_unit_test_setup_teardown(test, policing_set_up_small, policing_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENFORCE_SMALL(an_allow_list_needs_room_for_both_a_deny_list_does_not),
        ENFORCE_SMALL(a_full_map_takes_as_many_as_it_has_room_for),
        ENFORCE_SMALL(what_a_peer_fills_meanwhile_is_taken_back),
        cmocka_unit_test(whichever_map_refuses_all_are_as_they_were),
        ENFORCE(an_interface_is_there_as_long_as_its_rule),
        ENFORCE(allowing_comes_first_and_what_cannot_be_taken_back_is_said),
        ENFORCE(what_could_be_written_is_taken_back),
        ENFORCE(kernels_without_batches_take_them_one_by_one),
    };

    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: enforce, failures", tests, NULL, NULL);
}
