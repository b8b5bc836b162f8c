/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Which series are exported: no counter goes back, whatever rows come, grow and go. */
#include "unit.h"

#include <stdbool.h>
#include <string.h>

#include "series.h"

#define MAX_ROWS 256

static struct collect_row rows[MAX_ROWS];

/* Users from 0 on at each of the devices, all of their counters this. */
static struct collect_rows rows_of(uint32_t users, const char *const *devices, size_t device_count, uint64_t value)
{
    struct collect_rows made = {rows, 0};

    for (uint32_t uid = 0; uid < users; uid++)
        for (size_t i = 0; i < device_count; i++) {
            struct collect_row *row = &rows[made.count++];
            assert_true(made.count <= MAX_ROWS);
            *row = (struct collect_row){.uid = uid, .counters = {value, value, value, value}};
            strcpy(row->device, devices[i]);
        }
    return made;
}

static const char *const ONE[] = {"a0"}, *const MANY[] = {"a0", "a1", "a2", "a3", "a4", "other", "z9"};

static size_t pairs_of(const struct series *series)
{
    return series->member_count - series->collapsed + series->others.count;
}

static const struct collect_row *other_of(const struct series *series, const char *device)
{
    for (size_t i = 0; i < series->others.count; i++)
        if (strcmp(series->others.rows[i].device, device) == 0)
            return &series->others.rows[i];
    fail_msg("no others at %s", device);
    return NULL;
}

static bool has_own(const struct series *series, uint32_t uid, const char *device)
{
    for (size_t i = 0; i < series->member_count; i++)
        if (series->members[i].row.uid == uid && strcmp(series->members[i].row.device, device) == 0)
            return series->members[i].other < 0;
    return false;
}

static void what_fits_is_not_summed(void **state)
{
    (void)state;
    struct collect_rows read = rows_of(8, ONE, 1, 7);
    struct series series;

    assert_int_equal(series_init(&series, 40), 0);
    assert_int_equal(series_update(&series, &read), 0);
    assert_int_equal(series.collapsed, 0);
    assert_int_equal(series.others.count, 0);
    assert_int_equal(pairs_of(&series), 8);
    series_done(&series);
}

static void the_rest_is_summed_by_interface(void **state)
{
    (void)state;
    struct collect_rows read = rows_of(20, ONE, 1, 7);
    struct series series;

    assert_int_equal(series_init(&series, 40), 0);
    assert_int_equal(series_update(&series, &read), 0);
    assert_int_equal(series.collapsed, 12);
    assert_int_equal(other_of(&series, "a0")->counters.rx_bytes, 12 * 7);
    assert_int_equal(other_of(&series, "a0")->counters.tx_packets, 12 * 7);
    assert_true(has_own(&series, 7, "a0"));
    assert_false(has_own(&series, 8, "a0"));
    assert_true(pairs_of(&series) <= 10);
    series_done(&series);
}

/* An interface that is called as ours of the rest is with it. */
static void the_least_room_is_enough(void **state)
{
    (void)state;
    struct collect_rows read = rows_of(3, MANY, 7, 1);
    struct series series;

    assert_int_equal(series_init(&series, SERIES_MIN), 0);
    assert_int_equal(series_update(&series, &read), 0);
    assert_int_equal(series.collapsed, 21);
    assert_int_equal(pairs_of(&series), 2);
    assert_int_equal(other_of(&series, "a0")->counters.rx_bytes, 3);
    assert_int_equal(other_of(&series, SERIES_OTHER)->counters.rx_bytes, 18);
    series_done(&series);
}

/* New ones with lower numbers come last; who was summed before stays, though there is room. */
static void who_has_series_keeps_them(void **state)
{
    (void)state;
    struct collect_rows read = rows_of(20, ONE, 1, 1), later = {rows + 12, 8};
    struct series series;

    assert_int_equal(series_init(&series, 40), 0);
    assert_int_equal(series_update(&series, &later), 0); /* 12 to 19 */
    assert_int_equal(series_update(&series, &read), 0);
    for (uint32_t uid = 0; uid < 20; uid++)
        assert_int_equal(has_own(&series, uid, "a0"), uid >= 12);
    read.count = 12; /* 0 to 11 */
    assert_int_equal(series_update(&series, &read), 0);
    assert_int_equal(series.collapsed, 12);
    assert_int_equal(pairs_of(&series), 1);
    series_done(&series);
}

