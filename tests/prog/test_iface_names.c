/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What becomes of names and rows when interfaces come, are renamed and go: at real maps, filled by the test. */
#include "pinned.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cmocka.h>

#include <trafficctl/traffic.h>

#include "cleanup.h"
#include "iface_kit.h"

#define FIRST TCTL_REMOVED_FIRST

static void a_renamed_interface_keeps_its_rows(void **state)
{
    const struct pinned *pinned = *state;
    kit_set(pinned, 7, "old");
    kit_count(pinned, 7, UID1, 3);
    kit_set(pinned, 7, "new");
    kit_assert_detail(pinned, "old", UID1, 0);
    kit_assert_detail(pinned, "new", UID1, 3);
    kit_assert_names(pinned, 1);
}

static void a_removed_interface_keeps_rows_and_name(void **state)
{
    const struct pinned *pinned = *state;
    kit_set(pinned, 7, "gone0");
    kit_set(pinned, 8, "stays0");
    kit_count(pinned, 7, UID1, 3);
    kit_count(pinned, 8, UID1, 5);
    kit_remove(pinned, 7, "gone0");
    kit_assert_detail(pinned, "gone0", UID1, 3);
    kit_assert_detail(pinned, "stays0", UID1, 5);
    kit_assert_name(pinned, FIRST, "gone0");
    kit_assert_name(pinned, 7, NULL);
    kit_assert_no_rows(pinned, 7);
}

static void a_removed_interface_without_rows_leaves(void **state)
{
    const struct pinned *pinned = *state;
    const struct tctl_iface_base base = {.link.rx_packets = 9};
    const uint32_t index = 7;
    kit_set(pinned, index, "gone0");
    assert_return_code(bpf_map_update_elem(pinned->fd[PIN_IFACE_BASE], &index, &base, BPF_ANY), errno);
    kit_remove(pinned, index, "gone0");
    kit_assert_names(pinned, 0);
    kit_assert_no_rows(pinned, index);
}

static void a_reused_number_is_a_new_interface(void **state)
{
    const struct pinned *pinned = *state;
    kit_set(pinned, 7, "one");
    kit_count(pinned, 7, UID1, 3);
    kit_remove(pinned, 7, "one");
    kit_set(pinned, 7, "two");
    kit_count(pinned, 7, UID1, 4);
    kit_assert_detail(pinned, "one", UID1, 3);
    kit_assert_detail(pinned, "two", UID1, 4);
}

/* However often it comes and goes, it takes one place; UIDs of every interface are summed. */
static void a_used_name_is_added_to(void **state)
{
    const struct pinned *pinned = *state;
    for (uint32_t i = 0; i < 5; i++) {
        kit_set(pinned, 100 + i, "usb0");
        kit_count(pinned, 100 + i, UID1, 3);
        kit_assert_detail(pinned, "usb0", UID1, 3 * (i + 1));
        if (i % 2)
            kit_count(pinned, 100 + i, UID2, 1);
        kit_remove(pinned, 100 + i, "usb0");
        kit_assert_detail(pinned, "usb0", UID1, 3 * (i + 1));
        kit_assert_names(pinned, 1);
        kit_assert_name(pinned, FIRST + i, "usb0");
    }
    kit_assert_detail(pinned, "usb0", UID2, 2);
    kit_assert_share(pinned, UID1, 1);
}

/* What interfaces have beside UIDs' traffic moves with it, word by word. */
static void all_that_is_kept_of_it_moves(void **state)
{
    const struct pinned *pinned = *state;
    uint64_t parts[12], base[8], got[12];
    const uint32_t from = 7, to = FIRST;
    for (uint64_t i = 0; i < 12; i++)
        parts[i] = i + 1;
    memcpy(base, parts, sizeof(base));
    kit_set(pinned, from, "gone0");
    kit_count_iface(pinned, from, 6);
    assert_return_code(bpf_map_update_elem(pinned->fd[PIN_IFACE_PARTS], &from, parts, BPF_ANY), errno);
    assert_return_code(bpf_map_update_elem(pinned->fd[PIN_IFACE_BASE], &from, base, BPF_ANY), errno);
    kit_remove(pinned, from, "gone0");
    kit_assert_no_rows(pinned, from);
    kit_assert_iface(pinned, "gone0", 6);
    assert_return_code(bpf_map_lookup_elem(pinned->fd[PIN_IFACE_PARTS], &to, got), errno);
    assert_memory_equal(got, parts, sizeof(parts));
    assert_return_code(bpf_map_lookup_elem(pinned->fd[PIN_IFACE_BASE], &to, got), errno);
    assert_memory_equal(got, base, sizeof(base));
}