static void deleted_rows_take_nothing_from_others(void **state)
{
    (void)state;
    struct collect_rows read = rows_of(20, ONE, 1, 100), fewer;
    struct series series;

    assert_int_equal(series_init(&series, 40), 0);
    assert_int_equal(series_update(&series, &read), 0);
    fewer = read;
    fewer.count = 9;
    assert_int_equal(series_update(&series, &fewer), 0);
    assert_int_equal(other_of(&series, "a0")->counters.rx_bytes, 1200);
    rows[8].counters.rx_bytes = 30; /* began anew */
    assert_int_equal(series_update(&series, &fewer), 0);
    assert_int_equal(other_of(&series, "a0")->counters.rx_bytes, 1230);
    fewer.count = 0;
    assert_int_equal(series_update(&series, &fewer), 0);
    assert_int_equal(series.collapsed, 0);
    assert_int_equal(other_of(&series, "a0")->counters.rx_bytes, 1230);
    series_done(&series);
}

static void sums_stay_at_the_most_there_can_be(void **state)
{
    (void)state;
    struct collect_rows read = rows_of(10, ONE, 1, UINT64_MAX - 1);
    struct series series;

    assert_int_equal(series_init(&series, SERIES_MIN), 0);
    assert_int_equal(series_update(&series, &read), 0);
    assert_true(other_of(&series, "a0")->counters.rx_bytes == UINT64_MAX);
    series_done(&series);
}

#define USERS 20
#define DEVICES (sizeof(MANY) / sizeof(*MANY))

/* A row of the maps, and how it was exported last. */
struct simulated {
    bool there, anew; /* anew: it was not there a step ago, or has been deleted since */
    uint64_t bytes;
    enum { NOWHERE, IN_OTHER, OF_ITS_OWN } was;
    uint64_t shown;
};

static struct simulated simulation[USERS][DEVICES];
static uint64_t others_shown[DEVICES];

static void simulate(struct simulated *row)
{
    bool was_there = row->there;

    row->anew = !was_there || rand() % 50 == 0;
    if (row->anew) {
        row->bytes = 0;
        row->there = rand() % 20 == 0;
    }
    if (!row->there)
        row->was = NOWHERE;
    row->bytes += (uint64_t)(rand() % 3);
}

static struct collect_rows simulate_all(void)
{
    struct collect_rows read = {rows, 0};

    for (uint32_t uid = 0; uid < USERS; uid++)
        for (size_t device = 0; device < DEVICES; device++) {
            simulate(&simulation[uid][device]);
            if (!simulation[uid][device].there)
                continue;
            struct collect_row *row = &rows[read.count++];
            *row = (struct collect_row){.uid = uid, .counters = {simulation[uid][device].bytes}};
            strcpy(row->device, MANY[device]);
        }
    return read;
}

static size_t number_of(const char *device)
{
    size_t number = 0;

    while (strcmp(MANY[number], device))
        number++;
    return number;
}

static void check_member(const struct series_member *member)
{
    struct simulated *row = &simulation[member->row.uid][number_of(member->row.device)];
    bool own = member->other < 0;

    if (row->was != NOWHERE)
        assert_int_equal(row->was, own ? OF_ITS_OWN : IN_OTHER);
    if (own && row->was == OF_ITS_OWN && !row->anew)
        assert_true(member->row.counters.rx_bytes >= row->shown);
    row->was = own ? OF_ITS_OWN : IN_OTHER;
    row->shown = member->row.counters.rx_bytes;
}

static void check_step(const struct series *series)
{
    assert_true(pairs_of(series) <= series->room);
    for (size_t i = 0; i < series->member_count; i++)
        check_member(&series->members[i]);
    for (size_t i = 0; i < series->others.count; i++) {
        size_t device = number_of(series->others.rows[i].device);
        assert_true(series->others.rows[i].counters.rx_bytes >= others_shown[device]);
        others_shown[device] = series->others.rows[i].counters.rx_bytes;
    }
}

/* Rows come, grow and go at random. */
static void nothing_ever_goes_back(void **state)
{
    (void)state;
    struct series series;

    srand(1);
    assert_int_equal(series_init(&series, 100), 0);
    for (int step = 0; step < 2000; step++) {
        struct collect_rows read = simulate_all();
        assert_int_equal(series_update(&series, &read), 0);
        check_step(&series);
    }
    assert_true(series.others.count >= 2);
    series_done(&series);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_is_not_summed),
        cmocka_unit_test(the_rest_is_summed_by_interface),
        cmocka_unit_test(the_least_room_is_enough),
        cmocka_unit_test(who_has_series_keeps_them),
        cmocka_unit_test(deleted_rows_take_nothing_from_others),
        cmocka_unit_test(sums_stay_at_the_most_there_can_be),
        cmocka_unit_test(nothing_ever_goes_back),
    };

    return unit_run(tests);
}