static void what_was_spilled_moves(void **state)
{
    const struct pinned *pinned = *state;
    const struct tctl_spill_key spill = {.map = TCTL_UID_STATS, .key = {.uid = UID1, .iface_index = 7}};
    kit_set(pinned, 7, "gone0");
    for (uint32_t cpu = 0; cpu < (uint32_t)libbpf_num_possible_cpus(); cpu++)
        kit_count_on(pinned, 7, UID1, cpu, 2);
    pinned_put(pinned, PIN_SPILL, &spill, 0, 5);
    kit_remove(pinned, 7, "gone0");
    kit_assert_no_rows(pinned, 7);
    kit_assert_detail(pinned, "gone0", UID1, 5 + 2 * (uint64_t)libbpf_num_possible_cpus());
}

static void what_is_counted_often_moves(void **state)
{
    const struct pinned *pinned = *state;
    const struct tctl_stats_key gone = {.uid = UID1, .iface_index = 7}, other = {.uid = UID1, .iface_index = 8};
    kit_set(pinned, 7, "gone0");
    kit_set(pinned, 8, "other0");
    kit_count(pinned, 7, UID1, 2);
    for (uint32_t cpu = 0; cpu < (uint32_t)libbpf_num_possible_cpus(); cpu++)
        pinned_put_hot(pinned, cpu, cpu, &gone, 5);
    pinned_put_hot(pinned, 0, TCTL_HOT_ROWS - 1, &other, 3);
    kit_remove(pinned, 7, "gone0");
    kit_assert_no_rows(pinned, 7);
    kit_assert_detail(pinned, "gone0", UID1, 2 + 5 * (uint64_t)libbpf_num_possible_cpus());
    kit_assert_detail(pinned, "other0", UID1, 3);
}

static void many_are_removed_in_one_look(void **state)
{
    const struct pinned *pinned = *state;
    struct iface_name gone[200];
    for (uint32_t i = 0; i < 200; i++) {
        gone[i] = (struct iface_name){.index = 1000 - i};
        snprintf(gone[i].name, sizeof(gone[i].name), "veth%u", i / 2); /* two of each name */
        kit_set(pinned, gone[i].index, gone[i].name);
        if (i % 4 < 2)
            kit_count(pinned, gone[i].index, UID1, i + 1);
    }
    kit_remove_all(pinned, gone, 200);
    kit_assert_names(pinned, 50);
    kit_assert_detail(pinned, "veth0", UID1, 1 + 2);
    kit_assert_detail(pinned, "veth98", UID1, 197 + 198);
    kit_assert_detail(pinned, "veth99", UID1, 0);
    kit_assert_share(pinned, UID1, 50);
}

static void the_oldest_fold_when_names_are_half_full(void **state)
{
    const struct pinned *pinned = *state;
    const uint32_t most = pins[PIN_IFACE_INDEX_NAME].entries / 2;
    uint64_t sum = 0;
    for (uint32_t i = 1; i <= most + 10; i++) {
        char name[TCTL_IFNAME_LEN];
        snprintf(name, sizeof(name), "veth%u", i);
        kit_set(pinned, i, name);
        kit_count(pinned, i, UID1, i);
        kit_remove(pinned, i, name);
        sum += i;
        assert_true(kit_names(pinned) <= most);
    }
    kit_assert_names(pinned, most);
    kit_assert_name(pinned, TCTL_REMOVED_ALL, IFACE_NAMES_REMOVED);
    uint64_t folded = 0;
    for (uint64_t i = 1; i <= 11; i++) /* ten too many, and the place of "removed" itself */
        folded += i;
    kit_assert_detail(pinned, IFACE_NAMES_REMOVED, UID1, folded);
    kit_assert_detail(pinned, "veth11", UID1, 0);
    kit_assert_detail(pinned, "veth12", UID1, 12);
    assert_int_equal(kit_sum(pinned, UID1), sum);
    kit_assert_share(pinned, UID1, most);
}

/* Live interfaces alone are no reason: nothing of theirs may go. */
static void living_interfaces_stay_when_names_are_full(void **state)
{
    const struct pinned *pinned = *state;
    const uint32_t room = pins[PIN_IFACE_INDEX_NAME].entries;
    _cleanup_(iface_names_done) struct iface_names names;
    assert_int_equal(iface_names_open(pinned->bpffs, &names), 0);
    for (uint32_t i = 1; i <= room; i++) {
        char name[TCTL_IFNAME_LEN];
        snprintf(name, sizeof(name), "veth%u", i);
        assert_int_equal(iface_names_set(&names, i, name), 0);
        assert_false(names.full);
    }
    kit_count(pinned, 5, UID1, 3);
    assert_int_equal(iface_names_set(&names, room + 1, "toomany"), 0);
    assert_true(names.full);
    kit_assert_name(pinned, room + 1, NULL);
    kit_assert_names(pinned, room);
    /* There is no place for the name of what goes: it is one of the removed. */
    const struct iface_name gone = {.index = 5, .name = "veth5"};
    assert_int_equal(iface_names_remove(&names, &gone, 1), 0);
    kit_assert_detail(pinned, IFACE_NAMES_REMOVED, UID1, 3);
    assert_int_equal(names.folded, 1);
    kit_assert_names(pinned, room - 1);
}

/* Nothing has to be free for what only goes elsewhere. */
static void rows_move_in_full_maps(void **state)
{
    const struct pinned *pinned = *state;
    const uint32_t room = pins[PIN_IFACE_STATS].entries, last = room;
    const struct tctl_iface_base base = {.link.rx_packets = 9};
    struct tctl_stats_value got[64];
    const uint32_t to = FIRST;
    for (uint32_t i = 1; i <= room; i++) {
        kit_count_iface(pinned, i, 3);
        assert_return_code(bpf_map_update_elem(pinned->fd[PIN_IFACE_BASE], &i, &base, BPF_ANY), errno);
    }
    kit_set(pinned, last, "gone0");
    kit_remove(pinned, last, "gone0");
    kit_assert_no_rows(pinned, last);
    kit_assert_name(pinned, to, "gone0");
    assert_return_code(bpf_map_lookup_elem(pinned->fd[PIN_IFACE_BASE], &to, got), errno);
    assert_memory_equal(got, &base, sizeof(base));
    assert_true(libbpf_num_possible_cpus() <= 64);
    assert_return_code(bpf_map_lookup_elem(pinned->fd[PIN_IFACE_STATS], &to, got), errno);
    assert_int_equal(got[0].rx_packets, 3);
}

/* A UID that has been on many interfaces must go on being counted on the next. */
static void the_oldest_fold_when_they_take_half_a_share(void **state)
{
    const struct pinned *pinned = *state;
    kit_limit(pinned, 20);
    for (uint32_t i = 1; i <= 25; i++) {
        char name[TCTL_IFNAME_LEN];
        snprintf(name, sizeof(name), "veth%u", i);
        kit_set(pinned, i, name);
        kit_count(pinned, i, UID1, 1);
        if (i % 5 == 0)
            kit_count(pinned, i, UID2, 1);
        kit_remove(pinned, i, name);
    }
    kit_assert_detail(pinned, IFACE_NAMES_REMOVED, UID1, 15);
    kit_assert_detail(pinned, IFACE_NAMES_REMOVED, UID2, 3);
    kit_assert_detail(pinned, "veth16", UID1, 1);
    assert_int_equal(kit_sum(pinned, UID1), 25);
    kit_assert_share(pinned, UID1, 11);
}

/* What was missed: "gone0" went, 1 was called otherwise, and somebody came and went unheard. */
static void a_look_at_the_kernel_makes_good_what_was_missed(void **state)
{
    const struct pinned *pinned = *state;
    _cleanup_(iface_names_done) struct iface_names names;
    pinned_name(pinned, 1, "before");
    pinned_name(pinned, 4000001, "gone0");
    pinned_name(pinned, 4000002, "empty0");
    kit_count(pinned, 1, UID1, 1);
    kit_count(pinned, 4000001, UID1, 2);
    kit_count(pinned, 4000003, UID1, 3);
    kit_count(pinned, 0, UID1, 4);
    for (int i = 0; i < 2; i++) { /* the second time there is nothing to do */
        assert_int_equal(iface_names_open(pinned->bpffs, &names), 0);
        assert_int_equal(iface_names_compare(&names), 0);
        assert_int_equal(names.folded, i == 0);
        iface_names_done(&names);
        kit_assert_detail(pinned, "lo", UID1, 1);
        kit_assert_detail(pinned, "gone0", UID1, 2);
        kit_assert_detail(pinned, IFACE_NAMES_REMOVED, UID1, 3);
        kit_assert_detail(pinned, "0", UID1, 4);
        kit_assert_name(pinned, 4000002, NULL);
    }
    assert_int_equal(iface_names_open(pinned->bpffs, &names), 0);
}

/* Whoever is killed anywhere in it loses nothing, and doubles one row at most; the next look ends what was begun. */
static void a_kill_loses_nothing(void **state)
{
    const struct pinned *pinned = *state;
    enum { COUNT = 64 };
    struct iface_name gone[COUNT];
    uint64_t doubled = 0;
    for (unsigned int round = 0; round < 40; round++) {
        const uint64_t before = kit_sum(pinned, UID1);
        for (uint32_t i = 0; i < COUNT; i++) {
            gone[i] = (struct iface_name){.index = 4000001 + i};
            snprintf(gone[i].name, sizeof(gone[i].name), "veth%u", i);
            kit_set(pinned, gone[i].index, gone[i].name);
            kit_count(pinned, gone[i].index, UID1, 1);
        }
        kit_kill_in(pinned, gone, COUNT, round);
        _cleanup_(iface_names_done) struct iface_names names;
        assert_int_equal(iface_names_open(pinned->bpffs, &names), 0);
        assert_int_equal(iface_names_compare(&names), 0);
        const uint64_t added = kit_sum(pinned, UID1) - before;
        /* A row holds what all rounds have added to its name so far. */
        assert_in_range(added, COUNT, COUNT + round + 1 + doubled);
        doubled += added - COUNT;
        for (uint32_t i = 0; i < COUNT; i++)
            kit_assert_no_rows(pinned, gone[i].index);
    }
}

#define SHARED(test) cmocka_unit_test_setup_teardown(test, pinned_setup, pinned_teardown)
#define PERCPU(test) cmocka_unit_test_setup_teardown(test, pinned_setup_percpu, pinned_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARED(a_renamed_interface_keeps_its_rows),
        SHARED(a_removed_interface_keeps_rows_and_name),
        PERCPU(a_removed_interface_keeps_rows_and_name),
        SHARED(a_removed_interface_without_rows_leaves),
        SHARED(a_reused_number_is_a_new_interface),
        SHARED(a_used_name_is_added_to),
        PERCPU(a_used_name_is_added_to),
        SHARED(all_that_is_kept_of_it_moves),
        PERCPU(all_that_is_kept_of_it_moves),
        PERCPU(what_was_spilled_moves),
        PERCPU(what_is_counted_often_moves),
        SHARED(many_are_removed_in_one_look),
        PERCPU(many_are_removed_in_one_look),
        SHARED(the_oldest_fold_when_names_are_half_full),
        SHARED(living_interfaces_stay_when_names_are_full),
        SHARED(rows_move_in_full_maps),
        PERCPU(rows_move_in_full_maps),
        SHARED(the_oldest_fold_when_they_take_half_a_share),
        SHARED(a_look_at_the_kernel_makes_good_what_was_missed),
        SHARED(a_kill_loses_nothing),
        PERCPU(a_kill_loses_nothing),
    };

    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: names of interfaces", tests, NULL, NULL);
}
